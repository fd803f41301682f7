/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The processor as a guest sees it: system registers, barriers, device accesses, the per-CPU
 * block, work for other CPUs, and waiting with a time limit (Arm ARM D1.16 for WFE and WFI, D11
 * for the counter).
 */
#ifndef GUEST_CPU_H
#define GUEST_CPU_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_CPUS   8
#define STACK_SIZE 0x8000 /* must agree with STACK_SHIFT in start.S */
#define MAX_INTIDS 1024
#define LPI_FIRST  8192 /* the first INTID of an LPI */
#define MAX_LPIS   2048 /* that are counted */
#define LOG_LENGTH 512

/*
 * How long a wait for something that must come may take, and how long we look at what must not
 * come.
 */
#define LIMIT_MS        10000
#define FINISH_LIMIT_MS 60000 /* of work on another CPU, whose own waits end earlier */
#define SETTLE_MS       20

#define read_sysreg(name)                                                    \
	({                                                                   \
		uint64_t value_;                                             \
		__asm__ volatile("mrs %0, " #name : "=r"(value_)::"memory"); \
		value_;                                                      \
	})
#define write_sysreg(name, value) \
	__asm__ volatile("msr " #name ", %0" ::"r"((uint64_t)(value)) : "memory")

static inline void isb(void)
{
	__asm__ volatile("isb" ::: "memory");
}

static inline void dsb(void)
{
	__asm__ volatile("dsb sy" ::: "memory");
}

static inline void wfe(void)
{
	__asm__ volatile("wfe" ::: "memory");
}

static inline void wfi(void)
{
	__asm__ volatile("dsb sy\n\twfi" ::: "memory");
}

/* Makes earlier stores visible, then wakes every CPU that waits in WFE. */
static inline void sev(void)
{
	__asm__ volatile("dsb ish\n\tsev" ::: "memory");
}

static inline void irq_mask(void)
{
	__asm__ volatile("msr daifset, #3" ::: "memory");
}

static inline void irq_unmask(void)
{
	__asm__ volatile("msr daifclr, #3\n\tisb" ::: "memory");
}

/* One plain load or store each, so that a hypervisor gets a syndrome it can decode. */
static inline uint32_t read32(uintptr_t at)
{
	uint32_t value;

	__asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
	return value;
}

static inline void write32(uintptr_t at, uint32_t value)
{
	__asm__ volatile("str %w0, [%1]" ::"r"(value), "r"(at) : "memory");
}

static inline uint64_t read64(uintptr_t at)
{
	uint64_t value;

	__asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(at) : "memory");
	return value;
}

static inline void write64(uintptr_t at, uint64_t value)
{
	__asm__ volatile("str %0, [%1]" ::"r"(value), "r"(at) : "memory");
}

static inline uint8_t read8(uintptr_t at)
{
	uint32_t value;

	__asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
	return (uint8_t)value;
}

static inline void write8(uintptr_t at, uint8_t value)
{
	__asm__ volatile("strb %w0, [%1]" ::"r"((uint32_t)value), "r"(at) : "memory");
}

static inline void write16(uintptr_t at, uint16_t value)
{
	__asm__ volatile("strh %w0, [%1]" ::"r"((uint32_t)value), "r"(at) : "memory");
}

/*
 * One per CPU. seen[] and log[] are written by this CPU's interrupt entry only; others may read
 * them at any time.
 */
struct cpu {
	unsigned index;
	uint64_t affinity;    /* as in MPIDR_EL1: Aff3 in bits 39:32, Aff2..0 in 23:0 */
	uintptr_t gicr;       /* RD_base of its redistributor; SGI_base is 64 KiB above */
	atomic_uint online;   /* runs its work loop */
	atomic_uint busy;     /* work was handed over and is not done */
	atomic_uint rung;     /* took the doorbell since it began to wait for work */
	void (*work)(void *); /* valid while busy */
	void *work_argument;
	uint64_t entry_daif; /* as CPU_ON handed the CPU over */
	uint64_t entry_sctlr;
	unsigned entry_running; /* the running priority of its CPU interface then */
	bool fault_expected;    /* the next synchronous exception is skipped and noted */
	bool faults_tolerated;  /* each of them is */
	uint64_t fault_esr;
	atomic_uint faults;
	/* Acknowledged: an LPI's count is at seen_index(). */
	atomic_uint seen[MAX_INTIDS + MAX_LPIS];
	atomic_uint fiqs; /* of these, by FIQ */
	atomic_uint spurious;
	uint8_t sources[16]; /* GICv2: who sent the SGI that was acknowledged last, by INTID */
	bool split_end;      /* its EOImode is 1 */
	atomic_uint logged;
	uint16_t log[LOG_LENGTH]; /* INTIDs in the order of their acknowledgement */
};

extern struct cpu cpus[MAX_CPUS];
extern unsigned cpu_count; /* present in the machine, at most MAX_CPUS */
/* With fewer the guest bails out: 2, unless the program says otherwise. */
extern unsigned cpus_needed;

static inline struct cpu *this_cpu(void)
{
	return (struct cpu *)read_sysreg(tpidr_el1);
}

/* Where an INTID is counted: LPIs behind all others. */
static inline unsigned seen_index(unsigned intid)
{
	return intid < LPI_FIRST ? intid % MAX_INTIDS : MAX_INTIDS + (intid - LPI_FIRST) % MAX_LPIS;
}

/*
 * Called between acknowledge and end of each interrupt, if set; else the interrupt is only counted.
 * Set it while no interrupt can come.
 */
typedef void interrupt_hook(struct cpu *me, unsigned intid);
extern interrupt_hook *on_interrupt;

/* Makes the GiB that this address is in, where no RAM is, one for devices. */
void map_device(uint64_t address);

/* Starts every other CPU; false if one does not come up within the limit. */
bool smp_start(void);
/* Hands `work` to a CPU that is online and idle and returns at once; false if it is not. */
bool cpu_start(unsigned cpu, void (*work)(void *), void *argument);
/* Waits until the work is done; false if the limit passed. */
bool cpu_finish(unsigned cpu);
/* Both of the above. */
bool cpu_run(unsigned cpu, void (*work)(void *), void *argument);
/* Runs it on all CPUs at once, the caller's included. */
bool cpu_run_all(void (*work)(void *), void *argument);
/* Turns another CPU off by PSCI and waits until it is; false if it did not happen. */
bool cpu_turn_off(unsigned cpu);
/* The same in two steps: work that ends with the first on the CPU that goes, the second elsewhere. */
_Noreturn void cpu_go_off(void);
bool cpu_wait_off(unsigned cpu);
/* Turns it on again and waits for its work loop. */
bool cpu_turn_on(unsigned cpu);
/* The loop a CPU other than the first lives in. */
_Noreturn void cpu_work_loop(struct cpu *me);

static inline uint64_t counter(void)
{
	isb();
	return read_sysreg(cntvct_el0);
}

uint64_t counter_after_ms(unsigned ms);
uint64_t counter_after_us(unsigned us);
static inline bool counter_passed(uint64_t deadline)
{
	return (int64_t)(counter() - deadline) >= 0;
}

/*
 * Waits in WFE (the event stream ends it) with interrupts as they are; true once *value >= wanted.
 * The limit runs anew whenever *value changes: a slow machine is not a lost interrupt.
 */
bool wait_at_least(atomic_uint *value, unsigned wanted);
bool wait_ms_at_least(atomic_uint *value, unsigned wanted, unsigned ms);
/*
 * The same asleep in WFI. Uses the CPU's virtual timer for the limit, so not for tests of that
 * timer. Interrupts are unmasked between two sleeps and left unmasked.
 */
bool sleep_at_least(atomic_uint *value, unsigned wanted);
/* Lets time pass. */
void wait_ms(unsigned ms);
/* Waits until ISR_EL1 shows an IRQ, or an FIQ, for this CPU, which has them masked. */
bool wait_irq_asserted(void);
bool wait_fiq_asserted(void);
static inline bool irq_asserted(void)
{
	isb();
	return read_sysreg(isr_el1) & 0x80;
}

static inline bool fiq_asserted(void)
{
	isb();
	return read_sysreg(isr_el1) & 0x40;
}

/* Clears all counts and logs. Call it while no interrupts are in flight. */
void counts_clear(void);
unsigned count_of(unsigned cpu, unsigned intid);
/* Sum over all CPUs. */
unsigned count_all(unsigned intid);
/* Everything acknowledged on a CPU, all INTIDs. */
unsigned count_total(unsigned cpu);

#endif
