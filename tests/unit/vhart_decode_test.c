/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * vhart_decode(): the instructions that a firmware's trap, or its access to a device, is found at.
 * RISC-V Unprivileged ISA (RV64I, A, F, D, Q, Zfh, C) and Privileged Architecture, H and Svinval. The
 * encodings are those of GNU as (riscv64, 2.40), for the text beside each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <carillon/vhart.h>

struct row {
	const char *text;
	struct vhart_insn insn;
};

/* clang-format off */
/* The length of what has a compressed form, too, is in its low bits. */
#define LENGTH(raw_) ((raw_) % 4 == 3 ? 4 : 2)

#define OF(kind_, raw_, length_) { .raw = (raw_), .kind = VHART_INSN_##kind_, .length = (length_) }
#define CSR_FORM(raw_, op_, immediate_, rd_, rs1_, csr_) \
	{ .raw = (raw_), .kind = VHART_INSN_CSR, .length = 4, .op = VHART_##op_, \
	  .immediate = (immediate_), .rd = (rd_), .rs1 = (rs1_), .csr = (csr_) }
#define CSR(raw, op, rd, rs1, csr) CSR_FORM(raw, op, false, rd, rs1, csr)
#define CSR_IMMEDIATE(raw, op, rd, rs1, csr) CSR_FORM(raw, op, true, rd, rs1, csr)
#define ATOMIC(raw_, bytes_, rd_, rs1_, rs2_) \
	{ .raw = (raw_), .kind = VHART_INSN_ATOMIC, .length = 4, .bytes = (bytes_), \
	  .rd = (rd_), .rs1 = (rs1_), .rs2 = (rs2_) }
#define FROM(kind_, raw_, bytes_, signed_, rd_, rs1_, offset_) \
	{ .raw = (raw_), .kind = VHART_INSN_##kind_, .length = LENGTH(raw_), .bytes = (bytes_), \
	  .is_signed = (signed_), .rd = (rd_), .rs1 = (rs1_), .offset = (offset_) }
#define LOAD(raw, bytes, rd, rs1, offset) FROM(LOAD, raw, bytes, false, rd, rs1, offset)
#define LOAD_SIGNED(raw, bytes, rd, rs1, offset) FROM(LOAD, raw, bytes, true, rd, rs1, offset)
#define FLOAT_LOAD(raw, bytes, rd, rs1, offset) FROM(FLOAT_LOAD, raw, bytes, false, rd, rs1, offset)
#define GUEST_LOAD(raw, bytes, rd, rs1) FROM(GUEST_LOAD, raw, bytes, false, rd, rs1, 0)
#define GUEST_LOAD_SIGNED(raw, bytes, rd, rs1) FROM(GUEST_LOAD, raw, bytes, true, rd, rs1, 0)
#define TO(kind_, raw_, bytes_, rs2_, rs1_, offset_) \
	{ .raw = (raw_), .kind = VHART_INSN_##kind_, .length = LENGTH(raw_), .bytes = (bytes_), \
	  .rs2 = (rs2_), .rs1 = (rs1_), .offset = (offset_) }
#define STORE(raw, bytes, rs2, rs1, offset) TO(STORE, raw, bytes, rs2, rs1, offset)
#define FLOAT_STORE(raw, bytes, rs2, rs1, offset) TO(FLOAT_STORE, raw, bytes, rs2, rs1, offset)
#define GUEST_STORE(raw, bytes, rs2, rs1) TO(GUEST_STORE, raw, bytes, rs2, rs1, 0)

static const struct row rows[] = {
	{ "csrrw x1, mstatus, x2", CSR(0x300110f3, WRITE, 1, 2, 0x300) },
	{ "csrrw x0, mstatus, x2", CSR(0x30011073, WRITE, 0, 2, 0x300) },
	{ "csrrw x1, mscratch, x0", CSR(0x340010f3, WRITE, 1, 0, 0x340) },
	{ "csrrs x31, mip, x30", CSR(0x344f2ff3, SET, 31, 30, 0x344) },
	{ "csrrs x0, mie, x7", CSR(0x3043a073, SET, 0, 7, 0x304) },
	{ "csrrs x5, time, x0", CSR(0xc01022f3, READ, 5, 0, 0xc01) },
	{ "csrrc x6, mip, x9", CSR(0x3444b373, CLEAR, 6, 9, 0x344) },
	{ "csrrc x6, mip, x0", CSR(0x34403373, READ, 6, 0, 0x344) },
	{ "csrrwi x3, mscratch, 31", CSR_IMMEDIATE(0x340fd1f3, WRITE, 3, 31, 0x340) },
	{ "csrrwi x3, mscratch, 0", CSR_IMMEDIATE(0x340051f3, WRITE, 3, 0, 0x340) },
	{ "csrrsi x0, mstatus, 8", CSR_IMMEDIATE(0x30046073, SET, 0, 8, 0x300) },
	{ "csrrsi x4, mstatus, 0", CSR_IMMEDIATE(0x30006273, READ, 4, 0, 0x300) },
	{ "csrrci x4, mstatus, 8", CSR_IMMEDIATE(0x30047273, CLEAR, 4, 8, 0x300) },
	{ "csrrci x4, 0xfff, 0", CSR_IMMEDIATE(0xfff07273, READ, 4, 0, 0xfff) },
	{ "csrrw x4, 0x000, x5", CSR(0x00029273, WRITE, 4, 5, 0x000) },
	{ "mret", OF(MRET, 0x30200073, 4) },
	{ "sret", OF(SRET, 0x10200073, 4) },
	{ "wfi", OF(WFI, 0x10500073, 4) },
	{ "ecall", OF(ECALL, 0x00000073, 4) },
	{ "ebreak", OF(EBREAK, 0x00100073, 4) },
	{ "sfence.vma", OF(FENCE, 0x12000073, 4) },
	{ "sfence.vma x10", OF(FENCE, 0x12050073, 4) },
	{ "sfence.vma x0, x11", OF(FENCE, 0x12b00073, 4) },
	{ "sfence.vma x10, x11", OF(FENCE, 0x12b50073, 4) },
	{ "sinval.vma x10, x11", OF(FENCE, 0x16b50073, 4) },
	{ "sfence.w.inval", OF(FENCE, 0x18000073, 4) },
	{ "sfence.inval.ir", OF(FENCE, 0x18100073, 4) },
	{ "hfence.vvma x10, x11", OF(FENCE, 0x22b50073, 4) },
	{ "hfence.gvma x10, x11", OF(FENCE, 0x62b50073, 4) },
	{ "hfence.vvma", OF(FENCE, 0x22000073, 4) },
	{ "hfence.gvma", OF(FENCE, 0x62000073, 4) },
	{ "hinval.vvma x10, x11", OF(FENCE, 0x26b50073, 4) },
	{ "hinval.gvma x10, x11", OF(FENCE, 0x66b50073, 4) },
	{ "lb x5, -2048(x6)", LOAD_SIGNED(0x80030283, 1, 5, 6, -2048) },
	{ "lbu x5, 2047(x6)", LOAD(0x7ff34283, 1, 5, 6, 2047) },
	{ "lh x31, -1(x1)", LOAD_SIGNED(0xfff09f83, 2, 31, 1, -1) },
	{ "lhu x1, 2(x31)", LOAD(0x002fd083, 2, 1, 31, 2) },
	{ "lw x7, 16(x8)", LOAD_SIGNED(0x01042383, 4, 7, 8, 16) },
	{ "lwu x7, -16(x8)", LOAD(0xff046383, 4, 7, 8, -16) },
	{ "ld x0, 8(x9)", LOAD(0x0084b003, 8, 0, 9, 8) },
	{ "sb x5, -2048(x6)", STORE(0x80530023, 1, 5, 6, -2048) },
	{ "sh x5, 2047(x6)", STORE(0x7e531fa3, 2, 5, 6, 2047) },
	{ "sw x31, -1(x1)", STORE(0xfff0afa3, 4, 31, 1, -1) },
	{ "sd x1, 0x123(x31)", STORE(0x121fb1a3, 8, 1, 31, 291) },
	{ "sd x0, 31(x10)", STORE(0x00053fa3, 8, 0, 10, 31) },
	{ "flh f5, 6(x6)", FLOAT_LOAD(0x00631287, 2, 5, 6, 6) },
	{ "flw f5, -4(x6)", FLOAT_LOAD(0xffc32287, 4, 5, 6, -4) },
	{ "fld f31, 2040(x1)", FLOAT_LOAD(0x7f80bf87, 8, 31, 1, 2040) },
	{ "flq f1, 16(x2)", FLOAT_LOAD(0x01014087, 16, 1, 2, 16) },
	{ "fsq f1, 16(x2)", FLOAT_STORE(0x00114827, 16, 1, 2, 16) },
	{ "fsh f5, 6(x6)", FLOAT_STORE(0x00531327, 2, 5, 6, 6) },
	{ "fsw f5, -4(x6)", FLOAT_STORE(0xfe532e27, 4, 5, 6, -4) },
	{ "fsd f31, 2040(x1)", FLOAT_STORE(0x7ff0bc27, 8, 31, 1, 2040) },
	{ "lr.w x5, (x6)", ATOMIC(0x100322af, 4, 5, 6, 0) },
	{ "lr.d.aqrl x5, (x6)", ATOMIC(0x160332af, 8, 5, 6, 0) },
	{ "sc.w x5, x7, (x6)", ATOMIC(0x187322af, 4, 5, 6, 7) },
	{ "sc.d.rl x31, x1, (x2)", ATOMIC(0x1a113faf, 8, 31, 2, 1) },
	{ "amoswap.w x5, x7, (x6)", ATOMIC(0x087322af, 4, 5, 6, 7) },
	{ "amoswap.d.aq x8, x9, (x10)", ATOMIC(0x0c95342f, 8, 8, 10, 9) },
	{ "amoadd.w x5, x7, (x6)", ATOMIC(0x007322af, 4, 5, 6, 7) },
	{ "amoadd.d.aq x8, x9, (x10)", ATOMIC(0x0495342f, 8, 8, 10, 9) },
	{ "amoxor.w x5, x7, (x6)", ATOMIC(0x207322af, 4, 5, 6, 7) },
	{ "amoxor.d.aq x8, x9, (x10)", ATOMIC(0x2495342f, 8, 8, 10, 9) },
	{ "amoand.w x5, x7, (x6)", ATOMIC(0x607322af, 4, 5, 6, 7) },
	{ "amoand.d.aq x8, x9, (x10)", ATOMIC(0x6495342f, 8, 8, 10, 9) },
	{ "amoor.w x5, x7, (x6)", ATOMIC(0x407322af, 4, 5, 6, 7) },
	{ "amoor.d.aq x8, x9, (x10)", ATOMIC(0x4495342f, 8, 8, 10, 9) },
	{ "amomin.w x5, x7, (x6)", ATOMIC(0x807322af, 4, 5, 6, 7) },
	{ "amomin.d.aq x8, x9, (x10)", ATOMIC(0x8495342f, 8, 8, 10, 9) },
	{ "amomax.w x5, x7, (x6)", ATOMIC(0xa07322af, 4, 5, 6, 7) },
	{ "amomax.d.aq x8, x9, (x10)", ATOMIC(0xa495342f, 8, 8, 10, 9) },
	{ "amominu.w x5, x7, (x6)", ATOMIC(0xc07322af, 4, 5, 6, 7) },
	{ "amominu.d.aq x8, x9, (x10)", ATOMIC(0xc495342f, 8, 8, 10, 9) },
	{ "amomaxu.w x5, x7, (x6)", ATOMIC(0xe07322af, 4, 5, 6, 7) },
	{ "amomaxu.d.aq x8, x9, (x10)", ATOMIC(0xe495342f, 8, 8, 10, 9) },
	{ "hlv.b x1, (x2)", GUEST_LOAD_SIGNED(0x600140f3, 1, 1, 2) },
	{ "hlv.bu x1, (x2)", GUEST_LOAD(0x601140f3, 1, 1, 2) },
	{ "hlv.h x1, (x2)", GUEST_LOAD_SIGNED(0x640140f3, 2, 1, 2) },
	{ "hlv.hu x1, (x2)", GUEST_LOAD(0x641140f3, 2, 1, 2) },
	{ "hlvx.hu x1, (x2)", GUEST_LOAD(0x643140f3, 2, 1, 2) },
	{ "hlv.w x1, (x2)", GUEST_LOAD_SIGNED(0x680140f3, 4, 1, 2) },
	{ "hlv.wu x1, (x2)", GUEST_LOAD(0x681140f3, 4, 1, 2) },
	{ "hlvx.wu x1, (x2)", GUEST_LOAD(0x683140f3, 4, 1, 2) },
	{ "hlv.d x1, (x2)", GUEST_LOAD(0x6c0140f3, 8, 1, 2) },
	{ "hsv.b x31, (x9)", GUEST_STORE(0x63f4c073, 1, 31, 9) },
	{ "hsv.h x31, (x9)", GUEST_STORE(0x67f4c073, 2, 31, 9) },
	{ "hsv.w x31, (x9)", GUEST_STORE(0x6bf4c073, 4, 31, 9) },
	{ "hsv.d x31, (x9)", GUEST_STORE(0x6ff4c073, 8, 31, 9) },
	{ "c.lw x8, 0(x15)", LOAD_SIGNED(0x4380, 4, 8, 15, 0) },
	{ "c.lw x15, 124(x8)", LOAD_SIGNED(0x5c7c, 4, 15, 8, 124) },
	{ "c.lw x9, 4(x10)", LOAD_SIGNED(0x4144, 4, 9, 10, 4) },
	{ "c.lw x9, 8(x10)", LOAD_SIGNED(0x4504, 4, 9, 10, 8) },
	{ "c.lw x9, 16(x10)", LOAD_SIGNED(0x4904, 4, 9, 10, 16) },
	{ "c.lw x9, 32(x10)", LOAD_SIGNED(0x5104, 4, 9, 10, 32) },
	{ "c.lw x9, 64(x10)", LOAD_SIGNED(0x4124, 4, 9, 10, 64) },
	{ "c.ld x8, 0(x15)", LOAD(0x6380, 8, 8, 15, 0) },
	{ "c.ld x15, 248(x8)", LOAD(0x7c7c, 8, 15, 8, 248) },
	{ "c.ld x9, 8(x10)", LOAD(0x6504, 8, 9, 10, 8) },
	{ "c.ld x9, 16(x10)", LOAD(0x6904, 8, 9, 10, 16) },
	{ "c.ld x9, 32(x10)", LOAD(0x7104, 8, 9, 10, 32) },
	{ "c.ld x9, 64(x10)", LOAD(0x6124, 8, 9, 10, 64) },
	{ "c.ld x9, 128(x10)", LOAD(0x6144, 8, 9, 10, 128) },
	{ "c.sw x8, 0(x15)", STORE(0xc380, 4, 8, 15, 0) },
	{ "c.sw x15, 124(x8)", STORE(0xdc7c, 4, 15, 8, 124) },
	{ "c.sw x9, 4(x10)", STORE(0xc144, 4, 9, 10, 4) },
	{ "c.sw x9, 8(x10)", STORE(0xc504, 4, 9, 10, 8) },
	{ "c.sw x9, 16(x10)", STORE(0xc904, 4, 9, 10, 16) },
	{ "c.sw x9, 32(x10)", STORE(0xd104, 4, 9, 10, 32) },
	{ "c.sw x9, 64(x10)", STORE(0xc124, 4, 9, 10, 64) },
	{ "c.sd x8, 0(x15)", STORE(0xe380, 8, 8, 15, 0) },
	{ "c.sd x15, 248(x8)", STORE(0xfc7c, 8, 15, 8, 248) },
	{ "c.sd x9, 8(x10)", STORE(0xe504, 8, 9, 10, 8) },
	{ "c.sd x9, 16(x10)", STORE(0xe904, 8, 9, 10, 16) },
	{ "c.sd x9, 32(x10)", STORE(0xf104, 8, 9, 10, 32) },
	{ "c.sd x9, 64(x10)", STORE(0xe124, 8, 9, 10, 64) },
	{ "c.sd x9, 128(x10)", STORE(0xe144, 8, 9, 10, 128) },
	{ "c.fld f8, 248(x15)", FLOAT_LOAD(0x3fe0, 8, 8, 15, 248) },
	{ "c.fld f9, 40(x9)", FLOAT_LOAD(0x3484, 8, 9, 9, 40) },
	{ "c.fsd f15, 248(x8)", FLOAT_STORE(0xbc7c, 8, 15, 8, 248) },
	{ "c.fsd f9, 88(x10)", FLOAT_STORE(0xad24, 8, 9, 10, 88) },
	{ "c.lwsp x1, 0(x2)", LOAD_SIGNED(0x4082, 4, 1, 2, 0) },
	{ "c.lwsp x5, 4(x2)", LOAD_SIGNED(0x4292, 4, 5, 2, 4) },
	{ "c.lwsp x9, 8(x2)", LOAD_SIGNED(0x44a2, 4, 9, 2, 8) },
	{ "c.lwsp x17, 16(x2)", LOAD_SIGNED(0x48c2, 4, 17, 2, 16) },
	{ "c.lwsp x2, 32(x2)", LOAD_SIGNED(0x5102, 4, 2, 2, 32) },
	{ "c.lwsp x3, 64(x2)", LOAD_SIGNED(0x4186, 4, 3, 2, 64) },
	{ "c.lwsp x5, 128(x2)", LOAD_SIGNED(0x428a, 4, 5, 2, 128) },
	{ "c.lwsp x5, 252(x2)", LOAD_SIGNED(0x52fe, 4, 5, 2, 252) },
	{ "c.ldsp x1, 0(x2)", LOAD(0x6082, 8, 1, 2, 0) },
	{ "c.ldsp x9, 8(x2)", LOAD(0x64a2, 8, 9, 2, 8) },
	{ "c.ldsp x17, 16(x2)", LOAD(0x68c2, 8, 17, 2, 16) },
	{ "c.ldsp x2, 32(x2)", LOAD(0x7102, 8, 2, 2, 32) },
	{ "c.ldsp x3, 64(x2)", LOAD(0x6186, 8, 3, 2, 64) },
	{ "c.ldsp x5, 128(x2)", LOAD(0x628a, 8, 5, 2, 128) },
	{ "c.ldsp x9, 256(x2)", LOAD(0x6492, 8, 9, 2, 256) },
	{ "c.ldsp x9, 504(x2)", LOAD(0x74fe, 8, 9, 2, 504) },
	{ "c.swsp x0, 0(x2)", STORE(0xc002, 4, 0, 2, 0) },
	{ "c.swsp x4, 4(x2)", STORE(0xc212, 4, 4, 2, 4) },
	{ "c.swsp x8, 8(x2)", STORE(0xc422, 4, 8, 2, 8) },
	{ "c.swsp x16, 16(x2)", STORE(0xc842, 4, 16, 2, 16) },
	{ "c.swsp x1, 32(x2)", STORE(0xd006, 4, 1, 2, 32) },
	{ "c.swsp x2, 64(x2)", STORE(0xc08a, 4, 2, 2, 64) },
	{ "c.swsp x4, 128(x2)", STORE(0xc112, 4, 4, 2, 128) },
	{ "c.swsp x4, 252(x2)", STORE(0xdf92, 4, 4, 2, 252) },
	{ "c.sdsp x0, 0(x2)", STORE(0xe002, 8, 0, 2, 0) },
	{ "c.sdsp x8, 8(x2)", STORE(0xe422, 8, 8, 2, 8) },
	{ "c.sdsp x16, 16(x2)", STORE(0xe842, 8, 16, 2, 16) },
	{ "c.sdsp x1, 32(x2)", STORE(0xf006, 8, 1, 2, 32) },
	{ "c.sdsp x2, 64(x2)", STORE(0xe08a, 8, 2, 2, 64) },
	{ "c.sdsp x4, 128(x2)", STORE(0xe112, 8, 4, 2, 128) },
	{ "c.sdsp x8, 256(x2)", STORE(0xe222, 8, 8, 2, 256) },
	{ "c.sdsp x8, 504(x2)", STORE(0xffa2, 8, 8, 2, 504) },
	{ "c.fldsp f0, 0(x2)", FLOAT_LOAD(0x2002, 8, 0, 2, 0) },
	{ "c.fsdsp f0, 0(x2)", FLOAT_STORE(0xa002, 8, 0, 2, 0) },
	{ "c.fldsp f8, 8(x2)", FLOAT_LOAD(0x2422, 8, 8, 2, 8) },
	{ "c.fsdsp f8, 8(x2)", FLOAT_STORE(0xa422, 8, 8, 2, 8) },
	{ "c.fldsp f4, 128(x2)", FLOAT_LOAD(0x220a, 8, 4, 2, 128) },
	{ "c.fsdsp f4, 128(x2)", FLOAT_STORE(0xa112, 8, 4, 2, 128) },
	{ "c.fldsp f8, 504(x2)", FLOAT_LOAD(0x347e, 8, 8, 2, 504) },
	{ "c.fsdsp f8, 504(x2)", FLOAT_STORE(0xbfa2, 8, 8, 2, 504) },
	{ "c.ebreak", OF(EBREAK, 0x9002, 2) },
	{ "addi x1, x2, 3", OF(OTHER, 0x00310093, 4) },
	{ "add x1, x2, x3", OF(OTHER, 0x003100b3, 4) },
	{ "lui x1, 5", OF(OTHER, 0x000050b7, 4) },
	{ "auipc x1, 5", OF(OTHER, 0x00005097, 4) },
	{ "jal x1, .", OF(OTHER, 0x000000ef, 4) },
	{ "jalr x1, 0(x2)", OF(OTHER, 0x000100e7, 4) },
	{ "beq x1, x2, .", OF(OTHER, 0x00208063, 4) },
	{ "fence", OF(OTHER, 0x0ff0000f, 4) },
	{ "fence.i", OF(OTHER, 0x0000100f, 4) },
	{ "fadd.d f1, f2, f3", OF(OTHER, 0x023170d3, 4) },
	{ "fmadd.s f1, f2, f3, f4", OF(OTHER, 0x203170c3, 4) },
	{ "vsetvli x1, x2, e8, m1, ta, ma", OF(OTHER, 0x0c0170d7, 4) },
	{ "vle8.v v1, (x1)", OF(OTHER, 0x02008087, 4) },
	{ "vse64.v v1, (x1)", OF(OTHER, 0x0200f0a7, 4) },
	{ "vadd.vv v1, v2, v3", OF(OTHER, 0x022180d7, 4) },
	{ "mul x1, x2, x3", OF(OTHER, 0x023100b3, 4) },
	{ "sraw x1, x2, x3", OF(OTHER, 0x403150bb, 4) },
	{ "cbo.zero (x1)", OF(OTHER, 0x0040a00f, 4) },
	{ "cbo.inval (x1)", OF(OTHER, 0x0000a00f, 4) },
	{ "prefetch.r 0(x1)", OF(OTHER, 0x0010e013, 4) },
	{ "dret", OF(OTHER, 0x7b200073, 4) },
	{ "wrs.nto", OF(OTHER, 0x00d00073, 4) },
	{ "c.nop", OF(OTHER, 0x0001, 2) },
	{ "c.addi x8, 1", OF(OTHER, 0x0405, 2) },
	{ "c.addiw x8, 1", OF(OTHER, 0x2405, 2) },
	{ "c.li x8, 1", OF(OTHER, 0x4405, 2) },
	{ "c.lui x8, 1", OF(OTHER, 0x6405, 2) },
	{ "c.addi4spn x8, x2, 4", OF(OTHER, 0x0040, 2) },
	{ "c.addi16sp x2, 16", OF(OTHER, 0x6141, 2) },
	{ "c.mv x8, x9", OF(OTHER, 0x8426, 2) },
	{ "c.add x8, x9", OF(OTHER, 0x9426, 2) },
	{ "c.jr x8", OF(OTHER, 0x8402, 2) },
	{ "c.jalr x8", OF(OTHER, 0x9402, 2) },
	{ "c.j .", OF(OTHER, 0xa001, 2) },
	{ "c.beqz x8, .", OF(OTHER, 0xc001, 2) },
	{ "c.slli x8, 1", OF(OTHER, 0x0406, 2) },
	{ "c.srli x8, 1", OF(OTHER, 0x8005, 2) },
	{ "c.sub x8, x9", OF(OTHER, 0x8c05, 2) },
};

/* Zcb, made by hand from the extension's tables: the assembler does not have it yet. */
static const struct row zcb[] = {
	{ "c.lbu x9, 0(x11)", LOAD(0x8184, 1, 9, 11, 0) },
	{ "c.lhu x9, 2(x11)", LOAD(0x85a4, 2, 9, 11, 2) },
	{ "c.sb x9, 0(x11)", STORE(0x8984, 1, 9, 11, 0) },
	{ "c.sh x9, 2(x11)", STORE(0x8da4, 2, 9, 11, 2) },
	{ "c.lbu x9, 3(x10)", LOAD(0x8164, 1, 9, 10, 3) },
	{ "c.lbu x9, 1(x10)", LOAD(0x8144, 1, 9, 10, 1) },
	{ "c.lbu x9, 2(x10)", LOAD(0x8124, 1, 9, 10, 2) },
	{ "c.lhu x9, 2(x10)", LOAD(0x8524, 2, 9, 10, 2) },
	{ "c.lh x9, 2(x10)", LOAD_SIGNED(0x8564, 2, 9, 10, 2) },
	{ "c.lh x8, 0(x15)", LOAD_SIGNED(0x87c0, 2, 8, 15, 0) },
	{ "c.sb x9, 1(x10)", STORE(0x8944, 1, 9, 10, 1) },
	{ "c.sb x9, 2(x10)", STORE(0x8924, 1, 9, 10, 2) },
	{ "c.sh x9, 2(x10)", STORE(0x8d24, 2, 9, 10, 2) },
};
/* clang-format on */

/* Encodings that no instruction has, or none of those that matter here. */
static const struct row reserved[] = {
	{ "all zeros", { .raw = 0x00000000, .length = 2 } },
	{ "all ones", { .raw = 0xffffffff, .length = 4 } },
	{ "c.lwsp with rd = 0", { .raw = 0x4002, .length = 2 } },
	{ "c.ldsp with rd = 0", { .raw = 0x6002, .length = 2 } },
	{ "quadrant 0, funct6 36", { .raw = 0x9000, .length = 2 } },
	{ "c.sh with bit 6", { .raw = 0x8d64, .length = 2 } },
	{ "load, funct3 7", { .raw = 0x00007003, .length = 4 } },
	{ "store, funct3 4", { .raw = 0x00004023, .length = 4 } },
	{ "store, funct3 7", { .raw = 0x00007023, .length = 4 } },
	{ "mret with rd", { .raw = 0x302000f3, .length = 4 } },
	{ "mret with rs1", { .raw = 0x30208073, .length = 4 } },
	{ "sret with rs1", { .raw = 0x10208073, .length = 4 } },
	{ "wfi with rd", { .raw = 0x105000f3, .length = 4 } },
	{ "ecall with rd", { .raw = 0x000000f3, .length = 4 } },
	{ "ebreak with rs1", { .raw = 0x00108073, .length = 4 } },
	{ "uret", { .raw = 0x00200073, .length = 4 } },
	{ "mnret", { .raw = 0x70200073, .length = 4 } },
	{ "sfence.vma with rd", { .raw = 0x120000f3, .length = 4 } },
	{ "hfence.gvma with rd", { .raw = 0x620000f3, .length = 4 } },
	{ "sfence.w.inval with rs1", { .raw = 0x18008073, .length = 4 } },
	{ "sfence.*.inval, rs2 2", { .raw = 0x18200073, .length = 4 } },
	{ "system, funct3 4, no hlv", { .raw = 0x0e004073, .length = 4 } },
	{ "hlvx.bu, which is none", { .raw = 0x603140f3, .length = 4 } },
	{ "hlv.du, which is none", { .raw = 0x6c1140f3, .length = 4 } },
	{ "hlv.b, rs2 2", { .raw = 0x602140f3, .length = 4 } },
	{ "hsv.b with rd", { .raw = 0x63f4c0f3, .length = 4 } },
	{ "lr.w with rs2", { .raw = 0x1010a02f, .length = 4 } },
	{ "amo, funct5 21", { .raw = 0xa800a02f, .length = 4 } },
	{ "amo.w, funct3 5", { .raw = 0x0000d02f, .length = 4 } },
	{ "a longer instruction", { .raw = 0x0000001f, .length = 4 } },
	{ "a longer instruction like a load", { .raw = 0x0000203f, .length = 4 } },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void expect(const char *text, const char *what, long is, long should)
{
	if (is != should)
		fail_msg("%s: %s is %ld, and should be %ld", text, what, is, should);
}

static void expect_insn(const struct row *row, uint32_t raw)
{
	const struct vhart_insn *e = &row->insn;
	struct vhart_insn i;

	memset(&i, 0x5a, sizeof(i));
	vhart_decode(raw, &i);
	expect(row->text, "kind", i.kind, e->kind);
	expect(row->text, "length", i.length, e->length);
	if (e->kind == VHART_INSN_CSR) {
		expect(row->text, "op", i.op, e->op);
		expect(row->text, "csr", i.csr, e->csr);
		expect(row->text, "immediate", i.immediate, e->immediate);
	}
	if (e->kind == VHART_INSN_CSR || e->kind == VHART_INSN_ATOMIC || e->bytes)
		expect(row->text, "rs1", i.rs1, e->rs1);
	if (e->kind == VHART_INSN_CSR || e->kind == VHART_INSN_ATOMIC ||
	    e->kind == VHART_INSN_LOAD || e->kind == VHART_INSN_FLOAT_LOAD ||
	    e->kind == VHART_INSN_GUEST_LOAD)
		expect(row->text, "rd", i.rd, e->rd);
	if (e->kind == VHART_INSN_ATOMIC || e->kind == VHART_INSN_STORE ||
	    e->kind == VHART_INSN_FLOAT_STORE || e->kind == VHART_INSN_GUEST_STORE)
		expect(row->text, "rs2", i.rs2, e->rs2);
	if (!e->bytes)
		return;
	expect(row->text, "bytes", i.bytes, e->bytes);
	if (e->kind != VHART_INSN_ATOMIC)
		expect(row->text, "offset", i.offset, e->offset);
	if ((e->kind == VHART_INSN_LOAD || e->kind == VHART_INSN_GUEST_LOAD) && e->bytes < 8)
		expect(row->text, "is_signed", i.is_signed, e->is_signed);
}

static void each_instruction_is_what_the_assembler_made_it_of(void **state)
{
	(void)state;
	for (size_t n = 0; n < COUNT(rows); n++)
		expect_insn(&rows[n], rows[n].insn.raw);
	for (size_t n = 0; n < COUNT(zcb); n++)
		expect_insn(&zcb[n], zcb[n].insn.raw);
}

static void reserved_encodings_are_other(void **state)
{
	(void)state;
	for (size_t n = 0; n < COUNT(reserved); n++)
		expect_insn(&reserved[n], reserved[n].insn.raw);
}

static void what_follows_a_compressed_instruction_does_not_matter(void **state)
{
	(void)state;
	for (size_t n = 0; n < COUNT(rows); n++)
		if (rows[n].insn.length == 2)
			for (unsigned b = 16; b < 32; b++) {
				expect_insn(&rows[n], rows[n].insn.raw | 1u << b);
				expect_insn(&rows[n], rows[n].insn.raw | 0xffff0000u);
			}
}

/* Each number, each form, each register at either place. */
static void csr_instructions_of_every_number_and_form(void **state)
{
	static const struct {
		unsigned funct3;
		enum vhart_op op;
		bool immediate;
	} forms[] = {
		{ 1, VHART_WRITE, false }, { 2, VHART_SET, false }, { 3, VHART_CLEAR, false },
		{ 5, VHART_WRITE, true },  { 6, VHART_SET, true },  { 7, VHART_CLEAR, true },
	};

	(void)state;
	for (unsigned number = 0; number < 4096; number++)
		for (size_t f = 0; f < COUNT(forms); f++)
			for (unsigned r = 0; r < 32; r++) {
				unsigned rd = 31 - r;
				struct row row = { "CSR",
						   { .kind = VHART_INSN_CSR,
						     .length = 4,
						     .op = (uint8_t)forms[f].op,
						     .immediate = forms[f].immediate,
						     .rd = (uint8_t)rd,
						     .rs1 = (uint8_t)r,
						     .csr = (uint16_t)number } };

				if (r == 0 && forms[f].op != VHART_WRITE)
					row.insn.op = VHART_READ;
				expect_insn(&row, (uint32_t)number << 20 | r << 15 |
							  forms[f].funct3 << 12 | rd << 7 | 0x73);
			}
}

/* The bytes above those that were read may be anything. */
static void a_load_gives_its_register_the_value_extended(void **state)
{
	static const struct {
		const char *text;
		uint32_t raw;
		uint64_t read, value;
	} loads[] = {
		{ "lb a0, 0(a1)", 0x00058503, 0xffffffffffffff80, 0xffffffffffffff80 },
		{ "lb a0, 0(a1)", 0x00058503, 0xff7f, 0x7f },
		{ "lbu a0, 0(a1)", 0x0005c503, 0xffffffffffffff80, 0x80 },
		{ "lh a0, 0(a1)", 0x00059503, 0x18000, 0xffffffffffff8000 },
		{ "lh a0, 0(a1)", 0x00059503, 0xffff7fff, 0x7fff },
		{ "lhu a0, 0(a1)", 0x0005d503, 0xffffffffffff8000, 0x8000 },
		{ "lw a0, 0(a1)", 0x0005a503, 0x180000000, 0xffffffff80000000 },
		{ "lw a0, 0(a1)", 0x0005a503, 0xffffffff7fffffff, 0x7fffffff },
		{ "lwu a0, 0(a1)", 0x0005e503, 0xffffffff80000000, 0x80000000 },
		{ "ld a0, 0(a1)", 0x0005b503, 0x8000000000000001, 0x8000000000000001 },
		{ "c.lw a0, 0(a1)", 0x4188, 0x80000000, 0xffffffff80000000 },
		{ "c.ld a0, 0(a1)", 0x6188, 0x8000000080000000, 0x8000000080000000 },
		{ "c.lwsp a0, 0(sp)", 0x4502, 0x80000000, 0xffffffff80000000 },
		{ "c.lbu a0, 0(a1)", 0x8188, 0xff80, 0x80 },
		{ "c.lhu a0, 0(a1)", 0x8588, 0xff8000, 0x8000 },
		{ "c.lh a0, 0(a1)", 0x85c8, 0x8000, 0xffffffffffff8000 },
	};
	struct vhart_insn insn;

	(void)state;
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		vhart_decode(loads[i].raw, &insn);
		if (insn.kind != VHART_INSN_LOAD ||
		    vhart_loaded(&insn, loads[i].read) != loads[i].value)
			fail_msg("%s of 0x%lx: 0x%lx", loads[i].text, (unsigned long)loads[i].read,
				 (unsigned long)vhart_loaded(&insn, loads[i].read));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_instruction_is_what_the_assembler_made_it_of),
		cmocka_unit_test(reserved_encodings_are_other),
		cmocka_unit_test(what_follows_a_compressed_instruction_does_not_matter),
		cmocka_unit_test(a_load_gives_its_register_the_value_extended),
		cmocka_unit_test(csr_instructions_of_every_number_and_form),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("vhart_decode", tests, NULL, NULL);
}
