# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# linux-guest.sh's part for arm64. tests/system/linux says which GIC it must be: gic, 2 or 3.
timer=arch_timer uart=uart-pl011 tty=ttyAMA0
kernel_mib=48 first_off=0

started_at_el1() { dmesg | grep -q 'All CPU(s) started at EL1'; }

# The driver's name for it is in each line of /proc/interrupts.
gic_is_as_asked() {
	case $gic in
	2) chip=GIC-0 ;;
	3) chip=GICv3 ;;
	esac
	grep -q " $chip .*arch_timer" /proc/interrupts || { said "$(grep arch_timer /proc/interrupts)"; return 1; }
}

machine_checks() {
	check "all CPUs started at EL1" started_at_el1
	check "it has a GICv$gic" gic_is_as_asked
}
