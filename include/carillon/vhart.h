/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The machine-level state of a virtual RISC-V hart (RISC-V Privileged Architecture 1.12, and where a
 * hart says so 1.10; RV64): what a firmware that believes to be in M-mode reads and writes, which
 * interrupt it takes next, and what a trap and a return do.
 *
 * The model is a monitor that owns M-mode. The firmware runs in U-mode as "virtual M-mode"; each of its
 * privileged instructions traps, is decoded and executed on a struct vhart. The firmware's payload runs
 * in S- and U-mode as it is. Machine-level interrupts are virtualized: their pending bits are those of
 * virtual devices (vclint.h), and vhart_interrupt() is asked before each entry. Supervisor-level
 * interrupts are delegated to the payload and left alone.
 *
 * Two kinds of embedder. A monitor is `native`: what belongs to S-mode stays in the hart's own
 * registers, also while the firmware runs, and the library says what to do with them. An emulator is
 * not, and keeps the bits of mip that software writes in struct vhart.
 *
 * Everything here is a function of what it is handed: no memory but the arguments', no hardware, no
 * locks. A struct vhart is used by one CPU at a time, the one that runs the hart.
 */
#ifndef CARILLON_VHART_H
#define CARILLON_VHART_H

#include <carillon/carillon.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VHART_MAX_PMPS 64

/* Privilege modes, as mstatus.MPP has them. */
enum vhart_mode { VHART_U = 0, VHART_S = 1, VHART_M = 3 };

/* Interrupts: their numbers in mcause, and their bits in mip, mie and mideleg. */
enum vhart_interrupt {
	VHART_SSI = 1,
	VHART_VSSI = 2,
	VHART_MSI = 3,
	VHART_STI = 5,
	VHART_VSTI = 6,
	VHART_MTI = 7,
	VHART_SEI = 9,
	VHART_VSEI = 10,
	VHART_MEI = 11,
	VHART_SGEI = 12,
	VHART_LCOFI = 13,
};
#define VHART_BIT(interrupt) (UINT64_C(1) << (interrupt))

#define VHART_M_BITS  (VHART_BIT(VHART_MSI) | VHART_BIT(VHART_MTI) | VHART_BIT(VHART_MEI))
#define VHART_S_BITS  (VHART_BIT(VHART_SSI) | VHART_BIT(VHART_STI) | VHART_BIT(VHART_SEI))
#define VHART_VS_BITS (VHART_BIT(VHART_VSSI) | VHART_BIT(VHART_VSTI) | VHART_BIT(VHART_VSEI))
#define VHART_H_BITS  (VHART_VS_BITS | VHART_BIT(VHART_SGEI))

/* Exceptions: their numbers in mcause and medeleg. */
enum vhart_exception {
	VHART_FETCH_MISALIGNED = 0,
	VHART_FETCH_FAULT = 1,
	VHART_ILLEGAL_INSTRUCTION = 2,
	VHART_BREAKPOINT = 3,
	VHART_LOAD_MISALIGNED = 4,
	VHART_LOAD_FAULT = 5,
	VHART_STORE_MISALIGNED = 6,
	VHART_STORE_FAULT = 7,
	VHART_ECALL_U = 8,
	VHART_ECALL_S = 9,
	VHART_ECALL_VS = 10,
	VHART_ECALL_M = 11,
	VHART_FETCH_PAGE_FAULT = 12,
	VHART_LOAD_PAGE_FAULT = 13,
	VHART_STORE_PAGE_FAULT = 15,
	VHART_FETCH_GUEST_FAULT = 20,
	VHART_LOAD_GUEST_FAULT = 21,
	VHART_VIRTUAL_INSTRUCTION = 22,
	VHART_STORE_GUEST_FAULT = 23,
};
#define VHART_CAUSE_INTERRUPT (UINT64_C(1) << 63)

/* Fields of mstatus. */
#define VHART_MSTATUS_SIE  (UINT64_C(1) << 1)
#define VHART_MSTATUS_MIE  (UINT64_C(1) << 3)
#define VHART_MSTATUS_SPIE (UINT64_C(1) << 5)
#define VHART_MSTATUS_MPIE (UINT64_C(1) << 7)
#define VHART_MSTATUS_SPP  (UINT64_C(1) << 8)
#define VHART_MSTATUS_VS   (UINT64_C(3) << 9)
#define VHART_MSTATUS_MPP  (UINT64_C(3) << 11)
#define VHART_MSTATUS_FS   (UINT64_C(3) << 13)
#define VHART_MSTATUS_XS   (UINT64_C(3) << 15)
#define VHART_MSTATUS_MPRV (UINT64_C(1) << 17)
#define VHART_MSTATUS_SUM  (UINT64_C(1) << 18)
#define VHART_MSTATUS_MXR  (UINT64_C(1) << 19)
#define VHART_MSTATUS_TVM  (UINT64_C(1) << 20)
#define VHART_MSTATUS_TW   (UINT64_C(1) << 21)
#define VHART_MSTATUS_TSR  (UINT64_C(1) << 22)
#define VHART_MSTATUS_UXL  (UINT64_C(3) << 32)
#define VHART_MSTATUS_SXL  (UINT64_C(3) << 34)
#define VHART_MSTATUS_GVA  (UINT64_C(1) << 38)
#define VHART_MSTATUS_MPV  (UINT64_C(1) << 39)
#define VHART_MSTATUS_SD   (UINT64_C(1) << 63)

#define VHART_MSTATUS_MPP_OF(mstatus) (((mstatus) >> 11) & 3)

/*
 * What S-mode sees of mstatus and writes without a trap. For a native embedder the hart's own mstatus
 * has them at all times; see vhart_take_mstatus().
 */
#define VHART_MSTATUS_S_FIELDS                                                           \
	(VHART_MSTATUS_SIE | VHART_MSTATUS_SPIE | VHART_MSTATUS_SPP | VHART_MSTATUS_VS | \
	 VHART_MSTATUS_FS | VHART_MSTATUS_XS | VHART_MSTATUS_SUM | VHART_MSTATUS_MXR)

#define VHART_MENVCFG_STCE (UINT64_C(1) << 63) /* Sstc is on: stimecmp drives STIP */

/* misa's bit of an extension, 'A' to 'Z'. */
#define VHART_MISA(letter) (UINT64_C(1) << ((letter) - 'A'))
#define VHART_MISA_RV64    (UINT64_C(2) << 62)

/* What the virtual hart has. A monitor fills it by probing its hart, so that both agree. */
struct vhart_config {
	uint64_t
		misa; /* VHART_MISA_RV64, and extensions: I and U at least; S, H, C, F, V matter here */
	uint64_t mvendorid, marchid, mimpid, mhartid;
	/*
	 * Before 1.12 of the privileged architecture: mret leaves MPRV as it is, and there is neither
	 * menvcfg, senvcfg nor mconfigptr.
	 */
	bool priv_1_10;
	bool native;         /* S-mode's registers are the hart's own: see the top */
	bool time;           /* the time CSR exists */
	bool sstc;           /* stimecmp and menvcfg.STCE */
	bool sscofpmf;       /* LCOFI and scountovf */
	uint64_t mseccfg;    /* writable bits: of Zkr's; 0: there is no such register */
	uint64_t menvcfg;    /* writable bits */
	uint64_t mcounteren; /* writable bits */
	uint64_t medeleg;    /* writable bits; that of VHART_ECALL_M is never among them */
	uint64_t
		mideleg_forced; /* bits that are hardwired to one: VHART_H_BITS with H, perhaps S's */
	uint64_t satp_bits;     /* writable bits of satp's ASID and PPN */
	uint16_t satp_modes;    /* bit n: satp's MODE n is there; bit 0 must be set with S */
	uint8_t pmps; /* entries that the firmware has, 0 to VHART_MAX_PMPS; there are registers for 0, 16 or 64 */
	uint8_t pmp_grain; /* G: an entry's smallest region is 2^(G+2) bytes; 0 to 24 */
};

/* What a function changed that a native embedder's hart has to know: bits of struct vhart's `changed`. */
enum vhart_change {
	VHART_CHANGED_MSTATUS = 1, /* VHART_MSTATUS_S_FIELDS of mstatus */
	VHART_CHANGED_MPRV = 2,    /* whether loads and stores are somebody else's: vhart_mprv() */
	VHART_CHANGED_IP = 4,      /* set and clear ip_set and ip_clear in the hart's mip */
	VHART_CHANGED_MENVCFG = 8, /* before VHART_CHANGED_IP: STCE decides what mip takes */
	VHART_CHANGED_MCOUNTEREN = 16,
	VHART_CHANGED_PMP = 32,
	VHART_CHANGED_SATP = 64, /* the payload's; the firmware runs without translation */
	VHART_CHANGED_MSECCFG = 256,
	VHART_CHANGED_MIE = 128, /* mie, mideleg or medeleg: see vhart_native() */
};

struct vhart {
	/* The registers, as the architecture names them. */
	uint64_t pc;
	uint64_t mstatus, mtvec, mepc, mcause, mtval, mtval2, mtinst, mscratch;
	uint64_t medeleg, mideleg, mie;
	uint64_t mip; /* the bits that software writes; native: none, the hart has them */
	uint64_t mcounteren, menvcfg, mseccfg;
	uint64_t satp;
	uint64_t
		hideleg; /* native: the embedder's copy of the hart's, brought up to date for vsie */
	uint8_t mode;    /* enum vhart_mode */
	bool v;          /* virtualization mode: VS or VU */
	uint16_t changed;    /* enum vhart_change; the embedder clears it */
	uint64_t interrupts; /* those that it has, as bits of mie and mip: from the configuration */
	/* With VHART_CHANGED_IP: what to set and to clear in the hart's mip, by csrs and csrc. */
	uint64_t ip_set, ip_clear;

	uint8_t pmpcfg[VHART_MAX_PMPS];
	uint64_t pmpaddr[VHART_MAX_PMPS];

	struct vhart_config config;
};

/* --- Life ------------------------------------------------------------------------------------- */

/* 0, or -VIRQ_ERR_CONFIG; then *why, if why is not NULL, is a sentence that names the field. */
int vhart_check(const struct vhart_config *config, const char **why);

/*
 * Power-on state (Privileged Architecture, "Reset"): M-mode, MIE and MPRV 0, PMP off and unlocked,
 * mcause 0; what the architecture leaves open is 0. pc is the embedder's to set. 0; -VIRQ_ERR_CONFIG.
 */
int vhart_init(struct vhart *hart, const struct vhart_config *config);

/* --- Interrupts -------------------------------------------------------------------------------
 *
 * `ip` are the pending bits that come from outside, now: MSIP, MTIP and MEIP of the virtual
 * controllers, always; SEIP's line, and STIP's if stimecmp drives it. Native: all that the hart's mip
 * has outside VHART_M_BITS.
 */

/* What a read of mip gives. */
uint64_t vhart_mip(const struct vhart *hart, uint64_t ip);

/*
 * The number of the interrupt that is to be taken in M-mode before the next instruction, or -1:
 * pending, enabled, not delegated, and M-mode not holding it off; in the architecture's order.
 */
int vhart_interrupt(const struct vhart *hart, uint64_t ip);

/* Whether wfi is over: anything pending and enabled, whatever mstatus.MIE and mideleg say. */
bool vhart_wakes(const struct vhart *hart, uint64_t ip);

/* --- Traps and returns ------------------------------------------------------------------------ */

struct vhart_trap {
	uint64_t cause; /* as mcause has it */
	uint64_t tval;
	uint64_t tval2, tinst; /* with H */
	bool gva;              /* with H: tval is a guest virtual address */
};

/* The trap is taken in M-mode: from the current mode, with `pc` the instruction that it hit. */
void vhart_trap(struct vhart *hart, const struct vhart_trap *trap);

/* The interrupt, one that vhart_interrupt() gave, is taken. */
void vhart_take(struct vhart *hart, int interrupt);

/* mret in M-mode. */
void vhart_mret(struct vhart *hart);

/*
 * sret in M-mode; `sepc`, and with H `hstatus`, whose SPV it uses and clears, are the hart's.
 * hstatus is NULL without H.
 */
void vhart_sret(struct vhart *hart, uint64_t sepc, uint64_t *hstatus);

/* --- Control and status registers ------------------------------------------------------------- */

enum vhart_op {
	VHART_READ,  /* csrrs, csrrc with rs1 = x0 or immediate 0: does not write */
	VHART_WRITE, /* csrrw; also with rd = x0 */
	VHART_SET,
	VHART_CLEAR,
};

/* What the access makes of the register's old value. */
static inline uint64_t vhart_csr_result(enum vhart_op op, uint64_t old, uint64_t operand)
{
	switch (op) {
	case VHART_WRITE:
		return operand;
	case VHART_SET:
		return old | operand;
	case VHART_CLEAR:
		return old & ~operand;
	default:
		return old;
	}
}

enum vhart_answer {
	VHART_DONE,
	VHART_ILLEGAL, /* the instruction is illegal for the firmware */
	/*
	 * The register is not the machine level's: S-mode's (native), a counter's. The embedder makes
	 * the access on what it has, which is a legal one as far as the privilege goes.
	 */
	VHART_HOST,
	VHART_WAIT,              /* wfi: go on when vhart_wakes() */
	VHART_FENCE,             /* sfence, hfence and their like: on the payload's translations */
	VHART_GUEST_MEMORY,      /* hlv, hlvx, hsv: on a guest of the payload's */
	VHART_SUPERVISOR_RETURN, /* sret: vhart_sret() */
};

/*
 * An access to the CSR `number` (0 to 4095) in M-mode. *value is the operand on the way in, and what
 * rd gets on the way out. `ip` as above. See vhart->changed.
 */
enum vhart_answer vhart_csr(struct vhart *hart, unsigned number, enum vhart_op op, uint64_t *value,
			    uint64_t ip);

/* --- Instructions ------------------------------------------------------------------------------ */

enum vhart_insn_kind {
	VHART_INSN_OTHER, /* none of these */
	VHART_INSN_CSR,
	VHART_INSN_MRET,
	VHART_INSN_SRET,
	VHART_INSN_WFI,
	VHART_INSN_ECALL,
	VHART_INSN_EBREAK,
	VHART_INSN_FENCE, /* sfence.vma, sinval.vma, sfence.w.inval, sfence.inval.ir, hfence.*, hinval.* */
	VHART_INSN_LOAD, /* of an integer register; compressed ones, too */
	VHART_INSN_STORE,
	VHART_INSN_GUEST_LOAD, /* hlv, hlvx */
	VHART_INSN_GUEST_STORE,
	VHART_INSN_ATOMIC, /* lr, sc, amo */
	VHART_INSN_FLOAT_LOAD,
	VHART_INSN_FLOAT_STORE,
};

struct vhart_insn {
	uint32_t raw;
	uint8_t kind;   /* enum vhart_insn_kind */
	uint8_t length; /* 2 or 4 bytes */
	uint8_t rd, rs1, rs2;
	uint8_t bytes;  /* loads and stores: 1, 2, 4, 8; of floating point also 16 */
	bool is_signed; /* loads: sign-extended */
	int32_t offset; /* loads and stores: added to rs1 */
	uint8_t op;     /* CSR: enum vhart_op */
	bool immediate; /* CSR: rs1's number is the operand */
	uint16_t csr;
};

/* What a load gives rd: of what it read, `bytes` of them, the lowest first. */
static inline uint64_t vhart_loaded(const struct vhart_insn *insn, uint64_t value)
{
	unsigned shift = 64u - 8u * insn->bytes;

	if (insn->is_signed)
		return (uint64_t)((int64_t)(value << shift) >> shift);
	return value << shift >> shift;
}

/* Bits 15:0 decide the length: if bits 1:0 are not 3, bits 31:16 of raw are ignored. */
void vhart_decode(uint32_t raw, struct vhart_insn *insn);

/*
 * A CSR instruction, mret, sret, wfi, fence, hlv or hsv in M-mode, with the integer registers x[0] to x[31]
 * (x[0] is 0 and stays it). VHART_DONE: registers and pc are those after the instruction, or mret has
 * taken place. Anything else: nothing has changed. VHART_HOST, VHART_WAIT, VHART_FENCE, VHART_GUEST_MEMORY: the
 * embedder does its part and goes on at pc + length.
 */
enum vhart_answer vhart_execute(struct vhart *hart, const struct vhart_insn *insn, uint64_t x[32],
				uint64_t ip);

/*
 * The short way for what firmware does most: a CSR instruction on a register that has no effect but to be
 * there (mscratch, mepc, mcause, mtval). False: it is none of those, and nothing has changed.
 */
bool vhart_execute_plain(struct vhart *hart, uint32_t raw, uint64_t x[32]);

/* --- Physical memory protection ---------------------------------------------------------------- */

enum vhart_access { VHART_LOAD = 1, VHART_STORE = 2, VHART_FETCH = 4 }; /* as pmpcfg's R, W, X */

/*
 * Whether the firmware's PMP lets `mode` access [address, address + bytes): the lowest entry that
 * matches any byte must match all, and allow it. Without a match M-mode may, others only if there are
 * no entries at all.
 */
bool vhart_pmp_allows(const struct vhart *hart, enum vhart_mode mode, uint64_t address,
		      unsigned bytes, enum vhart_access access);

/* Whether loads and stores of the firmware are made as the mode in MPP, with the payload's view. */
static inline bool vhart_mprv(const struct vhart *hart)
{
	return hart->mode == VHART_M && (hart->mstatus & VHART_MSTATUS_MPRV) &&
	       VHART_MSTATUS_MPP_OF(hart->mstatus) != VHART_M;
}

/* --- For a monitor: what the hart's own registers have to be ------------------------------------ */

struct vhart_native {
	uint64_t
		mstatus; /* all but VHART_MSTATUS_S_FIELDS, which the hart keeps; MPP, MPV for mret */
	uint64_t mie, mideleg, medeleg;
	uint64_t satp;
};

/*
 * To run the hart in its mode: the firmware de-privileged (MPP = U, wfi trapped, nothing delegated, no
 * translation, MSIE and MTIE, and, if mstatus.MIE is set, what else the firmware takes), or the payload
 * as it is (its delegation; MSIE and MTIE always; MEIE never). Never with MPRV. Exceptions in `keep` are
 * not delegated: those that the monitor wants to see first.
 */
void vhart_native(const struct vhart *hart, uint64_t keep, struct vhart_native *native);

/* Of these the mie for the firmware alone, which changes with its own mie, mideleg and mstatus.MIE. */
static inline uint64_t vhart_firmware_mie(const struct vhart *hart)
{
	uint64_t always = VHART_BIT(VHART_MSI) | VHART_BIT(VHART_MTI);

	if (!(hart->mstatus & VHART_MSTATUS_MIE))
		return always;
	return always | (hart->mie & ~hart->mideleg & ~VHART_M_BITS);
}

/* The payload has run: what it may have changed of mie, from the hart's own. */
static inline void vhart_take_mie(struct vhart *hart, uint64_t native_mie)
{
	hart->mie = (hart->mie & VHART_M_BITS) | (native_mie & ~VHART_M_BITS);
}

/* S-mode's fields of mstatus, from the hart's own. Before a CSR access and before vhart_sret(). */
static inline void vhart_take_mstatus(struct vhart *hart, uint64_t native_mstatus)
{
	hart->mstatus = (hart->mstatus & ~VHART_MSTATUS_S_FIELDS) |
			(native_mstatus & VHART_MSTATUS_S_FIELDS);
}

/* --- Save and restore --------------------------------------------------------------------------- */

/* Bytes of a saved state; lib/vhart/state.md is the format. */
#define VHART_STATE_SIZE 1024

/* Into VHART_STATE_SIZE bytes. */
void vhart_save(const struct vhart *hart, void *state);

/*
 * 0; or -VIRQ_ERR_STATE, with *why (if not NULL) a sentence, and nothing changed: every field must be
 * one that this configuration can come to. All of `changed` is set then, as after a reset.
 */
int vhart_restore(struct vhart *hart, const void *state, size_t size, const char **why);

#ifdef __cplusplus
}
#endif

#endif
