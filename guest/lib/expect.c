/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Expectations of LPIs, by the counts of cpu.h. */
#include "expect.h"

#include "gic.h"
#include "tap.h"

bool lpi_taken(unsigned cpu, unsigned lpi, unsigned times)
{
	return wait_at_least(lpi_count(cpu, lpi), times) && count_all(lpi) == times;
}

unsigned everything(void)
{
	unsigned sum = 0;

	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		sum += count_total(cpu) + atomic_load(&cpus[cpu].spurious);
	return sum;
}

bool nothing_comes(const char *what)
{
	wait_ms(SETTLE_MS);
	return is(everything(), 0, "%s: nothing comes", what);
}

bool int_arrives(uint32_t device, uint32_t event, unsigned cpu, unsigned lpi, const char *what)
{
	bool good = its_raise(device, event) && lpi_taken(cpu, lpi, 1) && everything() == 1;

	counts_clear();
	return ok(good, "%s: INT arrives, once", what);
}

bool map_events(uint32_t device, unsigned bits, unsigned first_lpi, unsigned icid)
{
	bool good = its_map_device(device, bits);

	for (unsigned event = 0; event < 1u << bits; event++) {
		lpi_set(first_lpi + event, PRIORITY_DEFAULT, true);
		good &= its_map_event(device, event, first_lpi + event, icid);
	}
	return good;
}

bool wait_irq_gone(void)
{
	uint64_t deadline = counter_after_ms(LIMIT_MS);

	while (irq_asserted()) {
		if (counter_passed(deadline))
			return false;
		wfe();
	}
	return true;
}
