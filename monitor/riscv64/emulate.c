/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the monitor does in the firmware's stead; see emulate.h and carillon/vhart.h.
 */
#include "clint.h"
#include "csr.h"
#include "emulate.h"
#include "end.h"
#include "fast.h"
#include "memory.h"
#include "native.h"

#define MRET 0x30200073

struct range emulate_ours;

static struct range clint, finisher;

void emulate_init(const struct board *board, struct range monitor)
{
	clint = board->clint;
	finisher = board->finisher;
	emulate_ours = monitor;
}

uint64_t pending(const struct hart *hart)
{
	uint64_t clints = VHART_BIT(VHART_MSI) | VHART_BIT(VHART_MTI);

	return (csr_read(mip) & ~clints) | vclint_lines(vclint, hart->index, clint_time());
}

/* --- Exceptions ---------------------------------------------------------------------------------------- */

static void forward_with(struct hart *hart, uint64_t cause, bool gva)
{
	struct vhart_trap trap = { .cause = cause, .tval = csr_read(mtval) };

	if (hart->v.config.misa & VHART_MISA('H')) {
		trap.tval2 = csr_read(CSR_MTVAL2);
		trap.tinst = csr_read(CSR_MTINST);
		trap.gva = gva;
	}
	vhart_trap(&hart->v, &trap);
}

void forward(struct hart *hart, uint64_t cause)
{
	forward_with(hart, cause, csr_read(mstatus) & VHART_MSTATUS_GVA);
}

static void fault(struct hart *hart, uint64_t cause, uint64_t tval)
{
	struct vhart_trap trap = { .cause = cause, .tval = tval };

	vhart_trap(&hart->v, &trap);
}

static void set_register(struct hart *hart, unsigned rd, uint64_t value)
{
	if (!rd)
		return;
	hart->x[rd] = value;
	hart->reload |= is_kept(rd);
}

/* --- Privileged instructions ---------------------------------------------------------------------------- */

/* A register that the firmware has as the hart has it. */
static bool host_csr(struct hart *hart, const struct vhart_insn *insn)
{
	uint64_t operand = insn->immediate ? insn->rs1 : hart->x[insn->rs1], old;

	if (insn->csr == CSR_SENVCFG) {
		old = hart->senvcfg;
		if (insn->op != VHART_READ)
			world_senvcfg(hart,
				      vhart_csr_result((enum vhart_op)insn->op, old, operand));
	} else if (insn->csr == CSR_HSTATUS) {
		old = world_hstatus(hart);
		if (insn->op != VHART_READ)
			world_set_hstatus(hart,
					  vhart_csr_result((enum vhart_op)insn->op, old, operand));
	} else if (!csr_try_read(insn->csr, &old)) {
		if (insn->csr != CSR_TIME || insn->op != VHART_READ)
			return false;
		old = clint_time();
	} else if (insn->op != VHART_READ &&
		   !csr_try_write(insn->csr,
				  vhart_csr_result((enum vhart_op)insn->op, old, operand))) {
		return false;
	}
	set_register(hart, insn->rd, old);
	return true;
}

void hart_sleep(void); /* vectors.S */

/* Until something is pending that the firmware has enabled. What wakes the hart is its mie. */
static void wait(struct hart *hart)
{
	uint64_t enabled = csr_read(mie);

	csr_set(mie, hart->v.mie & ~(VHART_BIT(VHART_MSI) | VHART_BIT(VHART_MTI)));
	while (!vhart_wakes(&hart->v, pending(hart)) && !hart->came) {
		hart_sleep();
		clint_interrupts(hart, csr_read(mip));
	}
	hart->came = false;
	csr_write(mie, enabled);
}

#define FENCE(funct7, a, b) \
	__asm__ volatile(".insn r 0x73, 0, " #funct7 ", x0, %0, %1" ::"r"(a), "r"(b) : "memory")
#define FENCE_ALL_OF(funct7, b) \
	__asm__ volatile(".insn r 0x73, 0, " #funct7 ", x0, x0, %0" ::"r"(b) : "memory")
#define FENCE_PAGE(funct7, a) \
	__asm__ volatile(".insn r 0x73, 0, " #funct7 ", x0, %0, x0" ::"r"(a) : "memory")
#define FENCE_ALL(funct7) __asm__ volatile(".insn r 0x73, 0, " #funct7 ", x0, x0, x0" ::: "memory")

/* x0 is not the same as a register that is 0. */
#define FENCE_FORMS(funct7)                      \
	do {                                     \
		if (insn->rs1 && insn->rs2)      \
			FENCE(funct7, a, b);     \
		else if (insn->rs1)              \
			FENCE_PAGE(funct7, a);   \
		else if (insn->rs2)              \
			FENCE_ALL_OF(funct7, b); \
		else                             \
			FENCE_ALL(funct7);       \
	} while (0)

/* sinval, and the fences around it, as the sfence that does it all. */
static void fence(const struct hart *hart, const struct vhart_insn *insn)
{
	uint64_t a = hart->x[insn->rs1], b = hart->x[insn->rs2];

	switch (insn->raw >> 25) {
	case 0x11:
	case 0x13:
		FENCE_FORMS(0x11);
		break;
	case 0x31:
	case 0x33:
		FENCE_FORMS(0x31);
		break;
	case 0x09:
	case 0x0b:
		FENCE_FORMS(0x09);
		break;
	default:
		FENCE_ALL(0x09);
	}
}

static void supervisor_return(struct hart *hart)
{
	bool hypervisor = hart->v.config.misa & VHART_MISA('H');
	uint64_t hstatus = 0;

	vhart_take_mstatus(&hart->v, csr_read(mstatus));
	if (hypervisor)
		hstatus = csr_read(CSR_HSTATUS);
	vhart_sret(&hart->v, csr_read(sepc), hypervisor ? &hstatus : NULL);
	if (hypervisor)
		csr_write(CSR_HSTATUS, hstatus);
}

/* `guest`: the address is one of a guest of the payload's. */
static void finish_access(struct hart *hart, const struct vhart_insn *insn, struct result result,
			  bool guest)
{
	if (result.fault) {
		forward_with(hart, csr_read(mcause), guest);
		return;
	}
	if (insn->kind != VHART_INSN_STORE && insn->kind != VHART_INSN_GUEST_STORE)
		set_register(hart, insn->rd, result.value);
	hart->v.pc += insn->length;
}

/* hlv and its like: by the hart's own, on the payload's guest, with the payload's PMP. */
static void guest_memory(struct hart *hart, const struct vhart_insn *insn)
{
	bool window = hart->window;
	struct result result;

	world_borrow(hart);
	result = guest_access(insn, hart->x[insn->rs1], csr_read(mstatus), hart->x[insn->rs2]);
	world_return(hart, window);
	finish_access(hart, insn, result, true);
}

/* What hart->v does not keep itself, for the registers that show it. */
static uint64_t prepare(struct hart *hart, const struct vhart_insn *insn)
{
	if (insn->kind != VHART_INSN_CSR)
		return 0;
	switch (insn->csr) {
	case CSR_MIP:
	case CSR_SIP:
		return pending(hart);
	case CSR_MSTATUS:
	case CSR_SSTATUS:
		vhart_take_mstatus(&hart->v, csr_read(mstatus));
		return 0;
	case CSR_VSIE:
		csr_try_read(CSR_HIDELEG, &hart->v.hideleg);
		return 0;
	default:
		return 0;
	}
}

void emulate_privileged(struct hart *hart, uint32_t raw)
{
	struct vhart_insn insn;

	/* Of those that vhart_execute_plain() leaves, the one on every way back to the payload. */
	if (raw == MRET) {
		vhart_mret(&hart->v);
		return;
	}
	vhart_decode(raw, &insn);
	switch (vhart_execute(&hart->v, &insn, hart->x, prepare(hart, &insn))) {
	case VHART_DONE:
		hart->reload |= is_kept(insn.rd);
		return;
	case VHART_HOST:
		if (!host_csr(hart, &insn))
			break;
		hart->v.pc += insn.length;
		return;
	case VHART_WAIT:
		hart->v.pc += insn.length;
		wait(hart);
		return;
	case VHART_FENCE:
		fence(hart, &insn);
		hart->v.pc += insn.length;
		return;
	case VHART_GUEST_MEMORY:
		guest_memory(hart, &insn);
		return;
	case VHART_SUPERVISOR_RETURN:
		supervisor_return(hart);
		return;
	case VHART_ILLEGAL:
		break;
	}
	fault(hart, VHART_ILLEGAL_INSTRUCTION, insn.raw);
}

/* --- Loads and stores ------------------------------------------------------------------------------------ */

static bool is_access(const struct vhart_insn *insn)
{
	return insn->kind == VHART_INSN_LOAD || insn->kind == VHART_INSN_STORE;
}

/* With the firmware's MPRV set: as the payload, through its translation and its PMP. */
static void access_as_payload(struct hart *hart, const struct vhart_insn *insn)
{
	uint64_t address = hart->x[insn->rs1] + (uint64_t)(int64_t)insn->offset;
	uint64_t status = (csr_read(mstatus) & VHART_MSTATUS_S_FIELDS) | VHART_MSTATUS_MPRV |
			  (hart->v.mstatus & (VHART_MSTATUS_MPP | VHART_MSTATUS_MPV));
	struct result result;

	world_borrow(hart);
	result = guest_access(insn, address, status, hart->x[insn->rs2]);
	world_return(hart, true);
	finish_access(hart, insn, result, status & VHART_MSTATUS_MPV);
}

/* The value that a device has for a load, or takes of a store; false: access fault. */
static bool device_access(struct hart *hart, const struct vhart_insn *insn, uint64_t address)
{
	uint64_t value;

	if (insn->kind == VHART_INSN_STORE) {
		value = hart->x[insn->rs2];
		if (range_has(&clint, address))
			return clint_store(hart, address, insn->bytes, value);
		finish(address - finisher.start, insn->bytes, value);
		return true;
	}
	if (range_has(&clint, address)) {
		if (!clint_load(address, insn->bytes, &value))
			return false;
	} else {
		value = 0; /* the test device has nothing to read */
	}
	set_register(hart, insn->rd, vhart_loaded(insn, value));
	return true;
}

static bool is_device(uint64_t address)
{
	return range_has(&clint, address) || range_has(&finisher, address);
}

static enum vhart_access access_of(const struct vhart_insn *insn)
{
	return insn->kind == VHART_INSN_STORE ? VHART_STORE : VHART_LOAD;
}

void emulate_access(struct hart *hart, uint64_t cause)
{
	struct vhart_insn insn;
	uint64_t address;

	vhart_decode(emulate_fetch(hart->v.pc), &insn);
	address = hart->x[insn.rs1] + (uint64_t)(int64_t)insn.offset;
	if (hart->window && guest_can_access(&insn)) {
		access_as_payload(hart, &insn);
	} else if (!is_access(&insn)) {
		forward(hart, cause);
	} else if (!is_device(address) ||
		   (hart->pmp_locked &&
		    !vhart_pmp_allows(&hart->v, VHART_M, address, insn.bytes, access_of(&insn))) ||
		   !device_access(hart, &insn, address)) {
		fault(hart, cause, address);
	} else {
		hart->v.pc += insn.length;
	}
}

/* --- The payload at a device --------------------------------------------------------------------------------- */

#define PTE_V    1u
#define PTE_LEAF 0xeu
#define PTE_N    (UINT64_C(1) << 63)
#define SATP_PPN ((UINT64_C(1) << 44) - 1)

/*
 * The physical address of one that the hart has just translated, so that permissions are not asked again.
 * Each table that is read must be the payload's by its PMP. false: the tables have changed.
 */
static bool translate(const struct hart *hart, uint64_t satp, uint64_t address, uint64_t *physical)
{
	unsigned mode = (unsigned)(satp >> 60);
	int level = mode == 8 ? 2 : mode == 9 ? 3 : mode == 10 ? 4 : -1;
	uint64_t table = (satp & SATP_PPN) << 12;

	if (mode == 0) {
		*physical = address;
		return true;
	}
	for (; level >= 0; level--) {
		unsigned shift = 12 + 9 * (unsigned)level;
		uint64_t at = table + 8 * (address >> shift & 511), pte;
		struct result result;

		if (range_has(&emulate_ours, at) || is_device(at) ||
		    !vhart_pmp_allows(&hart->v, VHART_S, at, 8, VHART_LOAD))
			return false;
		result = guest_load_8(at, csr_read(mstatus), 0);
		pte = result.value;
		if (result.fault || !(pte & PTE_V))
			return false;
		table = (pte >> 10 & SATP_PPN) << 12;
		if (pte & PTE_LEAF) {
			uint64_t offset;

			if (pte & PTE_N) /* Svnapot: 64 KiB, the only size there is */
				shift += 4;
			offset = (UINT64_C(1) << shift) - 1;
			*physical = (table & ~offset) | (address & offset);
			return true;
		}
	}
	return false;
}

bool emulate_payload_access(struct hart *hart, uint64_t cause)
{
	/* Before any access of ours replaces them. */
	uint64_t status = csr_read(mstatus), tval = csr_read(mtval), address;
	struct vhart_insn insn;
	bool done = false;
	uint32_t raw;

	if (!(status & VHART_MSTATUS_MPV) &&
	    translate(hart, has_supervisor(hart) ? csr_read(satp) : 0, tval, &address) &&
	    is_device(address) && fast_fetch(hart->v.pc, &raw)) {
		vhart_decode(raw, &insn);
		/* What straddles into a device from before it, is not at that. */
		done = is_access(&insn) &&
		       hart->x[insn.rs1] + (uint64_t)(int64_t)insn.offset == tval &&
		       vhart_pmp_allows(&hart->v, VHART_S, address, insn.bytes, access_of(&insn)) &&
		       device_access(hart, &insn, address);
	}
	csr_write(mstatus, status);
	csr_write(mcause, cause);
	csr_write(mtval, tval);
	if (done)
		hart->v.pc += insn.length;
	return done;
}
