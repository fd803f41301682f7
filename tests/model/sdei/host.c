/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The hooks of struct sdei_port, and the interrupt controller behind them. What the library must not ask
 * for fails at once; in a wild phase (after a state of random bytes was accepted) only what can never be.
 */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

static struct model_irq *irq_at(struct machine *m, unsigned vcpu, virq_t virq, const char *hook)
{
	int n = model_irq_index(vcpu, virq);

	if (vcpu >= m->config.vcpus)
		machine_fail(m, "%s of vCPU %u", hook, vcpu);
	if (n < 0)
		machine_fail(m, "%s of interrupt %u, which is none", hook, virq);
	return &m->irq[n];
}

/* A hook that only makes sense for what is diverted. */
static struct model_irq *diverted_at(struct machine *m, unsigned vcpu, virq_t virq,
				     const char *hook)
{
	struct model_irq *irq = irq_at(m, vcpu, virq, hook);

	if (!irq->diverted && !m->wild && !m->restoring)
		machine_fail(m, "%s of interrupt %u, which is not diverted", hook, virq);
	return irq;
}

static void kick(void *host, unsigned vcpu)
{
	struct machine *m = host;

	if (vcpu >= m->config.vcpus)
		machine_fail(m, "kick of vCPU %u", vcpu);
	m->kicked[vcpu] = m->kicked_now[vcpu] = true;
	m->kicks++;
}

static int vcpu_of_mpidr(void *host, uint64_t mpidr)
{
	struct machine *m = host;

	return model_vcpu_of_mpidr(m->config.vcpus, mpidr);
}

static uint64_t mpidr(void *host, unsigned vcpu)
{
	struct machine *m = host;

	if (vcpu >= m->config.vcpus)
		machine_fail(m, "mpidr of vCPU %u", vcpu);
	return model_mpidr(vcpu);
}

static bool entry_valid(void *host, unsigned vcpu, uint64_t address)
{
	struct machine *m = host;

	if ((int)vcpu != m->acting || !address || address & 3)
		machine_fail(m, "entry_valid(%u, %#llx)", vcpu, (unsigned long long)address);
	return model_entry_valid(address);
}

static void completed(void *host, unsigned vcpu, int32_t event, uint64_t status)
{
	struct machine *m = host;

	if ((int)vcpu != m->acting)
		machine_fail(m, "completed() for vCPU %u, which does nothing", vcpu);
	m->completions++;
	m->completed_event = event;
	m->completed_status = status;
}

static bool irq_valid(void *host, unsigned vcpu, virq_t virq)
{
	struct machine *m = host;

	if (vcpu >= m->config.vcpus)
		machine_fail(m, "irq_valid of vCPU %u", vcpu);
	if (m->refuse >= 0 && m->refuse-- == 0)
		return false;
	return model_irq_index(vcpu, virq) >= 0;
}

static int irq_divert(void *host, unsigned vcpu, virq_t virq, bool again)
{
	struct machine *m = host;
	struct model_irq *irq = irq_at(m, vcpu, virq, "irq_divert");

	if (again != m->restoring && !m->wild)
		machine_fail(m, "irq_divert(again = %u)", again);
	if (!again && irq->diverted && !m->wild)
		machine_fail(m, "irq_divert of %u, which is diverted", virq);
	if (!again && m->retry)
		return SDEI_RETRY;
	if (!again && (model_irq_pending(irq) || irq->active))
		return SDEI_DENIED;
	irq->diverted = true;
	return 0;
}

static void irq_return(void *host, unsigned vcpu, virq_t virq)
{
	struct machine *m = host;
	struct model_irq *irq = diverted_at(m, vcpu, virq, "irq_return");

	if (irq->diverted)
		irq->enabled = false;
	irq->diverted = irq->taken = false;
}

static bool irq_pending(void *host, unsigned vcpu, virq_t virq)
{
	return model_irq_pending(irq_at(host, vcpu, virq, "irq_pending"));
}

static void irq_take(void *host, unsigned vcpu, virq_t virq)
{
	struct machine *m = host;
	struct model_irq *irq = diverted_at(m, vcpu, virq, "irq_take");

	if (irq->taken && !m->wild)
		machine_fail(m, "irq_take of %u, which is being handled", virq);
	irq->taken = true;
	irq->latch = false;
}

static bool irq_end(void *host, unsigned vcpu, virq_t virq)
{
	struct machine *m = host;
	struct model_irq *irq = diverted_at(m, vcpu, virq, "irq_end");

	if (!irq->taken && !m->wild)
		machine_fail(m, "irq_end of %u, which is not being handled", virq);
	irq->taken = false;
	return model_irq_pending(irq);
}

static bool irq_clear(void *host, unsigned vcpu, virq_t virq)
{
	struct model_irq *irq = diverted_at(host, vcpu, virq, "irq_clear");

	irq->latch = false;
	return model_irq_pending(irq);
}

static void irq_route(void *host, unsigned vcpu, virq_t virq)
{
	struct machine *m = host;

	irq_at(m, vcpu, virq, "irq_route");
	if (model_is_ppi(virq))
		machine_fail(m, "irq_route of a PPI, %u", virq);
	m->route[model_irq_index(vcpu, virq)] = (int)vcpu;
}

static void later(void *host, unsigned vcpu)
{
	struct machine *m = host;

	if (vcpu >= m->config.vcpus)
		machine_fail(m, "later() of vCPU %u", vcpu);
	m->later_due[vcpu] = m->later_now = true;
}

static void bound(void *host, unsigned vcpu, virq_t virq, int32_t event, bool on)
{
	struct machine *m = host;

	irq_at(m, vcpu, virq, "bound");
	m->bound[model_irq_index(vcpu, virq)] = on ? event : -1;
}

const struct sdei_port host_port = {
	.kick = kick,
	.vcpu_of_mpidr = vcpu_of_mpidr,
	.mpidr = mpidr,
	.entry_valid = entry_valid,
	.completed = completed,
	.irq_valid = irq_valid,
	.irq_divert = irq_divert,
	.irq_return = irq_return,
	.irq_pending = irq_pending,
	.irq_take = irq_take,
	.irq_end = irq_end,
	.irq_clear = irq_clear,
	.irq_route = irq_route,
	.later = later,
	.bound = bound,
};

void host_configure(const struct machine *m, struct sdei_config *config, struct sdei_event *events)
{
	for (unsigned n = 0; n < m->config.events; n++)
		events[n] = (struct sdei_event){
			.number = (n & 1 ? SDEI_VENDOR | 0x1000 : 7) + (int32_t)n * 5,
			.shared = m->config.shared >> n & 1,
			.critical = m->config.critical >> n & 1,
		};
	*config = (struct sdei_config){
		.vcpus = (uint16_t)m->config.vcpus,
		.private_slots = (uint8_t)m->config.private_slots,
		.shared_slots = (uint8_t)m->config.shared_slots,
		.events = (uint8_t)m->config.events,
		.event = events,
		.minor = (uint8_t)m->config.minor,
		.vendor = m->config.vendor,
		.features = m->config.features,
		.strict_signal = m->config.strict,
	};
}

/* In fresh memory, which is as long as was asked for and full of rubbish. */
void host_build(struct machine *m)
{
	struct sdei_event events[MODEL_EVENTS];
	struct sdei_port port = host_port;
	struct sdei_config config;
	const char *why = NULL;
	size_t size;

	host_configure(m, &config, events);
	if (!m->config.checks)
		port.entry_valid = NULL;
	if (!m->config.others) {
		port.completed = NULL;
		port.irq_route = NULL;
		port.bound = NULL;
	}
	if (!m->config.later)
		port.later = NULL;
	if (sdei_check(&config, &why))
		machine_fail(m, "the configuration is refused: %s", why ? why : "no reason");
	size = sdei_size(&config);
	free(m->memory);
	m->memory = NULL;
	if (!size || posix_memalign(&m->memory, 64, size))
		machine_fail(m, "sdei_size() is %zu", size);
	memset(m->memory, 0xa5, size);
	for (unsigned n = 0; n < MODEL_IRQS; n++)
		m->bound[n] = -1;
	if (sdei_init(&m->sdei, m->memory, size - 1, &config, &port, m) != -VIRQ_ERR_MEMORY)
		machine_fail(m, "sdei_init() takes a byte less than sdei_size() says");
	if (sdei_init(&m->sdei, m->memory, size, &config, &port, m))
		machine_fail(m, "sdei_init() refuses");
}

void host_kicks_begin(struct machine *m, int acting)
{
	memset(m->kicked_now, 0, sizeof(m->kicked_now));
	m->acting = acting;
	m->spurious = m->later_now = false;
	m->completions = 0;
}
