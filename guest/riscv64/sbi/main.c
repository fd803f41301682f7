/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What an SBI answers to S-mode, one line a call, so that runs on different machines can be compared
 * (RISC-V SBI specification 2.0, chapters 3 to 10). With the word "storm" on the command line, instead:
 * all harts call at random; "seed=N", "rounds=N".
 */
#include "sbi.h"
#include "suites.h"
#include "supervisor.h"
#include "tap.h"
#include "words.h"

void guest_main(void)
{
	unsigned long seed = word_number("seed=", 1);

	random_seed(seed);
	if (word_given("storm")) {
		for (unsigned i = 1; i < hart_count; i++)
			hart_bring_up(i);
		test_storm(seed, (unsigned)word_number("rounds=", 400 / hart_count));
		return;
	}
	test_hsm_first();
	test_base();
	test_time();
	test_ipi();
	test_rfence();
	test_hsm();
	test_srst();
	test_legacy();
	test_traps();
}
