/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual ITS's rules, by name: Arm IHI 0069, chapter 5, 12.18 and 12.19; tables and the saved state as
 * the kernel's Documentation/virt/kvm/devices/arm-vgic-its.rst has them; and what vits.h says of messages,
 * slices and direct injection. Behind it is a real vGIC, whose pending LPIs are looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <carillon/vits.h>

#define CTLR    0x0u
#define IIDR    0x4u
#define TYPER   0x8u
#define CBASER  0x80u
#define CWRITER 0x88u
#define CREADR  0x90u
#define BASER0  0x100u
#define BASER1  0x108u
#define PIDR2   0xffe8u

#define VALID    (1ull << 63)
#define INDIRECT (1ull << 62)
#define PAGE_4K  (0ull << 8)
#define PAGE_16K (1ull << 8)
#define PAGE_64K (2ull << 8)

/* The guest's memory, and where things are in it. */
#define RAM      0x40000000ull
#define RAM_SIZE 0x8000000ull
#define QUEUE    (RAM + 0x100000)
#define DEVICES  (RAM + 0x200000)
#define TABLE    (RAM + 0x400000) /* collections */
#define ITT      (RAM + 0x600000)
#define PROPS    (RAM + 0x1000000)
#define PENDING  (RAM + 0x1100000) /* of each vCPU, 64K apart */
#define LEVEL2   (RAM + 0x2000000)

#define LPI0  VGIC_LPI_BASE
#define VCPUS 4u

static struct machine {
	struct vgic *vgic;
	struct vits *vits;
	void *vgic_memory, *vits_memory;
	struct vits_config config;
	struct vgic_cpu *cpus[VCPUS];
	struct gic_cpuif images[VCPUS];
	uint8_t *ram;
	uint64_t tail; /* of the queue: where the next command goes */
	unsigned presents;
	unsigned reads;
	/* Called once in the middle of the read of this address. */
	void (*on_read)(void);
	uint64_t on_read_at;
} m;

static uint8_t *ram_at(uint64_t at, size_t bytes)
{
	return at >= RAM && at - RAM <= RAM_SIZE - bytes ? m.ram + (at - RAM) : NULL;
}

static bool guest_read(void *host, uint64_t at, void *to, size_t bytes)
{
	const uint8_t *from = ram_at(at, bytes);
	void (*then)(void) = m.on_read;

	(void)host;
	assert_true(bytes <= 64);
	m.reads++;
	if (!from)
		return false;
	memcpy(to, from, bytes);
	if (then && at == m.on_read_at) {
		m.on_read = NULL;
		then();
	}
	return true;
}

static bool guest_write(void *host, uint64_t at, const void *from, size_t bytes)
{
	uint8_t *to = ram_at(at, bytes);

	(void)host;
	if (to)
		memcpy(to, from, bytes);
	return to;
}

static uint64_t peek(uint64_t at)
{
	uint64_t value;

	memcpy(&value, ram_at(at, 8), 8);
	return value;
}

static void poke(uint64_t at, uint64_t value)
{
	memcpy(ram_at(at, 8), &value, 8);
}

static void kick(void *host, unsigned vcpu)
{
	(void)host;
	(void)vcpu;
}

static const struct vgic_port vgic_port = { .kick = kick,
					    .guest_read = guest_read,
					    .guest_write = guest_write };

/* --- Direct injection: what hardware was told, as text. ------------------------------------------ */

static char said[512];
static bool hardware_refuses, hardware_pending, hardware_busy;

#define SAY(...) snprintf(said + strlen(said), sizeof(said) - strlen(said), __VA_ARGS__)

static bool vlpi_map(void *host, uint16_t route, unsigned vcpu, virq_t lpi)
{
	(void)host;
	SAY("map %u %u %u;", route, vcpu, lpi - LPI0);
	return !hardware_refuses;
}

static bool vlpi_unmap(void *host, uint16_t route)
{
	bool pending = hardware_pending;

	(void)host;
	SAY("unmap %u;", route);
	hardware_pending = false;
	return pending;
}

static void vlpi_discard(void *host, uint16_t route)
{
	(void)host;
	SAY("discard %u;", route);
}

static void vlpi_move(void *host, uint16_t route, unsigned vcpu)
{
	(void)host;
	SAY("move %u %u;", route, vcpu);
}

static void vlpi_set(void *host, uint16_t route)
{
	(void)host;
	SAY("set %u;", route);
}

static void vlpi_clear(void *host, uint16_t route)
{
	(void)host;
	SAY("clear %u;", route);
}

static void vlpi_configure(void *host, uint16_t route, virq_t lpi, uint8_t property)
{
	(void)host;
	SAY("configure %u %u %02x;", route, lpi - LPI0, property);
}

static bool vlpis_settled(void *host)
{
	(void)host;
	return !hardware_busy;
}

static const struct vits_port vits_port = {
	.vlpi_map = vlpi_map,
	.vlpi_unmap = vlpi_unmap,
	.vlpi_move = vlpi_move,
	.vlpi_set = vlpi_set,
	.vlpi_clear = vlpi_clear,
	.vlpi_configure = vlpi_configure,
	.vlpis_settled = vlpis_settled,
};

static void assert_said(const char *what)
{
	assert_string_equal(said, what);
	said[0] = 0;
}

/* --- The machine. -------------------------------------------------------------------------------- */

static void enter(unsigned vcpu)
{
	if (!vgic_attention(m.cpus[vcpu]))
		return;
	vgic_exit(m.cpus[vcpu], &m.images[vcpu]);
	vgic_enter(m.cpus[vcpu], &m.images[vcpu]);
}

static void redist_write(unsigned vcpu, uint32_t offset, unsigned bytes, uint64_t value)
{
	while (vgic_redist_write(m.cpus[vcpu], vcpu * VGIC_REDIST_STRIDE + offset, bytes, value) ==
	       VGIC_AGAIN)
		vgic_exit(m.cpus[vcpu], &m.images[vcpu]);
}

static void its_write(uint32_t offset, unsigned bytes, uint64_t value)
{
	m.presents = 0;
	while (vits_write(m.vits, m.cpus[0], offset, bytes, value) == VGIC_AGAIN) {
		assert_true(++m.presents < 100000);
		vgic_exit(m.cpus[0], &m.images[0]);
		for (unsigned i = 1; i < VCPUS; i++)
			enter(i);
	}
	enter(0);
}

static uint64_t its_read(uint32_t offset, unsigned bytes)
{
	uint64_t value;

	assert_int_equal(vits_read(m.vits, m.cpus[0], offset, bytes, &value), VGIC_DONE);
	return value;
}

static const struct vits_config plain = {
	.device_bits = 16, .event_bits = 16, .collection_bits = 8, .cache_bits = 8, .routes = 8
};

static void vits_make_with(struct vits_config config, const struct vits_port *port)
{
	size_t size = vits_size(&config);

	assert_true(size > 0);
	free(m.vits_memory);
	m.config = config;
	m.vits_memory = aligned_alloc(64, (size + 63) & ~63ull);
	memset(m.vits_memory, 0xa5, size);
	assert_int_equal(vits_init(&m.vits, m.vits_memory, size, &config, m.vgic, port, &m), 0);
	m.tail = 0;
}

static void vits_make(struct vits_config config)
{
	vits_make_with(config, &vits_port);
}

static void make(struct vits_config config)
{
	struct vgic_config vgic = { .version = VGIC_V3,
				    .vcpus = VCPUS,
				    .spis = 32,
				    .priority_bits = 5,
				    .preemption_bits = 5,
				    .lrs = 4,
				    .cluster_bits = 4,
				    .lpi_bits = 16 };
	size_t size = vgic_size(&vgic);

	memset(&m, 0, sizeof(m));
	said[0] = 0;
	hardware_refuses = hardware_pending = hardware_busy = false;
	m.ram = calloc(1, RAM_SIZE);
	m.vgic_memory = aligned_alloc(64, size);
	assert_int_equal(vgic_init(&m.vgic, m.vgic_memory, size, &vgic, &vgic_port, &m), 0);
	memset(ram_at(PROPS, 0x10000), 0xa1, 0x10000);
	for (unsigned i = 0; i < VCPUS; i++) {
		m.images[i].vmcr = 0xf8000002;
		m.cpus[i] = vgic_load(m.vgic, i);
		redist_write(i, 0x14, 4, 0);
		redist_write(i, 0x70, 8, PROPS | 15);
		redist_write(i, 0x78, 8, (PENDING + i * 0x10000) | 1ull << 62);
		redist_write(i, 0, 4, 1);
	}
	vits_make(config);
}

static void unmake(void)
{
	free(m.vits_memory);
	free(m.vgic_memory);
	free(m.ram);
	m.vits_memory = NULL;
}

/* As a driver does it: a queue of 64K, tables of 64K, on. */
static void start(void)
{
	its_write(CBASER, 8, VALID | QUEUE | 15);
	its_write(CWRITER, 8, 0);
	its_write(BASER0, 8, VALID | DEVICES | PAGE_64K);
	its_write(BASER1, 8, VALID | TABLE | PAGE_64K);
	its_write(CTLR, 4, 1);
}

static int setup(void **state)
{
	(void)state;
	make(plain);
	start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unmake();
	return 0;
}

/* --- Commands: IHI 0069 5.3. --------------------------------------------------------------------- */

static uint64_t queue_bytes(void)
{
	return ((its_read(CBASER, 8) & 0xff) + 1) * 0x1000;
}

static void put(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	uint64_t at = QUEUE + m.tail;

	poke(at, a);
	poke(at + 8, b);
	poke(at + 16, c);
	poke(at + 24, d);
	m.tail = (m.tail + 32) % queue_bytes();
}

static void go(void)
{
	its_write(CWRITER, 8, m.tail);
	assert_int_equal(its_read(CREADR, 8), m.tail);
}

static uint64_t errors(void)
{
	struct vits_stats stats;

	vits_stats(m.vits, &stats);
	return stats.command_errors;
}

/* Execute what was put. False: it was an error. */
static bool ok(void)
{
	uint64_t before = errors();

	go();
	return errors() == before;
}

static bool mapd(uint64_t device, uint64_t itt, unsigned bits)
{
	put(device << 32 | 0x08, bits - 1, VALID | itt, 0);
	return ok();
}

static bool mapd_off(uint64_t device)
{
	put(device << 32 | 0x08, 0, 0, 0);
	return ok();
}

static bool mapc(uint64_t icid, uint64_t vcpu)
{
	put(0x09, 0, VALID | vcpu << 16 | icid, 0);
	return ok();
}

static bool mapc_off(uint64_t icid)
{
	put(0x09, 0, icid, 0);
	return ok();
}

static bool mapti(uint64_t device, uint64_t event, uint64_t lpi, uint64_t icid)
{
	put(device << 32 | 0x0a, lpi << 32 | event, icid, 0);
	return ok();
}

static bool mapi(uint64_t device, uint64_t event, uint64_t icid)
{
	put(device << 32 | 0x0b, event, icid, 0);
	return ok();
}

static bool movi(uint64_t device, uint64_t event, uint64_t icid)
{
	put(device << 32 | 0x01, event, icid, 0);
	return ok();
}

/* DISCARD, INT, CLEAR, INV */
static bool event_command(unsigned number, uint64_t device, uint64_t event)
{
	put(device << 32 | number, event, 0, 0);
	return ok();
}

#define INT     0x03
#define CLEAR   0x04
#define INV     0x0c
#define DISCARD 0x0f

static bool invall(uint64_t icid)
{
	put(0x0d, 0, icid, 0);
	return ok();
}

static bool movall(uint64_t from, uint64_t to)
{
	put(0x0e, 0, from << 16, to << 16);
	return ok();
}

static bool sync(uint64_t vcpu)
{
	put(0x05, 0, vcpu << 16, 0);
	return ok();
}

static int message(uint32_t device, uint32_t event)
{
	return vits_message(m.vits, NULL, device, event);
}

#define NOWHERE 99u

/* The vCPU where an LPI is pending. */
static unsigned pending(virq_t lpi)
{
	unsigned vcpu;

	return vgic_lpi_is_pending(m.vgic, lpi, &vcpu) ? vcpu : NOWHERE;
}

/* Device 5 with 32 events, collections 0 to 3 at vCPUs 0 to 3. */
static void with_device(void)
{
	assert_true(mapd(5, ITT, 5));
	for (unsigned i = 0; i < VCPUS; i++)
		assert_true(mapc(i, i));
}

static void with_event(void)
{
	with_device();
	assert_true(mapti(5, 7, LPI0 + 3, 1));
}

/* --- Configuration. ------------------------------------------------------------------------------ */

static void refused(struct vits_config config, const char *field)
{
	const char *why = NULL;

	assert_int_equal(vits_check(&config, &why), -VIRQ_ERR_CONFIG);
	assert_non_null(strstr(why, field));
	assert_int_equal(vits_size(&config), 0);
}

static void wrong_configurations_are_refused(void **state)
{
	struct vits_config config = plain;
	uint8_t *memory = m.vits_memory;
	struct vits *vits;
	size_t size = vits_size(&config);

	(void)state;
	for (unsigned bits = 0; bits < 256; bits++) {
		config = plain;
		config.device_bits = (uint8_t)bits;
		if (bits < 1 || bits > 32)
			refused(config, "device_bits");
		config = plain;
		config.event_bits = (uint8_t)bits;
		if (bits < 1 || bits > 32)
			refused(config, "event_bits");
		config = plain;
		config.collection_bits = (uint8_t)bits;
		if (bits < 1 || bits > 16)
			refused(config, "collection_bits");
		config = plain;
		config.cache_bits = (uint8_t)bits;
		if (bits < 4 || bits > 20)
			refused(config, "cache_bits");
	}
	config = plain;
	config.routes = 0xffff;
	refused(config, "routes");
	config = plain;
	config.pta = true;
	config.redists = 0x1000;
	refused(config, "redists");
	config.redists = 1ull << 52;
	refused(config, "redists");
	config = plain;
	assert_int_equal(vits_init(&vits, memory, size - 1, &config, m.vgic, &vits_port, &m),
			 -VIRQ_ERR_MEMORY);
	assert_int_equal(vits_init(&vits, memory + 8, size, &config, m.vgic, &vits_port, &m),
			 -VIRQ_ERR_MEMORY);
	assert_int_equal(vits_init(&vits, memory, size, &config, m.vgic, NULL, &m),
			 -VIRQ_ERR_CONFIG);
	config.routes = 0;
	assert_int_equal(vits_init(&vits, memory, size, &config, m.vgic, NULL, &m), 0);
}

static void a_vgic_without_lpis_has_no_its(void **state)
{
	struct vgic_config config = {
		.version = VGIC_V3, .vcpus = 1, .priority_bits = 5, .preemption_bits = 5, .lrs = 4
	};
	void *memory = aligned_alloc(64, vgic_size(&config));
	struct vgic *vgic;
	struct vits *vits;

	(void)state;
	assert_int_equal(vgic_init(&vgic, memory, vgic_size(&config), &config, &vgic_port, &m), 0);
	assert_int_equal(
		vits_init(&vits, m.vits_memory, vits_size(&plain), &plain, vgic, &vits_port, &m),
		-VIRQ_ERR_CONFIG);
	free(memory);
}

/* --- Registers: 12.18, 12.19. -------------------------------------------------------------------- */

static void registers_at_reset(void **state)
{
	(void)state;
	vits_make(plain);
	assert_int_equal(its_read(CTLR, 4), 0x80000000);
	assert_int_equal(its_read(IIDR, 4) & 0xf000, 0); /* revision of the tables: 0 */
	assert_int_equal(its_read(IIDR, 4), 0x0400043b);
	assert_int_equal(its_read(CBASER, 8), 0);
	assert_int_equal(its_read(CWRITER, 8), 0);
	assert_int_equal(its_read(CREADR, 8), 0);
	assert_int_equal(its_read(BASER0, 8), 1ull << 56 | 7ull << 48);
	assert_int_equal(its_read(BASER1, 8), 4ull << 56 | 7ull << 48);
	for (uint32_t n = 2; n < 8; n++)
		assert_int_equal(its_read(BASER0 + 8 * n, 8), 0);
	assert_int_equal(its_read(PIDR2, 4), 0x3b);
}

static void typer_says_the_configuration(void **state)
{
	struct vits_config config = plain;

	(void)state;
	/* Physical; ITT_entry_size 7; ID_bits 15; Devbits 15; CIDbits 7; CIL */
	assert_int_equal(its_read(TYPER, 8), 0x170001ef71);
	config.device_bits = 32;
	config.event_bits = 1;
	config.collection_bits = 16;
	config.pta = true;
	vits_make(config);
	assert_int_equal(its_read(TYPER, 8), 0x1f000be071);
}

static void registers_of_64_bits_have_halves(void **state)
{
	static const uint32_t offsets[] = { TYPER, CBASER, CWRITER, CREADR, BASER0, BASER1 };

	(void)state;
	vits_make(plain);
	its_write(CBASER, 8, VALID | QUEUE | 15);
	its_write(CWRITER, 8, 0x120);
	its_write(BASER0, 8, VALID | INDIRECT | DEVICES | PAGE_16K | 3);
	for (unsigned i = 0; i < 6; i++) {
		uint64_t whole = its_read(offsets[i], 8);

		assert_int_equal(its_read(offsets[i], 4), (uint32_t)whole);
		assert_int_equal(its_read(offsets[i] + 4, 4), whole >> 32);
	}
	its_write(BASER0 + 4, 4, 0);
	assert_int_equal(its_read(BASER0, 8), 1ull << 56 | 7ull << 48 | DEVICES | PAGE_16K | 3);
	its_write(BASER0, 4, 0x80000000 | PAGE_64K);
	its_write(BASER0 + 4, 4, 0x80000000);
	assert_int_equal(its_read(BASER0, 8),
			 VALID | 1ull << 56 | 7ull << 48 | 0x80000000 | PAGE_64K);
	its_write(CWRITER, 4, 0x40);
	its_write(CWRITER + 4, 4, ~0u);
	assert_int_equal(its_read(CWRITER, 8), 0x40);
	its_write(CBASER + 4, 4, 0);
	assert_int_equal(its_read(CBASER, 8), QUEUE | 15);
}

/* Written by a half, the other one stays. */
static void B29_the_high_half_alone_clears_valid(void **state)
{
	(void)state;
	vits_make(plain);
	its_write(CBASER, 8, VALID | QUEUE | 15);
	its_write(CBASER + 4, 4, 0);
	assert_int_equal(its_read(CBASER + 4, 4), 0);
	assert_int_equal(its_read(CBASER, 8), QUEUE | 15);
}

static void fields_that_do_not_exist_read_as_zero(void **state)
{
	(void)state;
	vits_make(plain);
	its_write(CBASER, 8, ~0ull);
	/* Valid, InnerCache, OuterCache, address 51:12, Shareability, Size */
	assert_int_equal(its_read(CBASER, 8), 0xb8effffffffffcff);
	its_write(CWRITER, 8, ~0ull & ~1ull);
	assert_int_equal(its_read(CWRITER, 8), 0xfffe0);
	its_write(BASER0, 8, ~0ull);
	assert_int_equal(its_read(BASER0, 8),
			 0xf9e7fffffffffeff); /* the reserved page size is 64K */
	its_write(BASER1, 8, ~0ull);
	assert_int_equal(its_read(BASER1, 8), 0xbce7fffffffffeff); /* Indirect is RAZ/WI */
	its_write(CTLR, 4, ~1u);
	assert_int_equal(its_read(CTLR, 4), 0x80000000);
}

static void other_offsets_and_widths_are_raz_wi(void **state)
{
	static const unsigned widths[] = { 1, 2, 4, 8 };

	(void)state;
	with_event();
	for (uint32_t offset = 0; offset < VITS_SIZE; offset++) {
		for (unsigned i = 0; i < 4; i++) {
			bool small = widths[i] < 4, odd = offset % widths[i];
			bool reg = offset < 0x10 || (offset >= CBASER && offset < 0x98) ||
				   (offset >= BASER0 && offset < 0x110) ||
				   (offset >= 0xffd0 && offset < 0x10000);

			if (reg && !small && !odd)
				continue;
			assert_int_equal(its_read(offset, widths[i]), 0);
			its_write(offset, widths[i], ~0ull);
		}
	}
	assert_int_equal(its_read(CTLR, 8), 0);
	assert_int_equal(its_read(IIDR, 8), 0);
	assert_int_equal(message(5, 7), 0);
	/* GITS_TRANSLATER, written by a CPU: no device's message. */
	its_write(VITS_TRANSLATER, 4, 6);
	assert_int_equal(pending(LPI0 + 3), 1);
}

static void what_configures_it_is_fixed_while_it_is_enabled(void **state)
{
	uint64_t cbaser = its_read(CBASER, 8), devices = its_read(BASER0, 8),
		 collections = its_read(BASER1, 8);

	(void)state;
	with_device();
	its_write(CBASER, 8, 0);
	its_write(BASER0, 8, 0);
	its_write(BASER1, 8, 0);
	assert_int_equal(its_read(CBASER, 8), cbaser);
	assert_int_equal(its_read(BASER0, 8), devices);
	assert_int_equal(its_read(BASER1, 8), collections);
	assert_int_equal(its_read(CREADR, 8), m.tail);
}

static void cbaser_clears_creadr_alone(void **state)
{
	(void)state;
	with_device();
	its_write(CTLR, 4, 0);
	assert_int_not_equal(its_read(CREADR, 8), 0);
	its_write(CBASER, 8, VALID | QUEUE | 3);
	assert_int_equal(its_read(CREADR, 8), 0);
	assert_int_equal(its_read(CWRITER, 8), m.tail);
}

static void a_disabled_its_executes_and_translates_nothing(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(message(5, 7), 0);
	its_write(CTLR, 4, 0);
	assert_int_equal(its_read(CTLR, 4), 0x80000000);
	assert_int_equal(message(5, 7), -VIRQ_ERR_RANGE);
	put(5ull << 32 | CLEAR, 7, 0, 0);
	its_write(CWRITER, 8, m.tail);
	assert_int_not_equal(its_read(CREADR, 8), m.tail);
	assert_int_equal(pending(LPI0 + 3), 1);
	its_write(CTLR, 4, 1);
	assert_int_equal(its_read(CTLR, 4), 1);
	assert_int_equal(its_read(CREADR, 8), m.tail);
	assert_int_equal(pending(LPI0 + 3), NOWHERE);
	assert_int_equal(message(5, 7), 0);
}

/* A driver that turns it off and on again has what it had; one that brings other tables, nothing. */
static void collections_belong_to_their_table(void **state)
{
	uint64_t table = its_read(BASER1, 8);

	(void)state;
	with_event();
	its_write(CTLR, 4, 0);
	its_write(BASER1, 8, table);
	its_write(CTLR, 4, 1);
	assert_int_equal(message(5, 7), 0);
	its_write(CTLR, 4, 0);
	its_write(BASER1, 8, 0);
	its_write(BASER1, 8, table);
	its_write(CTLR, 4, 1);
	assert_int_equal(message(5, 7), -VIRQ_ERR_RANGE);
}

static void another_device_table_is_read_once_it_is_enabled(void **state)
{
	uint64_t devices = its_read(BASER0, 8);

	(void)state;
	with_event();
	assert_int_equal(message(5, 7), 0);
	its_write(CTLR, 4, 0);
	its_write(BASER0, 8, devices + 0x10000);
	its_write(CTLR, 4, 1);
	assert_int_equal(message(5, 7), -VIRQ_ERR_RANGE);
}

/* --- The queue. ---------------------------------------------------------------------------------- */

static void the_queue_wraps(void **state)
{
	(void)state;
	its_write(CTLR, 4, 0);
	its_write(CBASER, 8, VALID | QUEUE | 0); /* 128 commands */
	its_write(CWRITER, 8, 0);
	m.tail = 0;
	its_write(CTLR, 4, 1);
	with_device();
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 127; i++)
			put(5ull << 32 | 0x0a, (LPI0 + round * 127ull + i) << 32 | i % 32, 0, 0);
		assert_true(ok());
	}
	/* event 30 was last mapped by the last command: 126 % 32 */
	assert_int_equal(message(5, 30), 0);
	assert_int_equal(pending(LPI0 + 4 * 127 + 126), 0);
}

static void a_queue_of_32k_commands_takes_bounded_slices(void **state)
{
	struct vits_stats before, after;
	uint64_t was = 0;
	bool again = true;

	(void)state;
	its_write(CTLR, 4, 0);
	its_write(CBASER, 8, VALID | QUEUE | 255);
	its_write(CWRITER, 8, 0);
	m.tail = 0;
	its_write(BASER0, 8, VALID | (RAM + 0x3000000) | PAGE_64K);
	its_write(BASER1, 8, VALID | (RAM + 0x3010000) | PAGE_64K);
	its_write(CTLR, 4, 1);
	vits_stats(m.vits, &before);
	for (unsigned i = 0; i < 32767; i++)
		put(0x05, 0, (i % 4) << 16, 0);
	for (unsigned presents = 0; again; presents++) {
		assert_true(presents < 1024);
		again = vits_write(m.vits, m.cpus[0], CWRITER, 8, m.tail) == VGIC_AGAIN;
		assert_true(its_read(CREADR, 8) - was <= 32 * 32);
		was = its_read(CREADR, 8);
	}
	assert_int_equal(was, m.tail);
	vits_stats(m.vits, &after);
	assert_int_equal(after.commands - before.commands, 32767);
	assert_int_equal(after.command_errors, before.command_errors);
}

/* Any vCPU may go on with what another one's access began. */
static void another_vcpu_finishes_the_queue(void **state)
{
	(void)state;
	with_device();
	for (unsigned i = 0; i < 100; i++)
		put(0x09, 0, VALID | i, 0);
	assert_int_equal(vits_write(m.vits, m.cpus[0], CWRITER, 8, m.tail), VGIC_AGAIN);
	while (vits_write(m.vits, m.cpus[1], CWRITER, 8, m.tail) == VGIC_AGAIN)
		;
	assert_int_equal(its_read(CREADR, 8), m.tail);
	assert_int_equal(vits_write(m.vits, m.cpus[0], CWRITER, 8, m.tail), VGIC_DONE);
}

static void an_offset_outside_the_queue_is_no_command(void **state)
{
	(void)state;
	with_device();
	its_write(CWRITER, 8, 0x10000);
	assert_int_equal(its_read(CREADR, 8), m.tail);
	assert_int_equal(its_read(CWRITER, 8), 0x10000);
	assert_true(mapti(5, 0, LPI0, 0));
}

static void B09_a_queue_that_is_no_memory(void **state)
{
	(void)state;
	its_write(CTLR, 4, 0);
	its_write(CBASER, 8, VALID | 0x1000);
	its_write(CWRITER, 8, 0xfe0);
	its_write(CTLR, 4, 1);
	assert_int_equal(its_read(CREADR, 8), 0xfe0);
	assert_int_equal(errors(), 127);
	its_write(CTLR, 4, 0);
	its_write(CBASER, 8, VALID | 0xffffffffff000 | 1);
	its_write(CTLR, 4, 1);
	assert_int_equal(errors(), 254);
}

static void B09_a_queue_across_the_end_of_memory(void **state)
{
	uint64_t last = RAM + RAM_SIZE - 0x1000;

	(void)state;
	its_write(CTLR, 4, 0);
	its_write(CBASER, 8, VALID | last | 1);
	its_write(CWRITER, 8, 0x1fe0);
	for (uint64_t at = last; at < RAM + RAM_SIZE; at += 32) {
		poke(at, 0x09);
		poke(at + 16, VALID);
	}
	its_write(CTLR, 4, 1);
	assert_int_equal(its_read(CREADR, 8), 0x1fe0);
	assert_int_equal(errors(), 127); /* those behind it */
}

/* --- Commands: 5.3. ------------------------------------------------------------------------------ */

static void a_message_becomes_an_lpi_of_its_collection(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(pending(LPI0 + 3), 1);
	assert_int_equal(message(5, 6), -VIRQ_ERR_RANGE);
	assert_int_equal(message(6, 7), -VIRQ_ERR_RANGE);
}

static void mapi_has_the_event_for_an_lpi(void **state)
{
	(void)state;
	assert_true(mapd(5, ITT, 14));
	assert_true(mapc(2, 3));
	assert_true(mapi(5, LPI0 + 5, 2));
	assert_int_equal(message(5, LPI0 + 5), 0);
	assert_int_equal(pending(LPI0 + 5), 3);
	assert_false(mapi(5, 5, 2));
	assert_int_equal(message(5, 5), -VIRQ_ERR_RANGE);
}

static void an_event_mapped_again_is_another_lpi(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(message(5, 7), 0);
	assert_true(mapti(5, 7, LPI0 + 4, 2));
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(pending(LPI0 + 4), 2);
	assert_int_equal(pending(LPI0 + 3), 1); /* it was not discarded */
}

static void movi_takes_what_is_pending_along(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(message(5, 7), 0);
	assert_true(movi(5, 7, 3));
	assert_int_equal(pending(LPI0 + 3), 3);
	assert_true(event_command(CLEAR, 5, 7));
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(pending(LPI0 + 3), 3);
}

static void discard_takes_what_is_pending_away(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(message(5, 7), 0);
	assert_true(event_command(DISCARD, 5, 7));
	assert_int_equal(pending(LPI0 + 3), NOWHERE);
	assert_int_equal(message(5, 7), -VIRQ_ERR_RANGE);
	assert_int_equal(pending(LPI0 + 3), NOWHERE);
	assert_false(event_command(DISCARD, 5, 7));
	assert_true(mapti(5, 7, LPI0 + 3, 1));
	assert_int_equal(pending(LPI0 + 3), NOWHERE);
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(pending(LPI0 + 3), 1);
}

static void int_and_clear(void **state)
{
	(void)state;
	with_event();
	assert_true(event_command(INT, 5, 7));
	assert_int_equal(pending(LPI0 + 3), 1);
	assert_true(event_command(CLEAR, 5, 7));
	assert_int_equal(pending(LPI0 + 3), NOWHERE);
}

static bool in_list(unsigned vcpu, virq_t lpi)
{
	for (unsigned n = 0; n < 4; n++) {
		if ((m.images[vcpu].live & 1u << n) && m.images[vcpu].lr[n] >> 62 &&
		    (uint32_t)m.images[vcpu].lr[n] == lpi)
			return true;
	}
	return false;
}

static void distributor_on(void)
{
	while (vgic_dist_write(m.cpus[0], 0, 4, 3) == VGIC_AGAIN)
		;
	for (unsigned i = 0; i < VCPUS; i++)
		enter(i);
}

static void inv_has_the_configuration_read_again(void **state)
{
	(void)state;
	distributor_on();
	with_event();
	m.ram[PROPS - RAM + 3] = 0xa0; /* disabled */
	assert_int_equal(message(5, 7), 0);
	enter(1);
	assert_false(in_list(1, LPI0 + 3));
	m.ram[PROPS - RAM + 3] = 0xa1;
	enter(1);
	assert_false(in_list(1, LPI0 + 3));
	assert_true(event_command(INV, 5, 7));
	enter(1);
	assert_true(in_list(1, LPI0 + 3));
}

static void invall_is_of_a_collections_vcpu(void **state)
{
	(void)state;
	distributor_on();
	with_event();
	m.ram[PROPS - RAM + 3] = 0xa0;
	assert_int_equal(message(5, 7), 0);
	enter(1);
	m.ram[PROPS - RAM + 3] = 0xa1;
	assert_true(invall(0));
	enter(1);
	assert_false(in_list(1, LPI0 + 3));
	assert_true(invall(1));
	enter(1);
	assert_true(in_list(1, LPI0 + 3));
}

static void movall_moves_what_is_pending(void **state)
{
	(void)state;
	with_event();
	assert_true(mapti(5, 8, LPI0 + 4, 2));
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(message(5, 8), 0);
	assert_true(movall(1, 3));
	assert_int_equal(pending(LPI0 + 3), 3);
	assert_int_equal(pending(LPI0 + 4), 2);
	assert_true(movall(2, 2));
	assert_int_equal(pending(LPI0 + 4), 2);
}

static void a_collection_at_another_vcpu(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(message(5, 7), 0);
	assert_true(mapc(1, 2));
	assert_int_equal(pending(LPI0 + 3), 1); /* until MOVALL */
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(pending(LPI0 + 3), 2);
}

static void a_collection_that_is_unmapped_gets_nothing(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(message(5, 7), 0);
	assert_true(mapc_off(1));
	assert_int_equal(pending(LPI0 + 3), 1); /* it stays with its redistributor */
	assert_int_equal(message(5, 7), -VIRQ_ERR_RANGE);
	assert_true(event_command(CLEAR, 5, 7));
	assert_int_equal(pending(LPI0 + 3), NOWHERE);
	assert_true(mapc(1, 0));
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(pending(LPI0 + 3), 0);
}

/* An event may be mapped before its collection is. */
static void a_collection_mapped_later(void **state)
{
	(void)state;
	assert_true(mapd(5, ITT, 5));
	assert_true(mapti(5, 7, LPI0 + 3, 1));
	assert_int_equal(message(5, 7), -VIRQ_ERR_RANGE);
	assert_true(mapc(1, 2));
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(pending(LPI0 + 3), 2);
}

static void a_device_unmapped_with_live_events(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(message(5, 7), 0);
	assert_true(mapd_off(5));
	assert_int_equal(message(5, 7), -VIRQ_ERR_RANGE);
	assert_int_equal(pending(LPI0 + 3), 1); /* software discards first */
	assert_true(mapd(5, ITT + 0x10000, 5));
	assert_int_equal(message(5, 7), -VIRQ_ERR_RANGE);
	assert_true(mapd(5, ITT, 5));
	assert_int_equal(message(5, 7), 0);
}

static void every_command_error_is_passed_over(void **state)
{
	static const uint64_t cases[][4] = {
		/* MAPD: no such device; more event bits than there are */
		{ 0x10000ull << 32 | 0x08, 4, VALID | ITT },
		{ 6ull << 32 | 0x08, 16, VALID | ITT },
		{ 0x10000ull << 32 | 0x08, 0, 0 },
		/* MAPC: no such collection; no such vCPU */
		{ 0x09, 0, VALID | 256 },
		{ 0x09, 0, 256 },
		{ 0x09, 0, VALID | 4ull << 16 },
		{ 0x09, 0, VALID | 0xfffffffffull << 16 },
		/* MAPTI: device, not mapped; event; LPI; collection */
		{ 0x10000ull << 32 | 0x0a, (uint64_t)LPI0 << 32, 0 },
		{ 6ull << 32 | 0x0a, (uint64_t)LPI0 << 32, 0 },
		{ 5ull << 32 | 0x0a, (uint64_t)LPI0 << 32 | 32, 0 },
		{ 5ull << 32 | 0x0a, (uint64_t)LPI0 << 32 | 0xffffffff, 0 },
		{ 5ull << 32 | 0x0a, (LPI0 - 1ull) << 32, 0 },
		{ 5ull << 32 | 0x0a, 0, 0 },
		{ 5ull << 32 | 0x0a, (LPI0 + 0x10000ull) << 32, 0 },
		{ 5ull << 32 | 0x0a, 0xffffffffull << 32, 0 },
		{ 5ull << 32 | 0x0a, (uint64_t)LPI0 << 32, 256 },
		/* MAPI: the event is no LPI */
		{ 5ull << 32 | 0x0b, 0, 0 },
		/* MOVI: device, event, not mapped; collection, not mapped */
		{ 6ull << 32 | 0x01, 7, 0 },
		{ 5ull << 32 | 0x01, 32, 0 },
		{ 5ull << 32 | 0x01, 8, 0 },
		{ 5ull << 32 | 0x01, 7, 256 },
		{ 5ull << 32 | 0x01, 7, 9 },
		/* DISCARD, INT, CLEAR, INV */
		{ 6ull << 32 | 0x0f, 7 },
		{ 5ull << 32 | 0x0f, 32 },
		{ 5ull << 32 | 0x0f, 8 },
		{ 6ull << 32 | 0x03, 7 },
		{ 5ull << 32 | 0x03, 8 },
		{ 6ull << 32 | 0x04, 7 },
		{ 5ull << 32 | 0x04, 8 },
		{ 6ull << 32 | 0x0c, 7 },
		{ 5ull << 32 | 0x0c, 8 },
		/* INVALL: collection, not mapped */
		{ 0x0d, 0, 256 },
		{ 0x0d, 0, 9 },
		/* MOVALL, SYNC: no such vCPU */
		{ 0x0e, 0, 4ull << 16, 0 },
		{ 0x0e, 0, 0, 4ull << 16 },
		{ 0x05, 0, 4ull << 16 },
		/* No commands; those of GICv4 */
		{ 0x00 },
		{ 0x02 },
		{ 0x06 },
		{ 0x10 },
		{ 0x21, 0, 0, 0 },
		{ 0x25 },
		{ 0x29, 0, VALID },
		{ 0x2a },
		{ 0x2b },
		{ 0x2d },
		{ 0x2e },
		{ 0xff },
	};

	(void)state;
	with_event();
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(cases[i][0], cases[i][1], cases[i][2], cases[i][3]);
		if (ok())
			fail_msg("case %u was no error", i);
	}
	/* And nothing has changed. */
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(pending(LPI0 + 3), 1);
	assert_int_equal(peek(ITT + 8 * 8), 0);
	assert_int_equal(peek(DEVICES + 6 * 8), 0);
}

static void movi_and_int_need_the_collection_that_it_is_in(void **state)
{
	(void)state;
	with_event();
	assert_true(mapc_off(1));
	assert_false(movi(5, 7, 2));
	assert_false(event_command(INT, 5, 7));
	assert_true(event_command(INV, 5, 7));
	assert_true(event_command(DISCARD, 5, 7));
}

static void B07_rdbase_equal_to_the_number_of_vcpus(void **state)
{
	(void)state;
	with_event();
	assert_true(mapc(1, VCPUS - 1));
	assert_false(mapc(1, VCPUS));
	assert_false(movall(0, VCPUS));
	assert_false(movall(VCPUS, 0));
	assert_false(sync(VCPUS));
	assert_true(sync(VCPUS - 1));
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(pending(LPI0 + 3), VCPUS - 1);
}

/* In a command, and in a table that the guest wrote itself: INV and the others never see them. */
static void B08_an_lpi_below_8192_or_huge(void **state)
{
	static const uint64_t lpis[] = { 0,          1,          1023,      8191, LPI0 + 0x10000,
					 0x7fffffff, 0x80002000, 0xffffffff };

	(void)state;
	with_device();
	for (unsigned i = 0; i < sizeof(lpis) / sizeof(lpis[0]); i++) {
		assert_false(mapti(5, 7, lpis[i], 1));
		poke(ITT + 7 * 8, lpis[i] << 16 | 1);
		assert_int_equal(message(5, 7), -VIRQ_ERR_RANGE);
		assert_false(event_command(INT, 5, 7));
		assert_false(event_command(INV, 5, 7));
		assert_false(event_command(CLEAR, 5, 7));
		assert_false(event_command(DISCARD, 5, 7));
		assert_false(movi(5, 7, 2));
	}
	assert_true(mapti(5, 7, 65535, 1));
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(pending(65535), 1);
}

static void rdbase_as_an_address(void **state)
{
	struct vits_config config = plain;
	uint64_t redists = 0x80a0000;

	(void)state;
	config.pta = true;
	config.redists = redists;
	vits_make(config);
	start();
	assert_true(mapd(5, ITT, 5));
	assert_true(mapc(1, (redists + 2 * VGIC_REDIST_STRIDE) >> 16));
	assert_true(mapti(5, 7, LPI0, 1));
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(pending(LPI0), 2);
	assert_false(mapc(1, 2));
	assert_false(mapc(1, (redists + VCPUS * VGIC_REDIST_STRIDE) >> 16)); /* B07 */
	assert_false(mapc(1, (redists + 0x10000) >> 16)); /* the frame of its SGIs */
	assert_false(mapc(1, (redists - VGIC_REDIST_STRIDE) >> 16));
	assert_true(movall((redists + 2 * VGIC_REDIST_STRIDE) >> 16, redists >> 16));
	assert_int_equal(pending(LPI0), 0);
	assert_true(sync(redists >> 16));
	assert_false(sync(0));
}

/* What is pending there has no mapping any more, or never had one. */
static void B34_movall_and_invall_of_what_is_not_mapped(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(message(5, 7), 0);
	assert_true(mapd_off(5));
	assert_int_equal(vgic_lpi_raise(m.vgic, NULL, 1, LPI0 + 77), 0);
	assert_true(invall(1));
	assert_true(movall(1, 0));
	assert_int_equal(pending(LPI0 + 3), 0);
	assert_int_equal(pending(LPI0 + 77), 0);
}

static void movall_of_many_takes_slices(void **state)
{
	unsigned presents = 0;

	(void)state;
	with_device();
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(vgic_lpi_raise(m.vgic, NULL, 1, LPI0 + i * 11), 0);
	put(0x0e, 0, 1ull << 16, 2ull << 16);
	while (vits_write(m.vits, m.cpus[0], CWRITER, 8, m.tail) == VGIC_AGAIN) {
		assert_int_not_equal(its_read(CREADR, 8), m.tail);
		presents++;
	}
	assert_true(presents >= 5000 / (256 + 64));
	assert_true(presents < 200);
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(pending(LPI0 + i * 11), 2);
}

/* In a list register, unmapped, mapped again to another vCPU: it is there once. */
static void B48_unmapped_and_mapped_again_while_in_a_list_register(void **state)
{
	(void)state;
	distributor_on();
	with_event();
	assert_int_equal(message(5, 7), 0);
	enter(1);
	assert_true(in_list(1, LPI0 + 3));
	put(5ull << 32 | DISCARD, 7, 0, 0);
	put(5ull << 32 | 0x0a, (LPI0 + 3ull) << 32 | 7, 2, 0);
	/* vCPU 1 has not come out of its guest. */
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(vits_write(m.vits, m.cpus[0], CWRITER, 8, m.tail), VGIC_AGAIN);
	assert_int_equal(message(5, 7), -VIRQ_ERR_RANGE);
	go();
	assert_false(in_list(1, LPI0 + 3));
	assert_int_equal(pending(LPI0 + 3), NOWHERE);
	assert_int_equal(message(5, 7), 0);
	enter(1);
	enter(2);
	assert_false(in_list(1, LPI0 + 3));
	assert_true(in_list(2, LPI0 + 3));
}

/* --- Tables: KVM's ITS ABI revision 0. ----------------------------------------------------------- */

/* Expected values are the document's fields, put together by hand. */
static void tables_have_kvms_format(void **state)
{
	(void)state;
	with_event();
	/* valid; next 1; ITT bits 51:8 = 0x406000, from bit 5 on; 5 bits */
	assert_int_equal(peek(DEVICES + 5 * 8), (1ull << 63 | 1ull << 49 | 0x406000ull << 5 | 4));
	/* next 1; LPI 8195; collection 1 */
	assert_int_equal(peek(ITT + 7 * 8), 0x0001000020030001);
	/* The last event has no next one. */
	assert_true(mapti(5, 31, LPI0 + 4, 2));
	assert_int_equal(peek(ITT + 31 * 8), 0x0000000020040002);
	assert_true(event_command(DISCARD, 5, 7));
	assert_int_equal(peek(ITT + 7 * 8), 0);
	assert_true(
		mapd(0x1fff, ITT + 0x10000, 1)); /* the last device that the table has room for */
	assert_int_equal(peek(DEVICES + 0x1fff * 8), 1ull << 63 | 0x406100ull << 5);
	assert_true(mapd_off(5));
	assert_int_equal(peek(DEVICES + 5 * 8), 0);
}

static void a_table_is_read_as_kvm_wrote_it(void **state)
{
	(void)state;
	poke(DEVICES + 3 * 8, 1ull << 63 | 77ull << 49 | (ITT >> 8) << 5 | 9);
	poke(ITT + 1000 * 8, 23ull << 48 | (LPI0 + 6ull) << 16 | 2);
	assert_true(mapc(2, 1));
	assert_int_equal(message(3, 1000), 0);
	assert_int_equal(pending(LPI0 + 6), 1);
}

static void what_a_guest_writes_into_its_tables_is_checked(void **state)
{
	static const uint64_t entries[] = {
		0x2003ull << 16 | 9,   /* not mapped */
		0x2003ull << 16 | 256, /* no such collection */
		0x1fffull << 16 | 1,   /* B08: no LPI */
		0x12000ull << 16 | 1,  /* one more than there are */
		0xffffffffull << 16 | 1, ~0ull,
	};
	static const uint64_t devices[] = {
		0,
		~0ull,                                    /* an ITT far away */
		VALID | 4,                                /* at 0 */
		VALID | ((RAM + RAM_SIZE) >> 8) << 5 | 4, /* just behind the memory */
		VALID | (ITT >> 8) << 5 | 16,             /* more bits than there are */
		VALID | (ITT >> 8) << 5 | 2,              /* 8 events */
	};

	(void)state;
	with_event();
	poke(ITT + 8 * 8, 0x2003ull << 16 | 1);
	assert_int_equal(message(5, 8), 0);
	for (unsigned i = 0; i < 6; i++) {
		poke(ITT + 9 * 8, entries[i]);
		assert_int_equal(message(5, 9), -VIRQ_ERR_RANGE);
		assert_false(event_command(INT, 5, 9));
	}
	poke(ITT + 9 * 8, 0x2003ull << 16 | 1);
	for (unsigned i = 0; i < 6; i++) {
		poke(DEVICES + 5 * 8, devices[i]);
		assert_int_equal(message(5, 9), -VIRQ_ERR_RANGE);
		assert_false(mapti(5, 9, LPI0, 0));
	}
}

static void the_last_eight_bytes_of_memory_are_a_table(void **state)
{
	(void)state;
	with_device();
	assert_true(mapd(6, RAM + RAM_SIZE - 0x100, 6));
	assert_true(mapti(6, 31, LPI0, 2));
	assert_false(mapti(6, 32, LPI0, 2));
	assert_int_equal(message(6, 31), 0);
	assert_int_equal(message(6, 32), -VIRQ_ERR_RANGE);
}

static void with_baser0(uint64_t baser)
{
	its_write(CTLR, 4, 0);
	its_write(BASER0, 8, VALID | baser);
	its_write(CTLR, 4, 1);
}

static void a_flat_table_of_each_page_size(void **state)
{
	static const struct {
		uint64_t page;
		uint64_t devices; /* of 3 pages */
	} cases[] = { { PAGE_4K, 3 * 512 }, { PAGE_16K, 3 * 2048 }, { PAGE_64K, 3 * 8192 } };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		with_baser0(DEVICES | cases[i].page | 2);
		assert_true(mapc(0, 0));
		assert_true(mapd(cases[i].devices - 1, ITT, 5));
		assert_int_equal(peek(DEVICES + (cases[i].devices - 1) * 8) >> 63, 1);
		assert_true(mapti(cases[i].devices - 1, i, LPI0 + i, 0));
		assert_int_equal(message((uint32_t)cases[i].devices - 1, i), 0);
		assert_int_equal(pending(LPI0 + i), 0);
		assert_false(mapd(cases[i].devices, ITT, 5));
	}
}

/* With pages of 64K, bits 15:12 of the register are bits 51:48 of the address. */
static void addresses_of_52_bits(void **state)
{
	(void)state;
	with_baser0(DEVICES | PAGE_64K | 1ull << 12);
	assert_false(mapd(5, ITT, 5)); /* 1 << 48 is no memory */
	with_baser0(DEVICES | PAGE_4K | 1ull << 12);
	assert_true(mapd(5, ITT, 5));
	assert_int_equal(peek(DEVICES + 0x1000 + 5 * 8) >> 63, 1);
	with_baser0(DEVICES | PAGE_16K | 1ull << 12); /* not aligned: those bits do not count */
	assert_true(mapd(5, ITT, 5));
	assert_int_equal(peek(DEVICES + 5 * 8) >> 63, 1);
}

static void B35_sparse_devices_of_a_two_level_table(void **state)
{
	static const struct {
		uint64_t page, devices; /* of a page of level 2 */
	} cases[] = { { PAGE_4K, 512 }, { PAGE_16K, 2048 }, { PAGE_64K, 8192 } };
	struct vits_config config = plain;

	(void)state;
	config.device_bits = 24;
	vits_make(config);
	start();
	for (unsigned i = 0; i < 3; i++) {
		uint64_t n = cases[i].devices, last = n * n - 1; /* one page of level 1 */

		memset(ram_at(DEVICES, 0x20000), 0, 0x20000);
		memset(ram_at(LEVEL2, 0x40000), 0, 0x40000);
		with_baser0(INDIRECT | DEVICES | cases[i].page);
		assert_true(mapc(0, 0));
		if (last >= 1 << 24)
			last = (1 << 24) - 1;
		assert_false(mapd(0, ITT, 5)); /* there is no level 2 */
		poke(DEVICES, VALID | LEVEL2);
		poke(DEVICES + last / n * 8, VALID | (LEVEL2 + 0x20000));
		assert_true(mapd(0, ITT, 5));
		assert_false(mapd(n, ITT, 5));
		assert_true(mapd(n - 1, ITT + 0x1000, 5));
		assert_true(mapd(last, ITT + 0x2000, 5));
		assert_false(mapd(last + 1, ITT + 0x3000, 5));
		assert_int_equal(peek(LEVEL2 + (n - 1) * 8), /* the next one is in another page */
				 1ull << 63 | 1ull << 49 | ((ITT + 0x1000) >> 8) << 5 | 4);
		assert_int_equal(peek(LEVEL2 + 0x20000 + last % n * 8) >> 63, 1);
		assert_true(mapti(last, 1, LPI0 + i, 0));
		assert_int_equal(message((uint32_t)last, 1), 0);
		assert_int_equal(pending(LPI0 + i), 0);
		assert_int_equal(message((uint32_t)(last - n), 1), -VIRQ_ERR_RANGE);
		assert_int_equal(message((uint32_t)last - 1, 1), -VIRQ_ERR_RANGE);
		poke(DEVICES + last / n * 8,
		     VALID | (LEVEL2 + 0x20000) | (n * 8 - 8)); /* reserved */
		assert_true(mapd(last, ITT + 0x3000, 5));
		assert_int_equal(peek(LEVEL2 + 0x20000 + last % n * 8) >> 5 & 0xfffff,
				 (ITT + 0x3000) >> 8 & 0xfffff);
		poke(DEVICES + last / n * 8, LEVEL2 + 0x20000); /* not valid */
		assert_false(mapd(last, ITT, 5));
		poke(DEVICES + last / n * 8, VALID | 0xffffffffff000);
		assert_false(mapd(last, ITT, 5));
	}
}

static void the_widest_numbers(void **state)
{
	struct vits_config config = plain;
	uint64_t level1 = RAM + 0x3000000;

	(void)state;
	config.device_bits = config.event_bits = 32;
	config.collection_bits = 16;
	vits_make(config);
	start();
	with_baser0(INDIRECT | level1 | PAGE_64K | 255);
	its_write(CTLR, 4, 0);
	its_write(BASER1, 8, VALID | TABLE | PAGE_64K | 7);
	its_write(CTLR, 4, 1);
	poke(level1 + 0xffffffff / 8192 * 8, VALID | LEVEL2);
	assert_true(mapc(0xffff, 3));
	assert_true(mapd(0xffffffff, ITT, 32));
	assert_int_equal(peek(LEVEL2 + 8191 * 8), 1ull << 63 | (ITT >> 8) << 5 | 31); /* the last */
	assert_true(mapti(0xffffffff, 0x10000, LPI0 + 9, 0xffff));
	assert_int_equal(message(0xffffffff, 0x10000), 0);
	assert_int_equal(pending(LPI0 + 9), 3);
	assert_false(mapti(0xffffffff, 0xffffffff, LPI0, 0xffff)); /* not in memory */
	assert_int_equal(message(0xffffffff, 0xffffffff), -VIRQ_ERR_RANGE);
	assert_int_equal(message(0xfffffffe, 0x10000), -VIRQ_ERR_RANGE);
}

static void the_narrowest_numbers(void **state)
{
	struct vits_config config = { 1, 1, 1, 4, false, 0, 0 };

	(void)state;
	vits_make(config);
	start();
	assert_true(mapd(1, ITT, 1));
	assert_false(mapd(2, ITT, 1));
	assert_false(mapd(0, ITT, 2));
	assert_true(mapc(1, 1));
	assert_false(mapc(2, 1));
	assert_true(mapti(1, 1, LPI0, 1));
	assert_false(mapti(1, 2, LPI0, 1));
	assert_false(mapti(1, 0, LPI0, 2));
	assert_int_equal(peek(DEVICES + 8), 1ull << 63 | (ITT >> 8) << 5);
	assert_int_equal(message(1, 1), 0);
	assert_int_equal(message(1, 2), -VIRQ_ERR_RANGE);
	assert_int_equal(message(2, 1), -VIRQ_ERR_RANGE);
	assert_int_equal(pending(LPI0), 1);
}

static void a_collection_needs_room_in_the_table(void **state)
{
	struct vits_config config = plain;

	(void)state;
	config.collection_bits = 16;
	vits_make(config);
	start();
	assert_true(mapd(5, ITT, 5));
	its_write(CTLR, 4, 0);
	its_write(BASER1, 8, TABLE | PAGE_4K); /* not valid */
	its_write(CTLR, 4, 1);
	assert_false(mapc(0, 0));
	assert_false(mapti(5, 0, LPI0, 0));
	its_write(CTLR, 4, 0);
	its_write(BASER1, 8, VALID | TABLE | PAGE_4K);
	its_write(CTLR, 4, 1);
	assert_true(mapc(511, 0));
	assert_false(mapc(512, 0));
	assert_false(mapti(5, 0, LPI0, 512));
	assert_true(mapti(5, 0, LPI0, 511));
}

/* --- The cache, and messages under way. ---------------------------------------------------------- */

static uint64_t misses(void)
{
	struct vits_stats stats;

	vits_stats(m.vits, &stats);
	return stats.misses;
}

static void a_second_message_reads_no_table(void **state)
{
	unsigned reads;

	(void)state;
	with_event();
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(misses(), 1);
	reads = m.reads;
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(m.reads, reads);
	assert_int_equal(misses(), 1);
}

static void what_is_cached_goes_with_its_mapping(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(message(5, 7), 0);
	assert_true(event_command(DISCARD, 5, 7));
	assert_int_equal(message(5, 7), -VIRQ_ERR_RANGE);
	assert_true(mapti(5, 7, LPI0 + 4, 1));
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(pending(LPI0 + 4), 1);
	assert_true(movi(5, 7, 2));
	assert_true(event_command(CLEAR, 5, 7));
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(pending(LPI0 + 4), 2);
	assert_true(mapd(5, ITT + 0x1000, 5));
	assert_int_equal(message(5, 7), -VIRQ_ERR_RANGE);
}

static void messages_and_commands_are_counted(void **state)
{
	struct vits_stats stats;

	(void)state;
	with_event();
	message(5, 7);
	message(5, 7);
	message(5, 8);
	assert_false(event_command(INT, 5, 8));
	vits_stats(m.vits, &stats);
	assert_int_equal(stats.messages, 2);
	assert_int_equal(stats.misses, 1);
	assert_int_equal(stats.ignored, 1);
	assert_int_equal(stats.commands, 7);
	assert_int_equal(stats.command_errors, 1);
}

/* `devices` with `events` each, `stride` apart: the misses of a second round. */
static unsigned second_round(unsigned devices, unsigned events, uint32_t stride)
{
	struct vits_config config = {
		.device_bits = 24, .event_bits = 16, .collection_bits = 8, .cache_bits = 12
	};
	uint64_t before = 0;

	vits_make(config);
	start();
	with_baser0(INDIRECT | DEVICES | PAGE_64K | 3);
	for (uint64_t i = 0; i < 64; i++) /* all of level 1 leads to a few pages */
		for (uint64_t j = 0; j < 32; j++)
			poke(DEVICES + (i * 32 + j) * 8, VALID | (LEVEL2 + j * 0x10000));
	assert_true(mapc(0, 0));
	for (unsigned d = 0; d < devices; d++) {
		assert_true(mapd(d * stride, RAM + 0x4000000 + d * 0x4000ull, 11));
		for (unsigned e = 0; e < events; e++)
			put((uint64_t)d * stride << 32 | 0x0a,
			    (LPI0 + (d * events + e) % 50000ull) << 32 | e, 0, 0);
		assert_true(ok());
	}
	for (unsigned round = 0; round < 2; round++) {
		before = misses();
		for (unsigned d = 0; d < devices; d++)
			for (unsigned e = 0; e < events; e++)
				assert_int_equal(message(d * stride, e), 0);
	}
	return (unsigned)(misses() - before);
}

/* Half as many translations as there is room for. */
static void usual_patterns_fit_the_cache(void **state)
{
	(void)state;
	assert_in_range(second_round(1, 2047, 1), 0, 100);
	assert_in_range(second_round(64, 32, 1), 0, 100);
	assert_in_range(second_round(64, 32, 8), 0, 100); /* functions 0 of slots */
	assert_in_range(second_round(256, 8, 8), 0, 100);
	assert_in_range(second_round(64, 32, 256), 0, 100); /* buses */
	assert_in_range(second_round(2, 1024, 0x10000), 0, 100);
}

/* Whatever a guest does, a message costs a bounded number of reads, and comes. */
static void more_events_than_the_cache_has_room_for(void **state)
{
	struct vits_config config = plain;

	(void)state;
	config.cache_bits = 4;
	vits_make(config);
	start();
	assert_true(mapd(5, ITT, 15));
	assert_true(mapc(0, 0));
	for (unsigned i = 0; i < 32768; i++) {
		put(5ull << 32 | 0x0a, (LPI0 + (uint64_t)i) << 32 | i, 0, 0);
		if (i % 1024 == 1023)
			assert_true(ok());
	}
	for (unsigned i = 0; i < 32768; i++) {
		m.reads = 0;
		assert_int_equal(message(5, i * 7919 % 32768), 0);
		assert_true(m.reads <= 3);
	}
	for (unsigned i = 0; i < 32768; i++)
		assert_int_equal(pending(LPI0 + i), 0);
}

static void present(void)
{
	assert_int_equal(vits_write(m.vits, m.cpus[0], CWRITER, 8, m.tail), VGIC_AGAIN);
	assert_int_equal(vits_write(m.vits, m.cpus[0], CWRITER, 8, m.tail), VGIC_AGAIN);
	assert_int_not_equal(its_read(CREADR, 8), m.tail);
}

/* A message has read its table entry; only then comes the command, on another CPU. */
static void meanwhile(void (*what)(void))
{
	m.on_read_at = ITT + 7 * 8;
	m.on_read = what;
	assert_int_equal(message(5, 7), 0);
	assert_null(m.on_read);
}

static void B33_discard_waits_for_messages_under_way(void **state)
{
	(void)state;
	with_event();
	put(5ull << 32 | DISCARD, 7, 0, 0);
	meanwhile(present);
	assert_int_equal(pending(LPI0 + 3), 1);
	go();
	assert_int_equal(pending(LPI0 + 3), NOWHERE);
	/* Nor did it leave in the cache what it had read. */
	assert_int_equal(message(5, 7), -VIRQ_ERR_RANGE);
	assert_int_equal(pending(LPI0 + 3), NOWHERE);
}

static void movi_waits_for_messages_under_way(void **state)
{
	(void)state;
	with_event();
	put(5ull << 32 | 0x01, 7, 2, 0);
	meanwhile(present);
	go();
	assert_int_equal(pending(LPI0 + 3), 2);
	assert_true(event_command(CLEAR, 5, 7));
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(pending(LPI0 + 3), 2);
}

static void mapd_waits_for_messages_under_way(void **state)
{
	(void)state;
	with_event();
	put(5ull << 32 | 0x08, 4, VALID | (ITT + 0x10000), 0);
	meanwhile(present);
	go();
	assert_int_equal(message(5, 7), -VIRQ_ERR_RANGE);
}

static void present_disable(void)
{
	assert_int_equal(vits_write(m.vits, m.cpus[0], CTLR, 4, 0), VGIC_AGAIN);
	assert_int_equal(its_read(CTLR, 4), 0); /* neither enabled nor quiescent */
	assert_int_equal(vits_write(m.vits, m.cpus[0], CTLR, 4, 0), VGIC_AGAIN);
}

static void quiescent_means_that_no_message_is_under_way(void **state)
{
	(void)state;
	with_event();
	meanwhile(present_disable);
	assert_int_equal(its_read(CTLR, 4), 0);
	its_write(CTLR, 4, 0);
	assert_int_equal(its_read(CTLR, 4), 0x80000000);
}

/* One that was cached is raised by way of the vGIC's kick. */
static bool kicked;

static void present_in_kick(void *host, unsigned vcpu)
{
	(void)host;
	(void)vcpu;
	if (!kicked)
		present();
	kicked = true;
}

static void B33_discard_waits_for_a_cache_hit(void **state)
{
	struct vgic_config config = { .version = VGIC_V3,
				      .vcpus = 1,
				      .priority_bits = 5,
				      .preemption_bits = 5,
				      .lrs = 4,
				      .lpi_bits = 8 };
	struct vgic_port port = vgic_port;
	struct gic_cpuif image = { .vmcr = 0xf8000002 };

	(void)state;
	port.kick = present_in_kick;
	kicked = true;
	for (unsigned i = 0; i < VCPUS; i++) {
		vgic_exit(m.cpus[i], &m.images[i]);
		vgic_put(m.cpus[i], &m.images[i]);
	}
	assert_int_equal(vgic_init(&m.vgic, m.vgic_memory, vgic_size(&config), &config, &port, &m),
			 0);
	m.cpus[0] = vgic_load(m.vgic, 0);
	redist_write(0, 0x14, 4, 0);
	redist_write(0, 0x70, 8, PROPS | 15);
	redist_write(0, 0x78, 8, PENDING);
	redist_write(0, 0, 4, 1);
	vits_make(plain);
	assert_int_equal(vits_write(m.vits, m.cpus[0], CBASER, 8, VALID | QUEUE), VGIC_DONE);
	vits_write(m.vits, m.cpus[0], BASER0, 8, VALID | DEVICES);
	vits_write(m.vits, m.cpus[0], BASER1, 8, VALID | TABLE);
	vits_write(m.vits, m.cpus[0], CTLR, 4, 1);
	put(5ull << 32 | 0x08, 4, VALID | ITT, 0);
	put(0x09, 0, VALID, 0);
	put(5ull << 32 | 0x0a, (LPI0 + 3ull) << 32 | 7, 0, 0);
	assert_int_equal(vits_write(m.vits, m.cpus[0], CWRITER, 8, m.tail), VGIC_DONE);
	assert_int_equal(message(5, 7), 0); /* into the cache */
	vgic_lpi_clear(m.vgic, NULL, LPI0 + 3);
	vgic_exit(m.cpus[0], &image);
	vgic_enter(m.cpus[0], &image); /* a raise kicks it */
	put(5ull << 32 | DISCARD, 7, 0, 0);
	kicked = false;
	assert_int_equal(message(5, 7), 0);
	assert_true(kicked);
	vgic_exit(m.cpus[0], &image);
	while (vits_write(m.vits, m.cpus[0], CWRITER, 8, m.tail) == VGIC_AGAIN)
		vgic_exit(m.cpus[0], &image);
	assert_int_equal(pending(LPI0 + 3), NOWHERE);
}

/* Messages that go on coming do not hold a command up: only those of before it count. */
static void present_done(void)
{
	assert_int_equal(vits_write(m.vits, m.cpus[0], CWRITER, 8, m.tail), VGIC_DONE);
}

static void messages_that_started_later_hold_nothing_up(void **state)
{
	(void)state;
	with_event();
	assert_true(mapti(5, 8, LPI0 + 4, 2));
	put(5ull << 32 | DISCARD, 7, 0, 0);
	meanwhile(present);
	m.on_read_at = ITT + 8 * 8;
	m.on_read = present_done;
	assert_int_equal(message(5, 8), 0);
	assert_null(m.on_read);
	assert_int_equal(pending(LPI0 + 3), NOWHERE);
	assert_int_equal(pending(LPI0 + 4), 2);
}

/* --- Reset, save and restore. -------------------------------------------------------------------- */

static void reset_is_as_at_first(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(message(5, 7), 0);
	vits_reset(m.vits);
	registers_at_reset(state);
	start();
	assert_int_equal(message(5, 7), -VIRQ_ERR_RANGE); /* no collection */
}

static void saved_and_restored(void **state)
{
	struct vits_state saved;

	(void)state;
	with_event();
	assert_true(mapc_off(2));
	poke(TABLE + 24, VALID | 2);
	assert_int_equal(vits_save(m.vits, &saved), 0);
	assert_int_equal(saved.ctlr, 1);
	assert_int_equal(saved.iidr, its_read(IIDR, 4));
	assert_int_equal(saved.cbaser, VALID | QUEUE | 15);
	assert_int_equal(saved.creadr, m.tail);
	assert_int_equal(saved.cwriter, m.tail);
	assert_int_equal(saved.baser[0], VALID | 1ull << 56 | 7ull << 48 | DEVICES | PAGE_64K);
	assert_int_equal(saved.baser[1], VALID | 4ull << 56 | 7ull << 48 | TABLE | PAGE_64K);
	assert_int_equal(saved.baser[2], 0);
	/* valid, vCPU, collection; then one that is not valid */
	assert_int_equal(peek(TABLE), 1ull << 63 | 0ull << 16 | 0);
	assert_int_equal(peek(TABLE + 8), 1ull << 63 | 1ull << 16 | 1);
	assert_int_equal(peek(TABLE + 16), 1ull << 63 | 3ull << 16 | 3);
	assert_int_equal(peek(TABLE + 24), 0);
	m.tail = 0;
	vits_make(plain);
	assert_int_equal(vits_restore(m.vits, &saved, NULL), 0);
	m.tail = saved.cwriter;
	assert_int_equal(its_read(CTLR, 4), 1);
	assert_int_equal(message(5, 7), 0);
	assert_int_equal(pending(LPI0 + 3), 1);
	assert_false(invall(2));
	assert_true(invall(3));
}

/* As KVM's document says: not from our own save. */
static const struct vits_state of_kvm = {
	.ctlr = 1,
	.iidr = 0x4b00043b,
	.cbaser = VALID | 7ull << 59 | 7ull << 53 | QUEUE | 1ull << 10 | 15,
	.creadr = 0x40,
	.cwriter = 0x40,
	.baser = { VALID | 7ull << 59 | 1ull << 56 | 7ull << 48 | DEVICES | 1ull << 10 | PAGE_64K |
			   3,
		   VALID | 7ull << 59 | 4ull << 56 | 7ull << 48 | TABLE | 1ull << 10 | PAGE_64K },
};

static void a_state_of_kvm_is_restored(void **state)
{
	virq_t lpi;
	unsigned vcpu;

	(void)state;
	poke(TABLE, 1ull << 63 | 2ull << 16 | 7);
	poke(TABLE + 8, 1ull << 63 | 1ull << 16 | 3);
	poke(DEVICES + 0x10 * 8, 1ull << 63 | 0x10ull << 49 | (ITT >> 8) << 5 | 3);
	poke(DEVICES + 0x20 * 8, 1ull << 63 | 0ull << 49 | ((ITT + 0x100) >> 8) << 5 | 3);
	poke(ITT + 1 * 8, 4ull << 48 | 8192ull << 16 | 7);
	poke(ITT + 5 * 8, 0ull << 48 | 8300ull << 16 | 3);
	poke(ITT + 0x100, 0ull << 48 | 9000ull << 16 | 3);
	vits_make(plain);
	assert_int_equal(vits_restore(m.vits, &of_kvm, NULL), 0);
	assert_int_equal(its_read(CREADR, 8), 0x40);
	assert_int_equal(message(0x10, 1), 0);
	assert_int_equal(pending(8192), 2);
	assert_int_equal(message(0x10, 5), 0);
	assert_int_equal(pending(8300), 1);
	assert_int_equal(vits_translate(m.vits, 0x20, 0, &lpi, &vcpu), 0);
	assert_int_equal(lpi, 9000);
	assert_int_equal(vcpu, 1);
	assert_int_equal(vits_translate(m.vits, 0x20, 1, &lpi, &vcpu), -VIRQ_ERR_RANGE);
}

static void wrong(const struct vits_state *state, const char *what)
{
	const char *why = NULL;

	assert_int_equal(vits_restore(m.vits, state, &why), -VIRQ_ERR_STATE);
	assert_non_null(why);
	assert_memory_equal(why, what, strlen(what));
	assert_int_equal(message(5, 7), 0); /* it is as before */
}

static void wrong_states_are_refused(void **state)
{
	struct vits_state s;

	(void)state;
	with_event();
	memset(ram_at(TABLE, 64), 0, 64);
#define WRONG(field, value, what)  \
	do {                       \
		s = of_kvm;        \
		s.field = (value); \
		wrong(&s, (what)); \
	} while (0)
	WRONG(ctlr, 3, "ctlr");
	WRONG(iidr, 0x4b00143b, "iidr");
	WRONG(cbaser, of_kvm.cbaser | 1 << 8, "cbaser");
	WRONG(creadr, 0x10000, "creadr");
	WRONG(creadr, 1, "creadr");
	WRONG(cwriter, 1, "cwriter");
	WRONG(cwriter, 1ull << 40, "cwriter");
	WRONG(baser[0], of_kvm.baser[1], "baser");
	WRONG(baser[0], of_kvm.baser[0] | 1 << 9 | 1 << 8, "baser");
	WRONG(baser[1], of_kvm.baser[1] | INDIRECT, "baser");
	WRONG(baser[1], of_kvm.baser[1] + (1ull << 48), "baser");
	WRONG(baser[2], 1, "baser");
	WRONG(baser[7], VALID, "baser");
	WRONG(baser[1], of_kvm.baser[1] & ~0x7fff0000ull, "baser[1]"); /* no memory */
	s = of_kvm;
	poke(TABLE, 1ull << 63 | 4ull << 16); /* B07 */
	wrong(&s, "baser[1]");
	poke(TABLE, 1ull << 63 | 256);
	wrong(&s, "baser[1]");
	for (unsigned i = 0; i < 257; i++)
		poke(TABLE + 8 * i, 1ull << 63 | i % 256);
	wrong(&s, "baser[1]");
	poke(TABLE + 8 * 256, 0);
	assert_int_equal(vits_restore(m.vits, &s, NULL), 0);
}

static void collections_without_a_table_are_not_saved(void **state)
{
	struct vits_config config = plain;
	struct vits_state saved;

	(void)state;
	vits_make(plain);
	assert_int_equal(vits_save(m.vits, &saved), 0); /* there are none */
	start();
	assert_true(mapc(0, 0));
	assert_int_equal(vits_save(m.vits, &saved), 0);
	config.collection_bits = 16;
	vits_make(config);
	start();
	its_write(CTLR, 4, 0);
	its_write(BASER1, 8, VALID | (RAM + RAM_SIZE) | PAGE_4K); /* no memory */
	its_write(CTLR, 4, 1);
	assert_true(mapc(0, 0));
	assert_int_equal(vits_save(m.vits, &saved), -VIRQ_ERR_STATE);
}

/* Full: there is no room for an entry that ends it. */
static void a_full_table_of_collections(void **state)
{
	struct vits_config config = plain;
	struct vits_state saved;

	(void)state;
	config.collection_bits = 9;
	vits_make(config);
	start();
	its_write(CTLR, 4, 0);
	its_write(BASER1, 8, VALID | TABLE | PAGE_4K);
	its_write(CTLR, 4, 1);
	poke(TABLE + 0x1000, 0x1234);
	for (unsigned i = 0; i < 512; i++)
		put(0x09, 0, VALID | (i % 4) << 16 | i, 0);
	assert_true(ok());
	assert_int_equal(vits_save(m.vits, &saved), 0);
	assert_int_equal(peek(TABLE + 511 * 8), 1ull << 63 | 3ull << 16 | 511);
	assert_int_equal(peek(TABLE + 0x1000), 0x1234);
	vits_make(config);
	assert_int_equal(vits_restore(m.vits, &saved, NULL), 0);
	m.tail = saved.cwriter;
	assert_true(invall(511));
}

/* Saved while a command waits for another vCPU: it is finished first. */
static void a_command_that_was_begun_is_saved_as_done(void **state)
{
	struct vits_state saved;

	(void)state;
	distributor_on();
	with_event();
	assert_int_equal(message(5, 7), 0);
	enter(1);
	put(5ull << 32 | DISCARD, 7, 0, 0);
	put(5ull << 32 | 0x0a, (LPI0 + 3ull) << 32 | 8, 2, 0);
	assert_int_equal(vits_write(m.vits, m.cpus[0], CWRITER, 8, m.tail), VGIC_AGAIN);
	hardware_busy = true; /* it is not waited for */
	for (unsigned i = 0; i < VCPUS; i++) {
		vgic_exit(m.cpus[i], &m.images[i]);
		vgic_put(m.cpus[i], &m.images[i]);
	}
	assert_int_equal(vits_save(m.vits, &saved), 0);
	assert_int_equal(saved.creadr, m.tail - 32);
	assert_int_equal(saved.cwriter, m.tail);
	assert_int_equal(pending(LPI0 + 3), NOWHERE);
	hardware_busy = false;
	for (unsigned i = 0; i < VCPUS; i++)
		m.cpus[i] = vgic_load(m.vgic, i);
	go();
	assert_int_equal(message(5, 8), 0);
	assert_int_equal(pending(LPI0 + 3), 2);
}

/* --- Direct injection. --------------------------------------------------------------------------- */

static uint64_t forwarded(void)
{
	struct vits_stats stats;

	vits_stats(m.vits, &stats);
	return stats.forwarded;
}

static void a_named_pair_is_forwarded_once_it_is_mapped(void **state)
{
	(void)state;
	with_device();
	assert_int_equal(vits_forward(m.vits, 5, 7, 2), 0);
	assert_said("");
	assert_true(mapti(5, 7, LPI0 + 3, 1));
	assert_said("map 2 1 3;configure 2 3 a1;");
	assert_int_equal(forwarded(), 1);
	assert_int_equal(vits_forward(m.vits, 5, 7, 2), 0);
	assert_said("");
}

static void a_mapped_pair_is_forwarded_at_once(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(vits_forward(m.vits, 5, 7, 0), 0);
	assert_said("map 0 1 3;configure 0 3 a1;");
}

static void discarded_and_mapped_again_it_is_forwarded_again(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(vits_forward(m.vits, 5, 7, 0), 0);
	said[0] = 0;
	hardware_pending = true;
	assert_true(event_command(DISCARD, 5, 7));
	assert_said("unmap 0;");
	assert_int_equal(forwarded(), 0);
	assert_int_equal(pending(LPI0 + 3), NOWHERE); /* what was pending is discarded, too */
	assert_true(mapti(5, 7, LPI0 + 4, 2));
	assert_said("map 0 2 4;configure 0 4 a1;");
}

static void hardware_follows_what_the_guest_does(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(vits_forward(m.vits, 5, 7, 0), 0);
	said[0] = 0;
	assert_true(movi(5, 7, 3));
	assert_said("move 0 3;configure 0 3 a1;");
	assert_true(event_command(INT, 5, 7));
	assert_said("set 0;");
	assert_int_equal(pending(LPI0 + 3), NOWHERE);
	assert_true(event_command(CLEAR, 5, 7));
	assert_said("clear 0;");
	m.ram[PROPS - RAM + 3] = 0x41;
	assert_true(event_command(INV, 5, 7));
	assert_said("configure 0 3 41;");
	assert_true(invall(3));
	assert_said("configure 0 3 41;");
	assert_true(invall(1));
	assert_said("");
	assert_true(mapc(3, 0));
	assert_said("move 0 0;configure 0 3 41;");
	assert_true(mapc(1, 0));
	assert_said("");
	assert_true(movall(0, 1));
	assert_said("");
	hardware_pending = true;
	assert_true(mapd_off(5));
	assert_said("unmap 0;");
	assert_int_equal(pending(LPI0 + 3), 0); /* it stays pending */
}

static void a_collection_that_goes_and_comes(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(vits_forward(m.vits, 5, 7, 0), 0);
	said[0] = 0;
	hardware_pending = true;
	assert_true(mapc_off(1));
	assert_said("unmap 0;");
	assert_int_equal(pending(LPI0 + 3), 1);
	assert_true(mapc(1, 2));
	assert_said("map 0 2 3;configure 0 3 a1;");
}

static void mapped_to_another_lpi_it_is_mapped_anew(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(vits_forward(m.vits, 5, 7, 0), 0);
	said[0] = 0;
	assert_true(mapti(5, 7, LPI0 + 8, 1));
	assert_said("unmap 0;map 0 1 8;configure 0 8 a1;");
	assert_true(mapti(5, 7, LPI0 + 8, 1));
	assert_said("");
}

static void no_more_forwarding(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(vits_forward(m.vits, 5, 7, 0), 0);
	said[0] = 0;
	hardware_pending = true;
	assert_int_equal(vits_unforward(m.vits, NULL, 0), 0);
	assert_said("unmap 0;");
	assert_int_equal(pending(LPI0 + 3), 1);
	assert_int_equal(vits_unforward(m.vits, NULL, 0), 0);
	assert_true(movi(5, 7, 2));
	assert_said("");
	assert_int_equal(vits_forward(m.vits, 5, 6, 0), 0); /* it can name another one */
}

static void hardware_that_refuses_leaves_it_to_software(void **state)
{
	(void)state;
	with_event();
	hardware_refuses = true;
	assert_int_equal(vits_forward(m.vits, 5, 7, 0), 0);
	assert_said("map 0 1 3;");
	assert_int_equal(forwarded(), 0);
	assert_true(event_command(INT, 5, 7));
	assert_said("");
	assert_int_equal(pending(LPI0 + 3), 1);
}

static void routes_and_pairs_that_there_are_not(void **state)
{
	(void)state;
	assert_int_equal(vits_forward(m.vits, 5, 7, 8), -VIRQ_ERR_RANGE);
	assert_int_equal(vits_forward(m.vits, 0x10000, 7, 0), -VIRQ_ERR_RANGE);
	assert_int_equal(vits_forward(m.vits, 5, 0x10000, 0), -VIRQ_ERR_RANGE);
	assert_int_equal(vits_forward(m.vits, 5, 7, 0), 0);
	assert_int_equal(vits_forward(m.vits, 5, 8, 0), -VIRQ_ERR_RANGE); /* names another one */
	assert_int_equal(vits_forward(m.vits, 5, 7, 1), -VIRQ_ERR_RANGE); /* is named already */
	assert_int_equal(vits_unforward(m.vits, NULL, 8), -VIRQ_ERR_RANGE);
	vits_make((struct vits_config){ 16, 16, 8, 8, false, 0, 0 });
	assert_int_equal(vits_forward(m.vits, 5, 7, 0), -VIRQ_ERR_RANGE);
}

/* Neither software nor hardware delivers anything of an ITS that is disabled. */
static void a_disabled_its_forwards_nothing(void **state)
{
	uint64_t devices = its_read(BASER0, 8);

	(void)state;
	with_event();
	assert_int_equal(vits_forward(m.vits, 5, 7, 0), 0);
	said[0] = 0;
	hardware_pending = true;
	its_write(CTLR, 4, 0);
	assert_said("unmap 0;");
	assert_int_equal(forwarded(), 0);
	assert_int_equal(pending(LPI0 + 3), 1);
	assert_int_equal(vits_forward(m.vits, 5, 7, 0), 0);
	assert_said("");
	its_write(CTLR, 4, 1);
	assert_said("map 0 1 3;configure 0 3 a1;");
	its_write(CTLR, 4, 0);
	its_write(BASER0, 8, devices + 0x10000);
	said[0] = 0;
	its_write(CTLR, 4, 1);
	assert_said("");
	assert_int_equal(forwarded(), 0);
}

/* What is pending is the redistributor's: a disabled ITS discards nothing. */
static void a_disabled_its_leaves_what_is_pending(void **state)
{
	struct vits_port port = vits_port;

	(void)state;
	port.vlpi_discard = vlpi_discard;
	vits_make_with(plain, &port);
	start();
	with_event();
	assert_int_equal(vits_forward(m.vits, 5, 7, 0), 0);
	said[0] = 0;
	hardware_pending = true;
	its_write(CTLR, 4, 0);
	assert_said("unmap 0;");
	assert_int_equal(pending(LPI0 + 3), 1);
	its_write(CTLR, 4, 1);
	said[0] = 0;
	assert_true(event_command(DISCARD, 5, 7));
	assert_said("discard 0;");
}

/* All routes of chains that collide. */
static void many_routes(void **state)
{
	struct vits_config config = plain;

	(void)state;
	config.routes = 600;
	vits_make(config);
	start();
	assert_true(mapc(0, 0) && mapc(1, 1));
	assert_true(mapd(5, ITT, 10) && mapd(6, ITT + 0x10000, 10));
	for (unsigned i = 0; i < 600; i++) {
		assert_int_equal(vits_forward(m.vits, 5 + i % 2, i, (uint16_t)i), 0);
		assert_true(mapti(5 + i % 2, i, LPI0 + i, i % 2));
	}
	assert_int_equal(forwarded(), 600);
	for (unsigned i = 0; i < 600; i += 3)
		assert_int_equal(vits_unforward(m.vits, NULL, (uint16_t)i), 0);
	assert_int_equal(forwarded(), 400);
	for (unsigned i = 0; i < 600; i++) {
		char expected[32] = "";

		said[0] = 0;
		assert_true(event_command(INT, 5 + i % 2, i));
		if (i % 3)
			snprintf(expected, sizeof(expected), "set %u;", i);
		assert_said(expected);
	}
	said[0] = 0;
	put(6ull << 32 | 0x08, 0, 0, 0);
	assert_int_equal(vits_write(m.vits, m.cpus[0], CWRITER, 8, m.tail),
			 VGIC_AGAIN); /* slices */
	go();
	assert_int_equal(forwarded(), 200);
}

static void a_command_waits_for_hardware(void **state)
{
	(void)state;
	with_event();
	assert_int_equal(vits_forward(m.vits, 5, 7, 0), 0);
	hardware_busy = true;
	put(5ull << 32 | CLEAR, 7, 0, 0);
	present();
	hardware_busy = false;
	go();
}

static void routes_outlive_reset_and_restore(void **state)
{
	struct vits_state saved;

	(void)state;
	with_event();
	assert_int_equal(vits_forward(m.vits, 5, 7, 0), 0);
	assert_int_equal(vits_save(m.vits, &saved), 0);
	said[0] = 0;
	vits_reset(m.vits);
	assert_said("unmap 0;");
	assert_int_equal(forwarded(), 0);
	assert_int_equal(vits_restore(m.vits, &saved, NULL), 0);
	assert_said("map 0 1 3;configure 0 3 a1;");
	vits_reset(m.vits);
	said[0] = 0;
	start();
	m.tail = 0;
	assert_said("");
	assert_true(mapc(1, 3)); /* its tables still have the event */
	assert_said("map 0 3 3;configure 0 3 a1;");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(wrong_configurations_are_refused),
		TEST(a_vgic_without_lpis_has_no_its),
		TEST(registers_at_reset),
		TEST(typer_says_the_configuration),
		TEST(registers_of_64_bits_have_halves),
		TEST(B29_the_high_half_alone_clears_valid),
		TEST(fields_that_do_not_exist_read_as_zero),
		TEST(other_offsets_and_widths_are_raz_wi),
		TEST(what_configures_it_is_fixed_while_it_is_enabled),
		TEST(cbaser_clears_creadr_alone),
		TEST(a_disabled_its_executes_and_translates_nothing),
		TEST(collections_belong_to_their_table),
		TEST(another_device_table_is_read_once_it_is_enabled),
		TEST(the_queue_wraps),
		TEST(a_queue_of_32k_commands_takes_bounded_slices),
		TEST(another_vcpu_finishes_the_queue),
		TEST(an_offset_outside_the_queue_is_no_command),
		TEST(B09_a_queue_that_is_no_memory),
		TEST(B09_a_queue_across_the_end_of_memory),
		TEST(a_message_becomes_an_lpi_of_its_collection),
		TEST(mapi_has_the_event_for_an_lpi),
		TEST(an_event_mapped_again_is_another_lpi),
		TEST(movi_takes_what_is_pending_along),
		TEST(discard_takes_what_is_pending_away),
		TEST(int_and_clear),
		TEST(inv_has_the_configuration_read_again),
		TEST(invall_is_of_a_collections_vcpu),
		TEST(movall_moves_what_is_pending),
		TEST(a_collection_at_another_vcpu),
		TEST(a_collection_that_is_unmapped_gets_nothing),
		TEST(a_collection_mapped_later),
		TEST(a_device_unmapped_with_live_events),
		TEST(every_command_error_is_passed_over),
		TEST(movi_and_int_need_the_collection_that_it_is_in),
		TEST(B07_rdbase_equal_to_the_number_of_vcpus),
		TEST(B08_an_lpi_below_8192_or_huge),
		TEST(rdbase_as_an_address),
		TEST(B34_movall_and_invall_of_what_is_not_mapped),
		TEST(movall_of_many_takes_slices),
		TEST(B48_unmapped_and_mapped_again_while_in_a_list_register),
		TEST(tables_have_kvms_format),
		TEST(a_table_is_read_as_kvm_wrote_it),
		TEST(what_a_guest_writes_into_its_tables_is_checked),
		TEST(the_last_eight_bytes_of_memory_are_a_table),
		TEST(a_flat_table_of_each_page_size),
		TEST(addresses_of_52_bits),
		TEST(B35_sparse_devices_of_a_two_level_table),
		TEST(the_widest_numbers),
		TEST(the_narrowest_numbers),
		TEST(a_collection_needs_room_in_the_table),
		TEST(a_second_message_reads_no_table),
		TEST(what_is_cached_goes_with_its_mapping),
		TEST(messages_and_commands_are_counted),
		TEST(usual_patterns_fit_the_cache),
		TEST(more_events_than_the_cache_has_room_for),
		TEST(B33_discard_waits_for_messages_under_way),
		TEST(movi_waits_for_messages_under_way),
		TEST(mapd_waits_for_messages_under_way),
		TEST(quiescent_means_that_no_message_is_under_way),
		TEST(B33_discard_waits_for_a_cache_hit),
		TEST(messages_that_started_later_hold_nothing_up),
		TEST(reset_is_as_at_first),
		TEST(saved_and_restored),
		TEST(a_state_of_kvm_is_restored),
		TEST(wrong_states_are_refused),
		TEST(collections_without_a_table_are_not_saved),
		TEST(a_full_table_of_collections),
		TEST(a_command_that_was_begun_is_saved_as_done),
		TEST(a_named_pair_is_forwarded_once_it_is_mapped),
		TEST(a_mapped_pair_is_forwarded_at_once),
		TEST(discarded_and_mapped_again_it_is_forwarded_again),
		TEST(hardware_follows_what_the_guest_does),
		TEST(a_collection_that_goes_and_comes),
		TEST(mapped_to_another_lpi_it_is_mapped_anew),
		TEST(no_more_forwarding),
		TEST(hardware_that_refuses_leaves_it_to_software),
		TEST(routes_and_pairs_that_there_are_not),
		TEST(a_disabled_its_forwards_nothing),
		TEST(a_disabled_its_leaves_what_is_pending),
		TEST(many_routes),
		TEST(a_command_waits_for_hardware),
		TEST(routes_outlive_reset_and_restore),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("vits", tests, NULL, NULL);
}
