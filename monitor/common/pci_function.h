/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A PCI function as the VM sees it that has it (PCI Local Bus 3.0, PCI Express Base 4.0 7.5): configuration
 * space by tables of what passes, what the guest may write and what is only kept for it; BARs, MSI and MSI-X
 * are virtual. A vector of the guest's that points at its ITS becomes the physical message with the vector's
 * number; any other one stays masked. Touches no hardware but through struct pci_port.
 */
#ifndef MONITOR_COMMON_PCI_FUNCTION_H
#define MONITOR_COMMON_PCI_FUNCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCI_CONFIG  0x100u /* bytes that a guest sees; the extended ones are hidden, and read as 0 */
#define PCI_BARS    6
#define PCI_HIDDEN  16
#define PCI_PAGE    0x1000ul
#define PCI_VECTORS 2048u /* the most that MSI-X can have */

#define PCI_ID      0x00
#define PCI_COMMAND 0x04
#define PCI_HEADER  0x0e
#define PCI_BAR     0x10

#define PCI_COMMAND_MEMORY 0x0002u
#define PCI_COMMAND_MASTER 0x0004u
#define PCI_COMMAND_NOINTX 0x0400u

/* The machine's side of it. `bytes` is 1, 2, 4 or 8, `offset` a multiple of it. */
struct pci_port {
	uint32_t (*config_read)(void *host, unsigned offset, unsigned bytes);
	void (*config_write)(void *host, unsigned offset, unsigned bytes, uint32_t value);
	/* A register in a page of a BAR that is not mapped for the guest. */
	uint64_t (*bar_read)(void *host, unsigned bar, uint64_t offset, unsigned bytes);
	void (*bar_write)(void *host, unsigned bar, uint64_t offset, unsigned bytes,
			  uint64_t value);
	/* From now on, message `vector` of the function is the guest's `event`. */
	void (*route)(void *host, unsigned vector, uint32_t event);
	/* What the guest has of its BARs, and where, may have changed: pci_bar_at(). */
	void (*moved)(void *host);
	/* The function wanted to send this message while it was kept, and will not by itself. */
	void (*missed)(void *host, unsigned message);
	/* The guest wants a function-level reset: begin it. pci_function_reset() when it is over. */
	void (*reset)(void *host);
};

/* As the guest wrote them in the table. */
struct pci_vector {
	uint64_t address;
	uint32_t data, control;
	bool open;    /* not masked in hardware, */
	uint8_t held; /* but for this: by how many */
};

struct pci_bar {
	uint64_t size; /* 0: there is none, or it is the upper half of the one before */
	uint64_t at;   /* where the machine has it, on the bus */
	bool wide;     /* 64 bits */
};

struct pci_hidden {
	uint8_t id;
	const char *why;
};

struct pci_function {
	const struct pci_port *port;
	void *host;
	struct pci_bar bar[PCI_BARS];
	/*
	 * Of each byte of the configuration space: bits that are read from hardware, bits that a write
	 * takes there, bits that a 1 clears there, and bits that are only kept; what is kept is in `shadow`,
	 * with what never changes. `initial` is the shadow after a reset.
	 */
	uint8_t pass[PCI_CONFIG], write[PCI_CONFIG], clear[PCI_CONFIG], keep[PCI_CONFIG];
	uint8_t initial[PCI_CONFIG], shadow[PCI_CONFIG];
	uint8_t msi, msix, express, power; /* where these capabilities are; 0: absent */
	bool flr;                          /* it can be reset as the bus has it */
	bool virtio; /* or by its status register, as a virtio device: at `status_at` of `status_bar` */
	uint8_t status_bar;
	uint32_t status_at;
	bool msi_open; /* enabled in hardware */
	bool msi_wide, msi_masks;
	uint8_t msi_count;
	uint8_t msi_log2;
	uint8_t msi_held[32]; /* by how many each message is masked, whatever the guest wants */
	uint8_t msi_off;      /* or, without mask bits, MSI is disabled */
	unsigned masking;     /* a lock: of what is open and held, and of hardware's mask bits */
	uint16_t msix_count;
	uint8_t table_bar, pending_bar;
	uint32_t table_at, pending_at;
	struct pci_vector *vector; /* msix_count of them */
	uint64_t doorbell; /* guest-physical: what the guest's messages have to be written to */
	uint64_t physical; /* the same on the bus */
	uint64_t refused;  /* messages to elsewhere */
	unsigned hidden_count;
	struct pci_hidden hidden[PCI_HIDDEN];
};

/*
 * Boot: what the function is. Its decoding and bus mastering are turned off, and its BARs sized. `port`
 * needs config_read and config_write only. 0; or -1: no VM can have it, *why says why not.
 */
int pci_function_read(struct pci_function *function, const struct pci_port *port, void *host,
		      const char **why);

/* How many messages it can send. */
unsigned pci_function_events(const struct pci_function *function);

/*
 * After bar[].at have been set, and at each reset: BARs to hardware, messages off and masked there, no bus
 * mastering, memory decoding on for ourselves; what the guest sees is as after power-on. `vector` is set
 * before the first time.
 */
void pci_function_reset(struct pci_function *function);

/*
 * Keep message `n` in the function, as often as it is let go; then what there was to say meanwhile is said.
 * False: it cannot be kept. A single MSI without mask bit is kept by disabling MSI: a function that wants
 * attention then says so in its status register (PCI 6.2.3), unless it did before: then it cannot. Any CPU,
 * beside all else that is done with the function.
 */
bool pci_function_hold(struct pci_function *function, unsigned n, bool on);

/* Neither DMA nor messages from now on. */
void pci_function_silence(struct pci_function *function);

/* The guest's accesses. */
uint32_t pci_config_read(struct pci_function *function, unsigned offset, unsigned bytes);
void pci_config_write(struct pci_function *function, unsigned offset, unsigned bytes,
		      uint32_t value);

/* Where the guest has a BAR, in bus addresses of its own; false: nowhere, or there is none. */
bool pci_bar_at(const struct pci_function *function, unsigned bar, uint64_t *at);

/* What it takes of the guest's address space: whole pages. */
uint64_t pci_bar_room(const struct pci_function *function, unsigned bar);

/* Is this page of it, from `offset` on, to be trapped? */
bool pci_bar_trapped(const struct pci_function *function, unsigned bar, uint64_t offset);

/* Is there something in this page that we have to reach ourselves, trapped or not? */
bool pci_bar_used(const struct pci_function *function, unsigned bar, uint64_t offset);

/* The guest's accesses to trapped pages. Any offset; those that are not aligned read as ones. */
uint64_t pci_bar_read(struct pci_function *function, unsigned bar, uint64_t offset, unsigned bytes);
void pci_bar_write(struct pci_function *function, unsigned bar, uint64_t offset, unsigned bytes,
		   uint64_t value);

#endif
