/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The base extension, extensions and functions that are not there, and system reset (chapters 4, 10). */
#include "sbi.h"
#include "suites.h"
#include "supervisor.h"
#include "tap.h"

/* --- Base ----------------------------------------------------------------------------------------- */

struct extension {
	const char *name;
	unsigned long id;
	bool must; /* the tests below need it */
};

static const struct extension extensions[] = {
	{ "base", EXT_BASE, true },
	{ "TIME", EXT_TIME, true },
	{ "IPI", EXT_IPI, true },
	{ "RFENCE", EXT_RFENCE, true },
	{ "HSM", EXT_HSM, true },
	{ "SRST", EXT_SRST, true },
	{ "SUSP", 0x53555350, false },
	{ "CPPC", 0x43505043, false },
	{ "DBCN", 0x4442434e, false },
	{ "NACL", 0x4e41434c, false },
	{ "STA", 0x535441, false },
	{ "SSE", 0x535345, false },
	{ "FWFT", 0x46574654, false },
	{ "MPXY", 0x4d505859, false },
	{ "PMU", 0x504d55, false },
	{ "legacy set_timer", 0, false },
	{ "legacy console_putchar", 1, false },
	{ "legacy console_getchar", 2, false },
	{ "legacy clear_ipi", 3, false },
	{ "legacy send_ipi", 4, false },
	{ "legacy remote_fence_i", 5, false },
	{ "legacy remote_sfence_vma", 6, false },
	{ "legacy remote_sfence_vma_asid", 7, false },
	{ "legacy shutdown", 8, false },
	{ "9", 9, false },
	{ "15", 0xf, false },
	{ "17", 0x11, false },
	{ "experimental 0x08000000", 0x08000000, false },
	{ "vendor 0x09000000", 0x09000000, false },
	{ "vendor 0x09000489", 0x09000489, false },
	{ "firmware 0x0a000001", 0x0a000001, false },
	{ "TIME + 1", EXT_TIME + 1, false },
	{ "TIME + 2^32", EXT_TIME + (1ul << 32), false },
	{ "IPI + 2^63", EXT_IPI + (1ul << 63), false },
	{ "-1", NEVER, false },
};

static void probes(void)
{
	for (unsigned i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		const struct extension *e = &extensions[i];
		struct sbi_result r = call(EXT_BASE, BASE_PROBE, e->id);

		ok(r.error == SUCCESS && (r.value || !e->must),
		   "probe_extension(%s): error %ld, value 0x%lx", e->name, r.error, r.value);
	}
}

static void unknown(void)
{
	static const unsigned long ids[] = { 9,
					     0xf,
					     0x11,
					     0x08000000,
					     0x09000000,
					     0x0a000001,
					     EXT_TIME - 1,
					     EXT_TIME + 1,
					     EXT_TIME | 1ul << 32,
					     EXT_IPI | 1ul << 63,
					     EXT_RFENCE + 1,
					     EXT_HSM | 1ul << 40,
					     NEVER,
					     1ul << 63 };
	static const unsigned long known[] = { EXT_BASE,   EXT_TIME, EXT_IPI,
					       EXT_RFENCE, EXT_HSM,  EXT_SRST };
	static const unsigned long functions[] = { 7,         8,         100,  0x80000000,
						   1ul << 32, 1ul << 63, NEVER };

	for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct sbi_result r = call(ids[i], 0, 1, 2, 3, 4, 5, 6);

		ok(r.error == NOT_SUPPORTED, "extension 0x%lx: error %ld, value 0x%lx", ids[i],
		   r.error, r.value);
	}
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		for (unsigned f = 0; f < sizeof(functions) / sizeof(functions[0]); f++) {
			struct sbi_result r = call(known[i], functions[f], 1, 0, 3, 4, 5, 6);

			ok(r.error == NOT_SUPPORTED,
			   "extension 0x%lx, function 0x%lx: error %ld, value 0x%lx", known[i],
			   functions[f], r.error, r.value);
		}
}

void test_base(void)
{
	answers("get_spec_version", SUCCESS, EXT_BASE, 0, 0);
	answers("get_impl_id", SUCCESS, EXT_BASE, 1, 0);
	answers("get_impl_version", SUCCESS, EXT_BASE, 2, 0);
	answers("get_mvendorid", SUCCESS, EXT_BASE, 4, 0);
	answers("get_marchid", SUCCESS, EXT_BASE, 5, 0);
	answers("get_mimpid", SUCCESS, EXT_BASE, 6, 0);
	probes();
	unknown();
	answers("set_timer, function 1", NOT_SUPPORTED, EXT_TIME, 1, 0);
	answers("send_ipi, function 1", NOT_SUPPORTED, EXT_IPI, 1, 1, 0);
	registers_kept("base, and of what is not there,");
}

/* --- System reset: only what must not reset. main.c's end is the one that may. ------------------------ */

void test_srst(void)
{
	static const struct {
		unsigned long type, reason;
	} wrong[] = {
		{ 3, 0 },          { 0x10, 0 },       { 0xefffffff, 0 }, { 0xf0000000, 0 },
		{ 0xffffffff, 0 }, { 1ul << 32, 0 },  { 1ul << 63, 0 },  { NEVER, 0 },
		{ 0, 2 },          { 0, 0xdfffffff }, { 1, 0x7fffffff }, { 2, 1ul << 32 },
		{ 3, 3 },          { NEVER, NEVER },
	};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct sbi_result r = call(EXT_SRST, 0, wrong[i].type, wrong[i].reason);

		ok(r.error == INVALID_PARAM || r.error == NOT_SUPPORTED,
		   "system_reset(0x%lx, 0x%lx): error %ld, value 0x%lx", wrong[i].type,
		   wrong[i].reason, r.error, r.value);
	}
	registers_kept("SRST");
}
