/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The ready structure: circular lists by priority level under a bitmap. Everything is O(1) in the
 * number of interrupts.
 */
#include "internal.h"

void queue_insert(struct vgic *vgic, struct queue *queue, struct vgic_irq *irq, unsigned level,
		  bool front)
{
	link_t self = link_to(vgic, irq);
	link_t head = queue->heads[level];

	irq->bucket = (uint8_t)level;
	queue->count++;
	if (!head) {
		irq->q_next = irq->q_prev = self;
		queue->heads[level] = self;
		queue->summary[level / 64] |= 1ull << level % 64;
		return;
	}
	struct vgic_irq *first = irq_at(vgic, head);

	irq->q_next = head;
	irq->q_prev = first->q_prev;
	irq_at(vgic, first->q_prev)->q_next = self;
	first->q_prev = self;
	if (front)
		queue->heads[level] = self;
}

void queue_remove(struct vgic *vgic, struct queue *queue, struct vgic_irq *irq)
{
	unsigned level = irq->bucket;
	link_t self = link_to(vgic, irq);

	queue->count--;
	if (irq->q_next == self) {
		queue->heads[level] = 0;
		queue->summary[level / 64] &= ~(1ull << level % 64);
		return;
	}
	irq_at(vgic, irq->q_prev)->q_next = irq->q_next;
	irq_at(vgic, irq->q_next)->q_prev = irq->q_prev;
	if (queue->heads[level] == self)
		queue->heads[level] = irq->q_next;
}

/* The first of the best level, which is not empty, taken out. */
struct vgic_irq *queue_pop(struct vgic *vgic, struct queue *queue, unsigned level)
{
	struct vgic_irq *irq = irq_at(vgic, queue->heads[level]);

	queue->count--;
	if (irq->q_next == queue->heads[level]) {
		queue->heads[level] = 0;
		queue->summary[level / 64] &= ~(1ull << level % 64);
		return irq;
	}
	irq_at(vgic, irq->q_prev)->q_next = irq->q_next;
	irq_at(vgic, irq->q_next)->q_prev = irq->q_prev;
	queue->heads[level] = irq->q_next;
	return irq;
}

/* The best level that is not empty; QUEUE_EMPTY if there is none. */
unsigned queue_level(const struct queue *queue)
{
	for (unsigned i = 0; i < 4; i++)
		if (queue->summary[i])
			return 64 * i + (unsigned)__builtin_ctzll(queue->summary[i]);
	return QUEUE_EMPTY;
}

struct vgic_irq *queue_best(const struct vgic *vgic, const struct queue *queue)
{
	unsigned level = queue_level(queue);

	return level == QUEUE_EMPTY ? NULL : irq_at(vgic, queue->heads[level]);
}
