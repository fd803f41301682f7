# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# gdb: `vgic N` shows vCPU N's interrupt state: where it is, what waits for it, its list registers as
# the library knows them, and every interrupt that it holds or that is for it. Bits are those of
# lib/vgic/word.h.

define vgic-flags
	set $w = $arg0
	if ($w >> 63) & 1
		printf " enabled"
	end
	if ($w >> 62) & 1
		printf " latch"
	end
	if ($w >> 61) & 1
		printf " line"
	end
	if ($w >> 60) & 1
		printf " level"
	end
	if ($w >> 59) & 1
		printf " ACTIVE"
	end
	if ($w >> 58) & 1
		printf " group1"
	end
	if ($w >> 57) & 1
		printf " queued"
	end
	if ($w >> 56) & 1
		printf " held"
	end
	if ($w >> 55) & 1
		printf " in-LR"
	end
	if ($w >> 54) & 1
		printf " LR-pending"
	end
	if ($w >> 53) & 1
		printf " retract"
	end
	if ($w >> 52) & 1
		printf " deactivate"
	end
	if ($w >> 51) & 1
		printf " sync"
	end
	if ($w >> 50) & 1
		printf " physical"
	end
end

define vgic-irq
	set $irq = $arg0
	set $w = $irq->word
	printf "  INTID %4d  priority 0x%02x  target %d  hw %d ", (int)($irq->route >> 40), (int)(($w >> 28) & 0xff), (int)($w & 0x3ff), (int)($irq->hwirq & 0x7fff)
	vgic-flags $w
	printf "\n"
end

define vgic
	set $v = (struct vgic_vcpu *)cpus[$arg0]->vgic
	if $v == 0
		printf "vCPU %d is not loaded\n", $arg0
	else
		printf "vCPU %d: mode %d (0 put, 1 outside, 2 running, 3 blocked), asleep %d, groups %d, resettle 0x%x, RWP %d\n", $v->index, $v->mode, $v->asleep, $v->groups, $v->cpu.resettle, $v->rwp
		printf "pending outside list registers: %d group 0, %d group 1; active outside: %d; ICH_HCR 0x%x, VMCR 0x%x\n", $v->pending[0].count, $v->pending[1].count, $v->active.count, $v->hw_hcr, $v->vmcr
		set $n = 0
		while $n < $v->vgic->config.lrs
			if ($v->live >> $n) & 1
				printf "LR%d as written: 0x%016lx\n", $n, $v->slots[$n].lr
			end
			set $n = $n + 1
		end
		printf "inbox:\n"
		set $link = $v->cpu.inbox
		while $link
			set $i = (struct vgic_irq *)((char *)$v->vgic + $link)
			vgic-irq $i
			set $link = $i->next
		end
		printf "interrupts that it holds, or that are for it:\n"
		set $k = 0
		while $k < 32 + $v->vgic->config.spis
			set $i = $k < 32 ? $v->private + $k : $v->vgic->shared + ($k - 32)
			set $word = $i->word
			set $whose = ($word >> 56) & 1 ? ($word >> 10) & 0x3ff : $word & 0x3ff
			if $whose == $v->index && ($word & 0xef80000000000000)
				vgic-irq $i
			end
			set $k = $k + 1
		end
	end
end
document vgic
vgic N: the interrupt state of vCPU N (tools/vgic.gdb).
end
