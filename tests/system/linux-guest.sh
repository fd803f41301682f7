# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Runs inside Debian's Linux, as its command, under busybox. tests/system/linux-host.sh puts in front of
# it: cpus, mem_mib, disk_sha256, half_mib, net_sha256; and linux-guest-ARCH.sh, which has the names that
# /proc/interrupts uses there (timer, uart), the console (tty), what the kernel needs itself
# (kernel_mib), the first CPU that may go off (first_off), and machine_checks, what is to be seen of that
# architecture. Each result is a line "@ok name" or "@not ok name", with reasons in lines "@# ...";
# "@end" closes them.

dmesg -n 1	# the kernel must not write into our lines

said() { echo "@# $*"; }
centiseconds() { awk '{ printf "%d\n", $1 * 100 }' /proc/uptime; }

check() {
	what=$1
	shift
	began=$(centiseconds)
	if "$@"; then echo "@ok $what"; else echo "@not ok $what"; fi
	spent=$(($(centiseconds) - began))
	[ $spent -lt 100 ] || said "that took $spent hundredths of a second"
}

last_cpu=$((cpus - 1))

# count LABEL CPU: how often this CPU took the interrupt whose line starts or ends with LABEL.
count() {
	awk -v label="$1" -v cpu="$2" '
	NR == 1 { for (i = 1; i <= NF; i++) if ($i == "CPU" cpu) column = i + 1; next }
	column && ($1 == label ":" || $NF == label) { sum += $column }
	END { print sum + 0 }' /proc/interrupts
}
# count_all LABEL: on all online CPUs.
count_all() {
	total=0
	for cpu in $(seq 0 $last_cpu); do
		total=$((total + $(count "$1" "$cpu")))
	done
	echo $total
}

# --- CPUs and memory ------------------------------------------------------------------------------

all_cpus_online() { [ "$(nproc)" = "$cpus" ] || { said "nproc: $(nproc)"; return 1; }; }

memory_is_as_asked() {
	kib=$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)
	said "MemTotal: $kib KiB"
	# The kernel keeps its image, its tables and the crypto and DMA pools to itself: kernel_mib.
	[ "$kib" -le $((mem_mib * 1024)) ] && [ "$kib" -ge $(((mem_mib - mem_mib / 8 - kernel_mib) * 1024)) ]
}

# Takes a CPU down, sees that the others still run, and brings it back with its timer and IPIs.
cpu_off_and_on() {
	echo 0 >/sys/devices/system/cpu/cpu$1/online || return 1
	[ "$(nproc)" = $last_cpu ] || { said "CPU $1 is not down"; return 1; }
	usleep 100000
	echo 1 >/sys/devices/system/cpu/cpu$1/online || return 1
	[ "$(nproc)" = "$cpus" ] || { said "CPU $1 is not up again"; return 1; }
	before=$(count $timer "$1")
	taskset -c "$1" sh -c 'for i in 1 2 3; do usleep 10000; done' || return 1
	after=$(count $timer "$1")
	[ "$after" -gt "$before" ] || { said "CPU $1: no timer interrupt since it is back"; return 1; }
}

cpus_off_and_on() {
	for cpu in $(seq $first_off $last_cpu); do
		cpu_off_and_on "$cpu" || return 1
	done
}

# Halves the CPUs and doubles them, all at once, while the survivors work.
many_off_and_on() {
	taskset -c 0 sh -c 'for i in $(seq 30); do usleep 5000; done' &
	worker=$!
	for value in 0 1; do
		for cpu in $(seq 1 $last_cpu); do
			echo $value >/sys/devices/system/cpu/cpu$cpu/online &
		done
		wait $(jobs -p | grep -vx $worker)
	done
	wait $worker
	all_cpus_online
}

# --- Time -----------------------------------------------------------------------------------------

# The clock against the RTC, which is the host's time, over some seconds, in steps of the RTC.
clock_agrees_once() {
	rtc=/sys/class/rtc/rtc0/since_epoch
	edge() { start=$(cat $rtc); while [ "$(cat $rtc)" = "$start" ]; do usleep 20000; done; }
	edge
	from_rtc=$(cat $rtc) from=$(centiseconds)
	sleep 3
	edge
	by_rtc=$((($(cat $rtc) - from_rtc) * 100)) by_clock=$(($(centiseconds) - from))
	said "by the RTC: $by_rtc, by the clock: $by_clock hundredths"
	difference=$((by_rtc - by_clock))
	[ ${difference#-} -le 50 ]
}

# A step that is seen late, because the host stalled, is not seen late each time; a clock that is wrong is wrong
# each time.
clock_agrees_with_rtc() { clock_agrees_once || clock_agrees_once || clock_agrees_once; }

date_agrees_with_rtc() {
	difference=$(($(cat /sys/class/rtc/rtc0/since_epoch) - $(date +%s)))
	said "difference: $difference s"
	[ ${difference#-} -le 2 ]
}

# A sleep, on all CPUs at once, is never short, and not much too long although the machine is loaded.
sleeps_are_right() {
	for cpu in $(seq 0 $last_cpu); do
		taskset -c "$cpu" sh -c '
			read -r from rest </proc/uptime
			usleep 500000
			read -r to rest </proc/uptime
			echo "$from $to"' >/tmp/sleep.$cpu &
	done
	wait
	for cpu in $(seq 0 $last_cpu); do
		took=$(awk '{ printf "%d", ($2 - $1) * 100 }' /tmp/sleep.$cpu)
		[ $took -ge 49 ] && [ $took -le 250 ] && continue
		said "CPU $cpu: 50 hundredths took $took"
		return 1
	done
}

# --- Load -----------------------------------------------------------------------------------------

# On each CPU a process of many short sleeps, and data passed from each CPU to the next: timers and
# IPIs on all of them at once. The data must come through whole.
load() {
	expected=$(dd if=/dev/zero bs=1024 count=128 2>/dev/null | sha256sum)
	for cpu in $(seq 0 $last_cpu); do
		next=$(((cpu + 1) % cpus))
		taskset -c "$cpu" sh -c 'for i in $(seq 20); do usleep 2000; done; exit 0' &
		(dd if=/dev/zero bs=1024 count=128 2>/dev/null | taskset -c "$cpu" dd bs=1024 2>/dev/null |
			taskset -c $next dd bs=512 2>/dev/null | sha256sum >/tmp/load.$cpu) &
	done
	(for i in 1 2 3 4 5; do echo 3 >/proc/sys/vm/drop_caches; done) &
	wait
	for cpu in $(seq 0 $last_cpu); do
		[ "$(cat /tmp/load.$cpu)" = "$expected" ] || { said "data from CPU $cpu is not whole"; return 1; }
	done
}

snapshot() { # VARIABLE-PREFIX
	for cpu in $(seq 0 $last_cpu); do
		eval "$1_timer_$cpu=$(count $timer "$cpu")"
		eval "$1_ipi_$cpu=$(($(count IPI0 "$cpu") + $(count IPI1 "$cpu")))"
	done
}

rose_everywhere() { # KIND
	for cpu in $(seq 0 $last_cpu); do
		eval "from=\$before_$1_$cpu to=\$after_$1_$cpu"
		[ "$to" -gt "$from" ] || { said "CPU $cpu: $1 interrupts stayed at $to"; return 1; }
	done
}

# --- Devices --------------------------------------------------------------------------------------

disk_reads_right() {
	sum=$(sha256sum </dev/vda)
	[ "${sum%% *}" = "$disk_sha256" ] || { said "read: $sum, wanted: $disk_sha256"; return 1; }
}

# The host checks afterwards that the second half is the first.
disk_writes() {
	dd if=/dev/vda of=/dev/vda bs=65536 count=$((half_mib * 16)) seek=$((half_mib * 16)) conv=fsync \
		2>/dev/null
}

network_reads_right() {
	tftp -g -b 1400 -r pattern -l /tmp/pattern 10.0.2.2 || return 1
	sum=$(sha256sum </tmp/pattern)
	rm -f /tmp/pattern
	[ "${sum%% *}" = "$net_sha256" ] || { said "read: $sum, wanted: $net_sha256"; return 1; }
}

# Device interrupts follow their affinity to each CPU in turn.
affinity_is_followed() {
	irq=$(awk '$NF == "virtio0" || $NF == "virtio1" { sub(":", "", $1); print $1; exit }' /proc/interrupts)
	device=$(awk -v irq="$irq:" '$1 == irq { print $NF }' /proc/interrupts)
	for cpu in $(seq 0 $last_cpu); do
		echo "$cpu" >/proc/irq/$irq/smp_affinity_list || return 1
		before=$(count "$device" "$cpu")
		echo 3 >/proc/sys/vm/drop_caches
		dd if=/dev/vda of=/dev/null bs=4096 count=16 2>/dev/null
		ping -c 2 -i 0.1 -W 2 10.0.2.2 >/dev/null 2>&1
		[ "$(count "$device" "$cpu")" -gt "$before" ] && continue
		said "CPU $cpu took no interrupt of $device"
		return 1
	done
}

# The host types an answer when it sees the question.
console_input_arrives() {
	before=$(count_all $uart)
	echo "@type"
	read -r -t 20 line </dev/$tty
	after=$(count_all $uart)
	[ "$line" = "through the console" ] || { said "typed text came as '$line'"; return 1; }
	[ "$after" -gt "$before" ] || { said "no UART interrupt for it"; return 1; }
}

interrupt_rose() { # LABEL
	[ "$(count_all "$1")" -gt 0 ] || { said "no $1 interrupt at all"; return 1; }
}

kernel_log_is_clean() {
	! dmesg | grep -E 'nobody cared|[Ss]purious|BUG:|WARNING:|Call trace|soft lockup|rcu.*stall|Unexpected|hung task|Unhandled|undefined instruction' >/tmp/complaints && return
	while read -r line; do said "$line"; done </tmp/complaints
	return 1
}

# --------------------------------------------------------------------------------------------------

check "all CPUs are online" all_cpus_online
check "memory is as asked for" memory_is_as_asked
machine_checks
check "the clock agrees with the RTC" clock_agrees_with_rtc
check "the date agrees with the RTC" date_agrees_with_rtc
check "sleeps take their time on each CPU" sleeps_are_right
snapshot before
check "data passes whole between CPUs under load" load
snapshot after
check "timer interrupts rose on each CPU" rose_everywhere timer
if [ "$cpus" -gt 1 ]; then
	check "IPIs rose on each CPU" rose_everywhere ipi
	check "each CPU goes off and comes back" cpus_off_and_on
	check "all other CPUs go off and come back at once" many_off_and_on
	check "data passes whole between CPUs after that" load
fi
check "the disk reads right" disk_reads_right
check "the disk writes" disk_writes
check "the network reads right" network_reads_right
check "device interrupts follow their affinity" affinity_is_followed
check "console input arrives" console_input_arrives
for label in virtio0 virtio1 $uart $timer; do
	check "/proc/interrupts counts $label" interrupt_rose $label
done
check "/proc/interrupts counts no errors" sh -c 'awk "\$1 == \"Err:\" { exit \$2 != 0 }" /proc/interrupts'
check "the kernel's log is clean" kernel_log_is_clean
grep -v ' 0 *$' /proc/interrupts | sed 's/^/@# /'
echo "@end"
