/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Decoding of the instructions that trap in a de-privileged firmware (RISC-V Unprivileged ISA, "RV32/64G
 * Instruction Set Listings", "C" and "Zcb"), and execution of the privileged ones.
 */
#include "internal.h"

/* Bits [high:low] of an instruction. */
static uint32_t bits(uint32_t raw, unsigned high, unsigned low)
{
	return (raw >> low) & ((2u << (high - low)) - 1);
}

static int32_t sign_extend(uint32_t value, unsigned from)
{
	return (int32_t)(value << (31 - from)) >> (31 - from);
}

/* --- 32 bits --------------------------------------------------------------------------------------- */

static void decode_load(uint32_t raw, struct vhart_insn *insn)
{
	unsigned width = bits(raw, 14, 12);

	if (width == 7)
		return;
	insn->kind = VHART_INSN_LOAD;
	insn->bytes = (uint8_t)(1u << (width & 3));
	insn->is_signed = width < 4;
	insn->offset = sign_extend(raw >> 20, 11);
}

static int32_t store_offset(uint32_t raw)
{
	return sign_extend(bits(raw, 31, 25) << 5 | bits(raw, 11, 7), 11);
}

static void decode_store(uint32_t raw, struct vhart_insn *insn)
{
	if (bits(raw, 14, 12) > 3)
		return;
	insn->kind = VHART_INSN_STORE;
	insn->bytes = (uint8_t)(1u << bits(raw, 14, 12));
	insn->offset = store_offset(raw);
}

/* Half, single, double and quad; other widths are vectors. */
static void decode_float(uint32_t raw, struct vhart_insn *insn, bool store)
{
	unsigned width = bits(raw, 14, 12);

	if (width < 1 || width > 4)
		return;
	insn->kind = store ? VHART_INSN_FLOAT_STORE : VHART_INSN_FLOAT_LOAD;
	insn->bytes = (uint8_t)(1u << width);
	insn->offset = store ? store_offset(raw) : sign_extend(raw >> 20, 11);
}

static void decode_atomic(uint32_t raw, struct vhart_insn *insn)
{
	/* lr, sc, amo: add, swap, xor, or, and, min, max, minu, maxu by their funct5 */
	const uint32_t known = 1u << 0 | 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 8 |
			       1u << 12 | 1u << 16 | 1u << 20 | 1u << 24 | 1u << 28;
	unsigned width = bits(raw, 14, 12), operation = raw >> 27;

	if ((width != 2 && width != 3) || !(known >> operation & 1) ||
	    (operation == 2 && bits(raw, 24, 20)))
		return;
	insn->kind = VHART_INSN_ATOMIC;
	insn->bytes = (uint8_t)(1u << width);
}

static bool is_fence(uint32_t raw)
{
	switch (raw >> 25) {
	case 0x09: /* sfence.vma */
	case 0x0b: /* sinval.vma */
	case 0x11: /* hfence.vvma */
	case 0x31: /* hfence.gvma */
	case 0x13: /* hinval.vvma */
	case 0x33: /* hinval.gvma */
		return bits(raw, 14, 7) == 0;
	default:
		return raw == 0x18000073 || raw == 0x18100073; /* sfence.w.inval, sfence.inval.ir */
	}
}

/* hlv, hlvx, hsv: funct7 has the size, and whether it stores; rs2 of a load that it is unsigned or hlvx. */
static void decode_guest(uint32_t raw, struct vhart_insn *insn)
{
	unsigned function = raw >> 25, size = function >> 1 & 3;
	bool is_store = function & 1;

	if (function >> 3 != 6 || (is_store && insn->rd))
		return;
	if (!is_store && insn->rs2 != 0 && !(insn->rs2 == 1 && size < 3) &&
	    !(insn->rs2 == 3 && (size == 1 || size == 2)))
		return;
	insn->kind = is_store ? VHART_INSN_GUEST_STORE : VHART_INSN_GUEST_LOAD;
	insn->bytes = (uint8_t)(1u << size);
	insn->is_signed = !is_store && !insn->rs2;
}

static void decode_system(uint32_t raw, struct vhart_insn *insn)
{
	unsigned function = bits(raw, 14, 12);

	if (function & 3) {
		insn->kind = VHART_INSN_CSR;
		insn->csr = (uint16_t)(raw >> 20);
		insn->immediate = function & 4;
		insn->op = (uint8_t)(function & 3); /* as enum vhart_op has them */
		if (insn->op != VHART_WRITE && !insn->rs1)
			insn->op = VHART_READ;
		return;
	}
	if (function == 4) {
		decode_guest(raw, insn);
		return;
	}
	switch (raw) {
	case 0x00000073:
		insn->kind = VHART_INSN_ECALL;
		break;
	case 0x00100073:
		insn->kind = VHART_INSN_EBREAK;
		break;
	case 0x10200073:
		insn->kind = VHART_INSN_SRET;
		break;
	case 0x30200073:
		insn->kind = VHART_INSN_MRET;
		break;
	case 0x10500073:
		insn->kind = VHART_INSN_WFI;
		break;
	default:
		if (is_fence(raw))
			insn->kind = VHART_INSN_FENCE;
	}
}

_Static_assert(VHART_WRITE == 1 && VHART_SET == 2 && VHART_CLEAR == 3, "the encoding of funct3");

static void decode_32(uint32_t raw, struct vhart_insn *insn)
{
	insn->length = 4;
	insn->rd = (uint8_t)bits(raw, 11, 7);
	insn->rs1 = (uint8_t)bits(raw, 19, 15);
	insn->rs2 = (uint8_t)bits(raw, 24, 20);
	switch (bits(raw, 6, 0)) {
	case 0x03:
		decode_load(raw, insn);
		break;
	case 0x07:
		decode_float(raw, insn, false);
		break;
	case 0x23:
		decode_store(raw, insn);
		break;
	case 0x27:
		decode_float(raw, insn, true);
		break;
	case 0x2f:
		decode_atomic(raw, insn);
		break;
	case 0x73:
		decode_system(raw, insn);
		break;
	}
}

/* --- 16 bits --------------------------------------------------------------------------------------- */

static void access_16(struct vhart_insn *insn, enum vhart_insn_kind kind, unsigned bytes,
		      uint32_t offset)
{
	insn->kind = (uint8_t)kind;
	insn->bytes = (uint8_t)bytes;
	insn->is_signed = kind == VHART_INSN_LOAD;
	insn->offset = (int32_t)offset;
}

static uint32_t offset_word(uint32_t raw)
{
	return bits(raw, 12, 10) << 3 | bits(raw, 6, 6) << 2 | bits(raw, 5, 5) << 6;
}

static uint32_t offset_double(uint32_t raw)
{
	return bits(raw, 12, 10) << 3 | bits(raw, 6, 5) << 6;
}

/* Zcb: bytes and halfwords. */
static void decode_zcb(uint32_t raw, struct vhart_insn *insn)
{
	uint32_t half = bits(raw, 5, 5) << 1;

	switch (bits(raw, 12, 10)) {
	case 0:
		access_16(insn, VHART_INSN_LOAD, 1, half | bits(raw, 6, 6));
		insn->is_signed = false;
		break;
	case 1:
		access_16(insn, VHART_INSN_LOAD, 2, half);
		insn->is_signed = bits(raw, 6, 6);
		break;
	case 2:
		access_16(insn, VHART_INSN_STORE, 1, half | bits(raw, 6, 6));
		break;
	case 3:
		if (!bits(raw, 6, 6))
			access_16(insn, VHART_INSN_STORE, 2, half);
		break;
	}
}

/* Registers x8 to x15. */
static void decode_quadrant_0(uint32_t raw, struct vhart_insn *insn)
{
	insn->rs1 = (uint8_t)(8 + bits(raw, 9, 7));
	insn->rd = insn->rs2 = (uint8_t)(8 + bits(raw, 4, 2));
	switch (bits(raw, 15, 13)) {
	case 1:
		access_16(insn, VHART_INSN_FLOAT_LOAD, 8, offset_double(raw));
		break;
	case 2:
		access_16(insn, VHART_INSN_LOAD, 4, offset_word(raw));
		break;
	case 3:
		access_16(insn, VHART_INSN_LOAD, 8, offset_double(raw));
		break;
	case 4:
		decode_zcb(raw, insn);
		break;
	case 5:
		access_16(insn, VHART_INSN_FLOAT_STORE, 8, offset_double(raw));
		break;
	case 6:
		access_16(insn, VHART_INSN_STORE, 4, offset_word(raw));
		break;
	case 7:
		access_16(insn, VHART_INSN_STORE, 8, offset_double(raw));
		break;
	}
}

/* On the stack pointer. */
static void decode_quadrant_2(uint32_t raw, struct vhart_insn *insn)
{
	uint32_t load_word = bits(raw, 12, 12) << 5 | bits(raw, 6, 4) << 2 | bits(raw, 3, 2) << 6;
	uint32_t load_double = bits(raw, 12, 12) << 5 | bits(raw, 6, 5) << 3 | bits(raw, 4, 2) << 6;
	uint32_t store_word = bits(raw, 12, 9) << 2 | bits(raw, 8, 7) << 6;
	uint32_t store_double = bits(raw, 12, 10) << 3 | bits(raw, 9, 7) << 6;

	insn->rs1 = 2;
	insn->rd = (uint8_t)bits(raw, 11, 7);
	insn->rs2 = (uint8_t)bits(raw, 6, 2);
	switch (bits(raw, 15, 13)) {
	case 1:
		access_16(insn, VHART_INSN_FLOAT_LOAD, 8, load_double);
		break;
	case 2:
		if (insn->rd)
			access_16(insn, VHART_INSN_LOAD, 4, load_word);
		break;
	case 3:
		if (insn->rd)
			access_16(insn, VHART_INSN_LOAD, 8, load_double);
		break;
	case 4:
		if ((raw & 0xffff) == 0x9002)
			insn->kind = VHART_INSN_EBREAK;
		break;
	case 5:
		access_16(insn, VHART_INSN_FLOAT_STORE, 8, store_double);
		break;
	case 6:
		access_16(insn, VHART_INSN_STORE, 4, store_word);
		break;
	case 7:
		access_16(insn, VHART_INSN_STORE, 8, store_double);
		break;
	}
}

void vhart_decode(uint32_t raw, struct vhart_insn *insn)
{
	*insn = (struct vhart_insn){ .raw = raw, .kind = VHART_INSN_OTHER, .length = 2 };
	switch (raw & 3) {
	case 0:
		insn->raw &= 0xffff;
		decode_quadrant_0(raw, insn);
		break;
	case 1:
		insn->raw &= 0xffff;
		break;
	case 2:
		insn->raw &= 0xffff;
		decode_quadrant_2(raw, insn);
		break;
	case 3:
		decode_32(raw, insn);
		break;
	}
}

/* --- Execution -------------------------------------------------------------------------------------- */

static enum vhart_answer execute_csr(struct vhart *hart, const struct vhart_insn *insn,
				     uint64_t x[32], uint64_t ip)
{
	uint64_t value = insn->immediate ? insn->rs1 : x[insn->rs1];
	enum vhart_answer answer = vhart_csr(hart, insn->csr, (enum vhart_op)insn->op, &value, ip);

	if (answer != VHART_DONE)
		return answer;
	if (insn->rd)
		x[insn->rd] = value;
	hart->pc += 4;
	return VHART_DONE;
}

/* sfence.vma and its like need S, those on guest translations H. */
static bool fence_exists(const struct vhart *hart, uint32_t raw)
{
	unsigned function = raw >> 25;
	bool on_guest = function == 0x11 || function == 0x31 || function == 0x13 ||
			function == 0x33;

	return has(hart, on_guest ? 'H' : 'S');
}

enum vhart_answer vhart_execute(struct vhart *hart, const struct vhart_insn *insn, uint64_t x[32],
				uint64_t ip)
{
	switch (insn->kind) {
	case VHART_INSN_CSR:
		return execute_csr(hart, insn, x, ip);
	case VHART_INSN_MRET:
		vhart_mret(hart);
		return VHART_DONE;
	case VHART_INSN_SRET:
		return has(hart, 'S') ? VHART_SUPERVISOR_RETURN : VHART_ILLEGAL;
	case VHART_INSN_WFI:
		return VHART_WAIT;
	case VHART_INSN_GUEST_LOAD:
	case VHART_INSN_GUEST_STORE:
		return has(hart, 'H') ? VHART_GUEST_MEMORY : VHART_ILLEGAL;
	case VHART_INSN_FENCE:
		return fence_exists(hart, insn->raw) ? VHART_FENCE : VHART_ILLEGAL;
	default:
		return VHART_ILLEGAL;
	}
}

/* Of CSRs 0x340 to 0x343: where they are. Which bits of mepc there are depends on C. */
static const uint16_t plain[4] = { offsetof(struct vhart, mscratch), offsetof(struct vhart, mepc),
				   offsetof(struct vhart, mcause), offsetof(struct vhart, mtval) };
#define PLAIN_FIRST 0x340
#define PLAIN_MEPC  0x341

bool vhart_execute_plain(struct vhart *hart, uint32_t raw, uint64_t x[32])
{
	unsigned number = raw >> 20, function = bits(raw, 14, 12), rs1 = bits(raw, 19, 15);
	unsigned rd = bits(raw, 11, 7);
	uint64_t *at, old, operand, new;

	if (bits(raw, 6, 0) != 0x73 || !(function & 3) || number - PLAIN_FIRST >= 4)
		return false;
	at = (uint64_t *)(void *)((char *)hart + plain[number - PLAIN_FIRST]);
	old = *at;
	operand = function & 4 ? rs1 : x[rs1];
	new = vhart_csr_result((enum vhart_op)(function & 3), old, operand);
	if (number == PLAIN_MEPC)
		new = legal_mepc(hart, new);
	*at = new;
	if (rd)
		x[rd] = old;
	hart->pc += 4;
	return true;
}
