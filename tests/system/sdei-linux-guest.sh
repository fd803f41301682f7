# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Runs inside Debian's Linux, as its command, under busybox; tests/system/sdei-linux puts in front of it
# cpus, and kernel: trixie, sid (the module is not there for it), kpti, or watchdog, whose event is event. Each result is a line "@ok name" or
# "@not ok name", with reasons in lines "@# ..."; "@end" closes them.

dmesg -n 1	# the kernel must not write into our lines
rounds=10 last_cpu=$((cpus - 1))

said() { echo "@# $*"; }

check() {
	what=$1
	shift
	if "$@"; then echo "@ok $what"; else echo "@not ok $what"; fi
}

# What the kernel says is read in pieces, and kept as a whole.
: >/tmp/log
next_messages() { dmesg -c | tee -a /tmp/log >/tmp/piece; }
say_piece() { while read -r line; do said "$line"; done </tmp/piece; }

# --- Linux's own client ----------------------------------------------------------------------------

is_detected() { grep -qE 'sdei: SDEIv1\.[0-9]+ \(0x[0-9a-f]+\) detected in firmware' /tmp/piece; }

off_and_on() { # CPU
	echo 0 >/sys/devices/system/cpu/cpu$1/online || { said "CPU $1 does not go"; return 1; }
	echo 1 >/sys/devices/system/cpu/cpu$1/online || { said "CPU $1 does not come"; return 1; }
}

all_off_and_on() { # ROUNDS
	for round in $(seq "$1"); do
		for cpu in $(seq 1 $last_cpu); do
			off_and_on "$cpu" || { said "round $round"; return 1; }
		done
	done
	[ "$(nproc)" = "$cpus" ] || { said "nproc: $(nproc)"; return 1; }
}

# --- The module -----------------------------------------------------------------------------------

relay() { # NAME: the module's results, from the last piece
	sed -n 's/^.*carillon-sdei: \(.*\)$/\1/p' /tmp/piece >/tmp/results
	while read -r line; do
		case $line in
		'ok - '*) echo "@ok $1: ${line#ok - }" ;;
		'not ok - '*) echo "@not ok $1: ${line#not ok - }" ;;
		*) said "$1: $line" ;;
		esac
	done </tmp/results
	grep -q 'ok - ' /tmp/results
}

load() { insmod /carillon/carillon_sdei.ko "$@"; }
unload() { rmmod carillon_sdei && next_messages && grep -q 'carillon-sdei: gone' /tmp/piece; }

# try NAME PARAMETERS...: loads it, relays what it says, unloads it.
try() {
	try_name=$1
	shift
	check "$try_name: the module loads" load "$@"
	next_messages
	check "$try_name: it has something to say" relay "$try_name"
	check "$try_name: it goes" unload
	relay "$try_name" >/tmp/gone || :
	cat /tmp/gone
}

probe() { # NAME: signals to all CPUs, again
	echo 1 >/sys/module/carillon_sdei/parameters/probe || return 1
	next_messages
	relay "$1"
}

# A program on half of the CPUs, and on the others one that is in the kernel most of the time.
keep_busy() {
	for cpu in $(seq 0 $last_cpu); do
		if [ $((cpu % 2)) = 0 ]; then
			taskset -c "$cpu" sh -c 'while :; do :; done' &
		else
			taskset -c "$cpu" dd if=/dev/zero of=/dev/null bs=65536 2>/dev/null &
		fi
	done
	usleep 300000
}

# The kernel's client goes on as if an interrupt came (COMPLETE_AND_RESUME) if interrupts were on.
probe_interrupts_on() { # NAME
	keep_busy
	probe "$1"
	result=$?
	kill $(jobs -p)
	[ $result = 0 ] && grep -q ' [1-9][0-9]* with interrupts on' /tmp/piece
}

# An event of the kernel's own client survives that CPUs go and come.
kernel_client_keeps_event() {
	check "kernel: the module loads" load mode=kernel hang=$hang signals=20
	next_messages
	check "kernel: it has something to say" relay kernel
	if [ $cpus -gt 1 ]; then
		check "kernel: CPUs go and come with an event registered" all_off_and_on 3
		check "kernel: signals after that" probe "kernel, after hotplug"
	fi
	check "kernel: signals among programs" probe_interrupts_on "kernel, among programs"
	check "kernel: it goes" unload
	relay kernel || :
}

count_of() { # CPU: events of the bound timer that the last piece shows
	grep -c "bind: CPU $1, event" /tmp/piece
}

interrupts_programs() { grep -q 'bind: CPU .* in a program at' /tmp/piece || { say_piece; return 1; }; }

each_cpu_had_events() {
	for cpu in $(seq 0 $last_cpu); do
		[ "$(count_of "$cpu")" -gt 0 ] || { said "CPU $cpu had none"; return 1; }
	done
}

# A timer's interrupt as an event, while programs run and CPUs go and come.
timer_among_programs() {
	check "bind: the module loads" load mode=bind irq=30 period_ms=100 seconds=1
	next_messages
	relay bind | grep -v '^@#'
	check "bind: events on each CPU" each_cpu_had_events
	for cpu in $(seq 0 $last_cpu); do
		taskset -c "$cpu" sh -c 'while :; do :; done' &
	done
	sleep 1
	next_messages
	check "bind: it interrupts programs, too" interrupts_programs
	kill $(jobs -p)
	if [ $cpus -gt 1 ]; then
		check "bind: CPUs go and come" all_off_and_on 2
		next_messages
		sleep 1
		next_messages
		check "bind: events on each CPU after that" each_cpu_had_events
	fi
	check "bind: it goes" unload
	relay bind || :
}

kernel_log_is_clean() {
	! grep -E 'nobody cared|[Ss]purious|BUG:|WARNING:|Call trace|soft lockup|rcu.*stall|Unexpected|hung task|Unhandled|undefined instruction| sdei: .*([Ff]ail|[Cc]onflict|not registered|unsafe|disabling)' \
		/tmp/log >/tmp/complaints && return
	while read -r line; do said "$line"; done </tmp/complaints
	return 1
}

# --------------------------------------------------------------------------------------------------

next_messages
check "Linux has found SDEI" is_detected
[ $cpus -eq 1 ] || [ $kernel = watchdog ] || check "CPUs go and come, $rounds times" all_off_and_on $rounds
if [ $cpus -gt 1 ]; then hang=1; else hang=0; fi
case $kernel in
trixie)
	try status mode=status
	try signal mode=signal signals=20
	try spin mode=spin seconds=1
	kernel_client_keeps_event
	timer_among_programs
	try "spin, timer" mode=spin irq=30 period_ms=50 seconds=1
	[ $cpus -eq 1 ] || try watchdog mode=watchdog hang=1
	;;
kpti)	# our entry point is not mapped while a program runs; the kernel's is
	kernel_client_keeps_event
	;;
watchdog)
	try "the watchdog" mode=watchdog event=$event seconds=3 hang=5
	check "the watchdog: it says where the CPU hung" \
		grep -q 'watchdog: CPU [0-9]* hung at carillon_spin_with_interrupts_off' /tmp/log
	;;
esac
next_messages
check "the kernel's log is clean" kernel_log_is_clean
echo "@end"
