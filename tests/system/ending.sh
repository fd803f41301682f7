# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What ending and riscv-ending do, after lib.sh: ending is panic, hang, status, quotes or off-cpu; the
# arguments are further options for each run.

# fails_saying TEXT LAUNCH-ARGUMENTS...
fails_saying() {
	text=$1
	shift
	if under_hypervisor "$@"; then
		not_ok "$1 ends non-zero"
		explain
	else
		ok "$1 ends non-zero"
	fi
	check "the launcher says: $text" grep -q "FAILED: .*$text" "$said"
	grep -q "FAILED: .*$text" "$said" || explain
}

# The brackets keep the search from finding itself.
no_qemu_is_left() { ! grep -ls "logfile[=]$log" /proc/[0-9]*/cmdline; }

case $ending in
panic)
	fails_saying "kernel panicked" panic --cpus 2 "$@" --cmd 'echo c >/proc/sysrq-trigger; sleep 100'
	;;
hang)
	limit=30
	fails_saying "did not end within 30 seconds" hang --cpus 2 "$@" --cmd 'echo hanging; sleep 1000'
	check "it was the command that hung" grep -q '^hanging' "$log"
	;;
status)
	fails_saying "exit status was 7" status --cpus 1 "$@" --cmd 'exit 7'
	;;
quotes)
	# shellcheck disable=SC2016  # for the guest's shell
	went_well quotes --cpus 1 "$@" --cmd 'n=3; printf "<%s>" "a  b" '"'\$n, c'"' $n "$((n * 2))"; echo; true'
	check "the guest saw the command as written" grep -qF '<a  b><$n, c><3><6>' "$log"
	;;
off-cpu)
	# Powering off where the last CPU to come is not the first, and others are down.
	# shellcheck disable=SC2016
	went_well off-cpu --cpus 4 "$@" --cmd 'echo 0 >/sys/devices/system/cpu/cpu2/online; taskset -p 8 $$'
	says_what_it_did
	;;
*)
	not_ok "there is an ending named '$ending'"
	;;
esac
[ -z "${log:-}" ] || check "no QEMU is left behind" no_qemu_is_left
done_testing
