/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the machine is made of, read from its device tree once at boot, and what the user asked for.
 */
#ifndef MONITOR_COMMON_BOARD_H
#define MONITOR_COMMON_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#define BOARD_CPUS    64
#define BOARD_DEVICES 64
#define BOARD_ITS     4

struct blob {
	uint64_t start, size; /* size 0: there is none */
};

/*
 * A device that a guest can get: the name of its node at the top of the machine's device tree (its path
 * without "/"), its registers, and its interrupt (0: it has none).
 */
struct board_device {
	const char *name;
	uint64_t start, size;
	uint16_t intid;
	bool edge;
	bool masters; /* it may read and write memory by itself */
};

/*
 * A PCI host bridge with ECAM: of its first bus what a VM can be given. `window`: of 32-bit memory, as CPUs
 * address it; `bus`: the same on the bus. Messages: `msi`, `msis` pieces of a map from requester IDs.
 */
#define BOARD_PCI  64
#define BOARD_MSIS 4

struct board_pci {
	uint64_t ecam, ecam_size; /* size 0: there is none */
	uint64_t window, window_size, bus;
	unsigned msis;
	struct {
		uint32_t first, its, device, count; /* its: a phandle */
	} msi[BOARD_MSIS];
	bool contained; /* an SMMU that works is in front of it: the monitor's finding */
	/* Its streams: requester IDs `first` to first + count - 1 are those from `stream` on; count 0: none. */
	struct {
		uint32_t first, smmu, stream, count;
	} iommu;
	/* Found at boot, by requester ID (bus, device, function); why: no VM can have it, since... */
	unsigned count;
	struct {
		uint16_t rid;
		const char *why;
	} function[BOARD_PCI];
};

/* The ranges of a GIC's node, by version. */
enum gic_frame {
	GIC_DIST,
	GIC_REDIST, /* GICv3 */
	GIC_CPUIF = GIC_REDIST,
	GIC_HYP,
	GIC_VCPUIF,
	GIC_FRAMES
};

struct board {
	const void *dtb;
	uint64_t memory, memory_size; /* the bank that holds us; others are left alone */
	unsigned gic_version;         /* 2 or 3 */
	struct blob gic[GIC_FRAMES];
	unsigned its_count;
	struct {
		uint64_t start;
		uint32_t phandle;
	} its[BOARD_ITS];
	struct board_pci pci;
	struct blob smmu;    /* an SMMUv3's frames */
	unsigned smmu_intid; /* of its events; 0: it has none */
	uint32_t smmu_phandle;
	unsigned maintenance; /* INTID */
	uint64_t uart;
	unsigned uart_intid; /* 0: it has none */
	bool psci_smc;
	uint64_t flash, flash_size; /* the second bank, where firmware keeps its settings */
	unsigned cpu_count;
	uint64_t cpu[BOARD_CPUS]; /* MPIDR affinity */
	struct blob kernel, ramdisk;
	const char *bootargs; /* the guest's */
	unsigned device_count;
	struct board_device device[BOARD_DEVICES];
};

struct options {
	unsigned cpus; /* 0: all */
	uint64_t mem;  /* 0: all that is left */
	uint64_t load; /* a flat binary's address; 0: RAM base + 0x80000 */
	uint64_t dtb;  /* the user's device tree; 0: made from the machine's */
	bool firmware; /* the kernel is an image for guest address 0 */
	bool bench;
	unsigned sdei;     /* enum vm_sdei */
	unsigned watchdog; /* seconds; 0: there is none */
};

/* `near` is an address in the memory bank to use. What is missing or malformed is a panic. */
void board_read(struct board *board, struct options *options, const void *dtb, uint64_t near);

/* Only the UART, so that anything can be said at all. */
uint64_t board_uart(const void *dtb);
bool board_psci_is_smc(const void *dtb);

/* The offset of the GIC's node, or a negative number. */
int board_gic_node(const void *dtb);

/* A function's messages: which of board->its they go to, and as which device. False: to none. */
bool board_msi(const struct board *board, uint32_t rid, unsigned *its, uint32_t *device);

/* A function's stream at the SMMU. False: it is not behind it. */
bool board_stream(const struct board *board, uint32_t rid, uint32_t *stream);

#define BOARD_PCI_COMPATIBLE "pci-host-ecam-generic"

void options_parse(struct options *options, const char *words);

/* What becomes of a node at the top of the machine's device tree in the guest's. */
enum node_policy { NODE_DROP, NODE_KEEP, NODE_PASS, NODE_PASS_MASTER };
enum node_policy board_node_policy(const void *dtb, int node);

#endif
