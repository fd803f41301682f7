/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Interrupts that are bound to events: slots. All of it under the lock. DEN0054 5.1.14, 5.1.15.
 *
 * An SPI is diverted when it is bound. A PPI is as many interrupts as there are vCPUs: it is diverted on
 * the vCPU that binds it, and on another one when that registers the event; until then it is delivered
 * there as before.
 */
#include "internal.h"

/* PPIs and extended PPIs. IHI 0069 2.2. */
bool virq_is_private(virq_t virq)
{
	return virq - 16 < 16 || virq - 1056 < 64;
}

static void notify(struct sdei *sdei, unsigned vcpu, const struct event *event, virq_t virq,
		   bool bound)
{
	if (sdei->port.bound)
		sdei->port.bound(sdei->host, vcpu, virq, event->number, bound);
}

/* Private: this vCPU's interrupt is diverted from now on, if it is not. 0, or irq_divert's answer. */
int slot_divert_here(struct sdei *sdei, const struct instance *instance)
{
	struct pe *pe = &sdei->pe[instance->vcpu];
	virq_t virq = event_virq(instance->event);
	uint64_t bit = 1ull << instance->index;
	int answer;

	if (pe->diverted & bit)
		return 0;
	answer = sdei->port.irq_divert(sdei->host, instance->vcpu, virq, false);
	if (answer)
		return answer;
	pe->diverted |= bit;
	notify(sdei, instance->vcpu, instance->event, virq, true);
	return 0;
}

/* An SPI goes where its event does; one that may go anywhere stays where it is. */
void instance_route(struct sdei *sdei, const struct instance *instance, uint32_t word)
{
	virq_t virq = event_virq(instance->event);

	if (instance->type == SHARED && virq && !(word & H_ANY) && sdei->port.irq_route)
		sdei->port.irq_route(sdei->host, word_target(word), virq);
}

static struct event *slot_of(struct sdei *sdei, unsigned type, virq_t virq)
{
	for (unsigned i = sdei->first_slot[type]; i < sdei->count[type]; i++)
		if (event_virq(&sdei->event[type][i]) == virq)
			return &sdei->event[type][i];
	return NULL;
}

static int divert(struct sdei *sdei, const struct instance *instance)
{
	int answer;

	if (instance->type == PRIVATE)
		return slot_divert_here(sdei, instance);
	answer = sdei->port.irq_divert(sdei->host, instance->vcpu, event_virq(instance->event),
				       false);
	if (!answer)
		notify(sdei, instance->vcpu, instance->event, event_virq(instance->event), true);
	return answer;
}

/* The event; an error; SDEI_RETRY is none of the numbers of events. */
int64_t interrupt_bind(struct sdei *sdei, unsigned vcpu, virq_t virq)
{
	unsigned type = virq_is_private(virq) ? PRIVATE : SHARED;
	bool any = sdei->count[type] != sdei->first_slot[type];
	struct instance instance;
	struct event *event;
	int answer;

	if (virq < 16 || !sdei->port.irq_valid || !sdei->port.irq_valid(sdei->host, vcpu, virq))
		return SDEI_INVALID_PARAMETERS;
	event = any ? slot_of(sdei, type, virq) : NULL;
	if (event)
		return event->number;
	event = any ? slot_of(sdei, type, 0) : NULL;
	if (!event)
		return SDEI_OUT_OF_RESOURCE;
	instance = instance_at(sdei, vcpu, type, (unsigned)(event - sdei->event[type]));
	/* Who diverts it may tell of it at once: that is of this event, which is not registered. */
	store_relaxed(&event->virq, virq);
	answer = divert(sdei, &instance);
	if (!answer)
		return event->number;
	store_relaxed(&event->virq, 0);
	return answer;
}

/* As it was saved. The event has its interrupt already. */
void slot_divert_again(struct sdei *sdei, unsigned vcpu, unsigned type, unsigned index)
{
	struct event *event = &sdei->event[type][index];

	sdei->port.irq_divert(sdei->host, vcpu, event_virq(event), true);
	notify(sdei, vcpu, event, event_virq(event), true);
}

static bool in_use(struct sdei *sdei, unsigned type, unsigned index)
{
	unsigned instances = type == PRIVATE ? sdei->config.vcpus : 1;

	for (unsigned i = 0; i < instances; i++)
		if (handler_word(instance_at(sdei, i, type, index).handler) &
		    (H_REGISTERED | H_RUNNING))
			return true;
	return false;
}

/* The interrupt is the controller's again, wherever it was diverted. */
void slot_return(struct sdei *sdei, unsigned type, unsigned index)
{
	struct event *event = &sdei->event[type][index];
	virq_t virq = event_virq(event);

	store_relaxed(&event->virq, 0);
	if (type == SHARED) {
		sdei->port.irq_return(sdei->host, 0, virq);
		notify(sdei, 0, event, virq, false);
		return;
	}
	for (unsigned i = 0; i < sdei->config.vcpus; i++) {
		if (!(sdei->pe[i].diverted >> index & 1))
			continue;
		sdei->pe[i].diverted &= ~(1ull << index);
		sdei->port.irq_return(sdei->host, i, virq);
		notify(sdei, i, event, virq, false);
	}
}

/* False: it is registered or runs, somewhere. */
bool slot_release(struct sdei *sdei, unsigned type, unsigned index)
{
	if (in_use(sdei, type, index))
		return false;
	slot_return(sdei, type, index);
	return true;
}
