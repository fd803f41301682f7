/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What lib/sdei/state.md rules out, read from the bytes of a saved state: such a one has to be refused.
 * It asks for no more than is written there, so that what it lets pass may be refused, too.
 */
#include "machine.h"

#include <string.h>

#define HEADER  20
#define EVENT   12
#define HANDLER 20
#define VCPU    336
#define CONTEXT 160

enum { REGISTERED = 1, ENABLED = 2, RUNNING = 4, PENDING = 8, RELATIVE = 32, KNOWN = 63 };

struct image {
	const struct model *model;
	const uint8_t *bytes;
	unsigned privates, shareds;
	unsigned order[MODEL_EVENTS]; /* of the model's events: private ones first */
};

static uint64_t number(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | at[bytes];
	return value;
}

static struct image open_image(const struct model *m, const uint8_t *bytes)
{
	struct image image = { .model = m, .bytes = bytes };

	for (unsigned e = 0; e < m->n_events; e++)
		if (!m->events[e].shared)
			image.order[image.privates++] = e;
	for (unsigned e = 0; e < m->n_events; e++)
		if (m->events[e].shared)
			image.order[image.privates + image.shareds++] = e;
	return image;
}

static const uint8_t *event_at(const struct image *i, unsigned n)
{
	return i->bytes + HEADER + n * EVENT;
}

static const uint8_t *vcpu_at(const struct image *i, unsigned v)
{
	return i->bytes + HEADER + i->model->n_events * EVENT + i->shareds * HANDLER +
	       v * (VCPU + i->privates * HANDLER);
}

/* Event n in the state's order; a shared one's is the same for all vCPUs. */
static const uint8_t *handler_at(const struct image *i, unsigned v, unsigned n)
{
	if (n < i->privates)
		return vcpu_at(i, v) + VCPU + n * HANDLER;
	return event_at(i, i->model->n_events) + (n - i->privates) * HANDLER;
}

static bool is_bound(const struct image *i, unsigned n)
{
	return number(event_at(i, n) + 8, 4) != 0;
}

static bool event_is_wrong(const struct image *i, unsigned n)
{
	const struct model_event *event = &i->model->events[i->order[n]];
	uint64_t intid = number(event_at(i, n) + 8, 4);

	if ((uint32_t)event->number != number(event_at(i, n), 4) ||
	    event->critical != number(event_at(i, n) + 4, 4))
		return true;
	if (!intid)
		return false;
	for (unsigned other = 0; other < n; other++)
		if (number(event_at(i, other) + 8, 4) == intid)
			return true;
	return !event->slot || intid > 0xffff || model_irq_index(0, intid) < 0 ||
	       model_is_ppi(intid) == event->shared;
}

static bool is_zero(const uint8_t *at, unsigned bytes)
{
	while (bytes--)
		if (at[bytes])
			return false;
	return true;
}

/* How many of the vCPUs' contexts are this handler's. */
static unsigned runners(const struct image *i, unsigned v, unsigned n)
{
	unsigned count = 0, name = n < i->privates ? n : 64 + n - i->privates;

	for (unsigned p = 0; p < i->model->config.vcpus; p++)
		for (unsigned critical = 0; critical < 2; critical++)
			if ((p == v || n >= i->privates) && vcpu_at(i, p)[4 + critical] == name)
				count++;
	return count;
}

static bool handler_is_wrong(const struct image *i, unsigned v, unsigned n)
{
	const uint8_t *handler = handler_at(i, v, n);
	unsigned flags = (unsigned)number(handler, 2);

	if (flags & ~KNOWN || number(handler + 2, 2) >= i->model->config.vcpus)
		return true;
	if (flags & ENABLED && !(flags & REGISTERED))
		return true;
	if (flags & RELATIVE && !i->model->config.minor)
		return true;
	if (runners(i, v, n) != !!(flags & RUNNING))
		return true;
	if (flags & (REGISTERED | RUNNING))
		return i->model->events[i->order[n]].slot && !is_bound(i, n);
	return flags & ~PENDING || !is_zero(handler + 2, HANDLER - 2);
}

static bool context_is_wrong(const struct image *i, unsigned v, unsigned critical)
{
	const uint8_t *vcpu = vcpu_at(i, v), *context = vcpu + 16 + critical * CONTEXT;
	unsigned name = vcpu[4 + critical], n = name < 64 ? name : i->privates + name - 64;

	if (name == 0xff)
		return !is_zero(context, CONTEXT);
	if (name < 64 ? name >= i->privates : name - 64 >= i->shareds)
		return true;
	if (i->model->events[i->order[n]].critical != critical)
		return true;
	return !check_pstate(i->model->config.features, number(context + CONTEXT - 8, 8));
}

static bool vcpu_is_wrong(const struct image *i, unsigned v)
{
	const uint8_t *vcpu = vcpu_at(i, v);
	uint64_t diverted = number(vcpu + 8, 8);

	if (number(vcpu, 4) > 1 || number(vcpu + 6, 2))
		return true;
	for (unsigned n = 0; n < 64; n++)
		if (diverted >> n & 1 && (n >= i->privates || !is_bound(i, n)))
			return true;
	return context_is_wrong(i, v, 0) || context_is_wrong(i, v, 1);
}

bool state_is_wrong(const struct model *m, const uint8_t *bytes, const uint8_t *good)
{
	struct image image = open_image(m, bytes);

	if (memcmp(bytes, good, HEADER))
		return true;
	for (unsigned n = 0; n < m->n_events; n++)
		if (event_is_wrong(&image, n))
			return true;
	for (unsigned v = 0; v < m->config.vcpus; v++) {
		if (vcpu_is_wrong(&image, v))
			return true;
		for (unsigned n = 0; n < m->n_events; n++)
			if (handler_is_wrong(&image, v, n))
				return true;
	}
	return false;
}
