/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The command queue: read from the guest's memory and executed by the vCPU whose access asks for it, a
 * slice at a time. IHI 0069 5.3, 12.19.2 (GITS_CBASER).
 *
 * One CPU at a time has the lock, for one slice; what a command has come to stands in vits.work, so that
 * any vCPU may go on with it. A command that cannot be read, or is in error, is counted and passed over.
 */
#include "internal.h"

#define SLICE_COMMANDS 32u
#define SLICE_LPIS     256u /* and routes */

#define COMMAND_SIZE 32u
#define CBASER_VALID (1ull << 63)

/* Bytes. */
uint64_t queue_size(uint64_t cbaser)
{
	return ((cbaser & 0xff) + 1) * 0x1000;
}

/* GITS_CWRITER is the guest's: an offset that is not in the queue says that there is nothing in it. */
static bool queue_has(const struct vits *vits)
{
	uint64_t cbaser = load_relaxed(&vits->cbaser), cwriter = load_relaxed(&vits->cwriter);

	return load_relaxed(&vits->enabled) && (cbaser & CBASER_VALID) &&
	       cwriter < queue_size(cbaser) && cwriter != load_relaxed(&vits->creadr);
}

bool work_left(const struct vits *vits)
{
	return load_relaxed(&vits->busy) || queue_has(vits);
}

static bool nothing_to_change(struct vits *vits)
{
	(void)vits;
	return true;
}

/*
 * Not of the queue: GITS_CTLR.Enabled has changed. Messages that saw it set are waited for, and hardware
 * delivers for a disabled ITS no more than software does.
 */
static const struct command enable = { 0, "enable", nothing_to_change, routes_follow, true };
/* What is no command. */
static const struct command unknown = { 0, "unknown", NULL, NULL, false };

static const struct command *command_read(struct vits *vits)
{
	uint64_t at = (vits->cbaser & 0xffffffffff000) + vits->creadr;
	const struct command *command;
	uint64_t raw[COMMAND_SIZE / 8];

	if (!vgic_guest_read(vits->vgic, at, raw, sizeof(raw)))
		return &unknown;
	for (unsigned i = 0; i < COMMAND_SIZE / 8; i++)
		vits->work.word[i] = LITTLE_ENDIAN_64(raw[i]);
	command = command_find(vits->work.word[0] & 0xff);
	return command ? command : &unknown;
}

static bool work_begin(struct vits *vits)
{
	bool switched = vits->switched;

	if (!switched && !queue_has(vits))
		return false;
	vits->switched = false;
	vits->work = (struct work){ .phase = PHASE_BEGIN };
	vits->work.command = switched ? &enable : command_read(vits);
	store_relaxed(&vits->busy, true);
	return true;
}

static void work_end(struct vits *vits)
{
	struct work *work = &vits->work;

	if (work->command != &enable) {
		count(&vits->commands);
		/* release: what it did is there; partner: the acquire of GITS_CREADR's readers */
		__atomic_store_n(&vits->creadr,
				 (vits->creadr + COMMAND_SIZE) % queue_size(vits->cbaser),
				 __ATOMIC_RELEASE);
	}
	work->phase = PHASE_NONE;
	/* release: with GITS_CTLR.Quiescent, no more LPI comes; partner: the acquire of its readers */
	__atomic_store_n(&vits->busy, vits->switched, __ATOMIC_RELEASE);
}

static bool settled(const struct vits *vits)
{
	return vgic_lpis_settled(vits->vgic) && routes_settled(vits);
}

/* As far as it goes. True: the command is done. */
static bool work_go_on(struct call *call)
{
	struct vits *vits = call->vits;
	struct work *work = &vits->work;

	if (work->phase == PHASE_BEGIN) {
		if (!work->command->begin || !work->command->begin(vits)) {
			count(&vits->command_errors);
			return true;
		}
		work->phase = work->command->maps ? PHASE_FORGET : PHASE_ACT;
	}
	if (work->phase == PHASE_FORGET) {
		if (work->forget && !cache_forget(vits, pair_of((uint32_t)(work->word[0] >> 32),
								(uint32_t)work->word[1])))
			return false;
		grace_start(vits);
		work->phase = PHASE_GRACE;
	}
	if (work->phase == PHASE_GRACE) {
		if (!grace_over(vits))
			return false;
		work->phase = PHASE_ACT;
	}
	if (work->phase == PHASE_ACT) {
		if (!work->command->act(call))
			return false;
		work->phase = PHASE_SETTLE;
	}
	return settled(vits);
}

static void slice(struct call *call)
{
	struct vits *vits = call->vits;

	for (unsigned n = 0; n < SLICE_COMMANDS; n++) {
		if (vits->work.phase == PHASE_NONE && !work_begin(vits))
			return;
		if (!work_go_on(call))
			return;
		work_end(vits);
	}
}

/* VGIC_AGAIN: there is more, here or in the hands of another CPU. */
enum vgic_result vits_execute(struct vits *vits, struct vgic_cpu *self)
{
	struct call call = { .vits = vits, .self = self, .budget = SLICE_LPIS };

	if (work_left(vits) && lock_try(&vits->lock)) {
		slice(&call);
		lock_drop(&vits->lock);
	}
	return work_left(vits) ? VGIC_AGAIN : VGIC_DONE;
}

/* List registers are empty, and what hardware has still to do, it does. */
void vits_finish(struct vits *vits)
{
	struct call call = { .vits = vits, .budget = SLICE_LPIS };

	while (vits->switched || vits->work.phase != PHASE_NONE) {
		if (vits->work.phase == PHASE_NONE)
			work_begin(vits);
		for (; !work_go_on(&call) && vits->work.phase != PHASE_SETTLE;)
			call.budget = SLICE_LPIS;
		work_end(vits);
	}
}
