# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Runs inside one of several Linux under the hypervisor, as its command, under busybox. In front of it
# stand: me (the VM's name), cpus, seconds (of load). Each result is a line "@me ok name" or
# "@me not ok name", with reasons in lines "@me # ..."; "@me end" closes them. "@me clock N" is what the
# clock says when the line is written, for the host to compare.

dmesg -n 1	# the kernel must not write into our lines

said() { echo "@$me # $*"; }
centiseconds() { awk '{ printf "%d\n", $1 * 100 }' /proc/uptime; }

check() {
	what=$1
	shift
	if "$@"; then echo "@$me ok $what"; else echo "@$me not ok $what"; fi
}

last_cpu=$((cpus - 1))

# count LABEL CPU: how often this CPU took the interrupt whose line starts or ends with LABEL.
count() {
	awk -v label="$1" -v cpu="$2" '
	NR == 1 { for (i = 1; i <= NF; i++) if ($i == "CPU" cpu) column = i + 1; next }
	column && ($1 == label ":" || $NF == label) { sum += $column }
	END { print sum + 0 }' /proc/interrupts
}

all_cpus_online() { [ "$(nproc)" = "$cpus" ] || { said "nproc: $(nproc)"; return 1; }; }

snapshot() { # VARIABLE-PREFIX
	for cpu in $(seq 0 $last_cpu); do
		eval "$1_timer_$cpu=$(count arch_timer "$cpu")"
		eval "$1_ipi_$cpu=$(($(count IPI0 "$cpu") + $(count IPI1 "$cpu")))"
	done
}

rose_everywhere() { # KIND LEAST
	for cpu in $(seq 0 $last_cpu); do
		eval "from=\$before_$1_$cpu to=\$after_$1_$cpu"
		said "CPU $cpu: $((to - from)) $1 interrupts"
		[ $((to - from)) -ge "$2" ] || return 1
	done
}

# On each CPU many short sleeps, and data passed from each CPU to the next, which must come through
# whole.
one_load() {
	for cpu in $(seq 0 $last_cpu); do
		next=$(((cpu + 1) % cpus))
		taskset -c "$cpu" sh -c 'for i in 1 2 3 4 5; do usleep 2000; done' &
		(dd if=/dev/zero bs=1024 count=128 2>/dev/null | taskset -c "$cpu" dd bs=1024 2>/dev/null |
			taskset -c $next dd bs=512 2>/dev/null | sha256sum >/tmp/load.$cpu) &
	done
	wait
	for cpu in $(seq 0 $last_cpu); do
		[ "$(cat /tmp/load.$cpu)" = "$expected" ] || { said "data from CPU $cpu is not whole"; return 1; }
	done
}

load_for_its_time() {
	expected=$(dd if=/dev/zero bs=1024 count=128 2>/dev/null | sha256sum)
	end=$(($(centiseconds) + seconds * 100)) loads=0
	while [ "$(centiseconds)" -lt $end ]; do
		one_load || return 1
		loads=$((loads + 1))
	done
	said "$loads loads in $seconds s"
}

# Seen from one CPU after the other, time never goes back.
time_goes_on() {
	before=0
	for i in 1 2 3 4 5 6 7 8; do
		for cpu in $(seq 0 $last_cpu); do
			now=$(taskset -c "$cpu" awk '{ printf "%d\n", $1 * 100 }' /proc/uptime)
			[ "$now" -ge $before ] || { said "CPU $cpu: $now after $before"; return 1; }
			before=$now
		done
	done
}

sleeps_are_not_short() {
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
		[ $took -ge 49 ] && [ $took -le 500 ] && continue
		said "CPU $cpu: 50 hundredths took $took"
		return 1
	done
}

# Only where the machine's RTC is this VM's.
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

kernel_log_is_clean() {
	! dmesg | grep -E 'nobody cared|[Ss]purious|BUG:|WARNING:|Call trace|soft lockup|rcu.*stall|Unexpected|hung task|Unhandled|undefined instruction' >/tmp/complaints && return
	while read -r line; do said "$line"; done </tmp/complaints
	return 1
}

check "all CPUs are online" all_cpus_online
echo "@$me clock $(centiseconds)"
snapshot before
check "data passes whole between CPUs under load" load_for_its_time
snapshot after
echo "@$me clock $(centiseconds)"
check "timer interrupts rose on each CPU" rose_everywhere timer $seconds
[ "$cpus" -eq 1 ] || check "IPIs rose on each CPU" rose_everywhere ipi $seconds
check "time goes on, from whichever CPU" time_goes_on
check "sleeps take their time on each CPU" sleeps_are_not_short
[ ! -e /sys/class/rtc/rtc0 ] || check "the clock agrees with the RTC" clock_agrees_with_rtc
check "/proc/interrupts counts no errors" sh -c 'awk "\$1 == \"Err:\" { exit \$2 != 0 }" /proc/interrupts'
check "the kernel's log is clean" kernel_log_is_clean
echo "@$me end"
