/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The storm of "hostile" against the host bridge (PCI Local Bus 3.0, chapter 6): functions are decoded and not,
 * BARs are moved anywhere, over one another, too, messages are enabled, masked and pointed anywhere, configuration
 * space is written in any width at any place. What it does not do is to let a function master the bus.
 */
#include "hostile.h"

#include "pci.h"
#include "tap.h"
#include "tree.h"

#define SLOTS       32u
#define BAR0        0x10u
#define BARS        6u
#define COMMAND     0x04u
#define MASTER      4u
#define CLASS       0x08u
#define HOST_BRIDGE 0x0600u
#define VECTORS     16u

static uintptr_t functions[SLOTS];
static unsigned found;

bool pci_storm_can(void)
{
	if (!pci_find_bridge())
		return false;
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		uintptr_t config = tree_pci.ecam + ((uintptr_t)slot << 15);

		if (read32(config) != ~0u && read32(config + CLASS) >> 16 != HOST_BRIDGE)
			functions[found++] = config;
	}
	return found != 0;
}

static void put(uintptr_t at, unsigned bytes, uint64_t value)
{
	switch (bytes) {
	case 1:
		write8(at, (uint8_t)value);
		break;
	case 2:
		write16(at, (uint16_t)value);
		break;
	case 4:
		write32(at, (uint32_t)value);
		break;
	default:
		write64(at, value);
		break;
	}
}

/* Any place, any width; whatever it is, the function does not master the bus by it. */
static void write_config(uintptr_t config, uint64_t *state)
{
	unsigned bytes = 1u << random_number(state) % 3;
	unsigned offset = (unsigned)random_number(state) % 0x200 & ~(bytes - 1);
	uint64_t value = random_number(state);

	if (offset == COMMAND)
		value &= ~(uint64_t)MASTER;
	put(config + offset, bytes, value);
}

/* Half of the places are in the window; the next BAR may be the upper half of this one. */
static void move_bar(uintptr_t config, uint64_t *state)
{
	unsigned n = (unsigned)random_number(state) % BARS;
	uint64_t to =
		tree_pci.window_bus + (random_number(state) << 12) % (2 * tree_pci.window_size);

	write32(config + BAR0 + 4 * n, (uint32_t)to);
	if (n + 1 < BARS && random_number(state) % 4)
		write32(config + BAR0 + 4 * (n + 1), 0);
}

static void touch_window(uint64_t *state)
{
	unsigned bytes = 1u << random_number(state) % 4;
	uintptr_t at = tree_pci.window +
		       (random_number(state) % tree_pci.window_size & ~(uint64_t)(bytes - 1));

	if (random_number(state) % 4)
		read32(at & ~3ul);
	else
		put(at, bytes, random_number(state));
}

void pci_storm(struct cpu *me)
{
	uint64_t state = seed_of(me);

	while (raging()) {
		uintptr_t config = functions[random_number(&state) % found];

		switch (random_number(&state) % 8) {
		case 0:
			move_bar(config, &state);
			break;
		case 1:
			write_config(config, &state);
			break;
		case 2:
			touch_window(&state);
			break;
		case 3:
			read32(config + (random_number(&state) % 0x1000 & ~3ul));
			break;
		default:
			write16(config + COMMAND, random_number(&state) & 2);
			break;
		}
	}
}
