# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# For the system tests: TAP output, and runs of tools/run with a time limit and a log of their own.
# The test sets its name first, and gic, if it is for more than a GICv3: name=...; . tests/system/lib.sh
# Tests on riscv64 source riscv-lib.sh before this.
#
# From the environment: TEST_LIMIT, seconds a boot may take (60); TEST_BARE=1 runs on the bare machine
# what would run under the hypervisor, which tells whose fault a failure is; QEMU, the emulator; SUITE, a word
# that tells logs of one emulator from another's.

set -u
export BUILD="${BUILD:-build}"
results=$BUILD/test/system${SUITE:+-$SUITE}
limit=${TEST_LIMIT:-60}
work=$(mktemp -d "${TMPDIR:-/tmp}/carillon-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
mkdir -p "$results"

tests=0 failures=0

# What stands in standard error is shown by prove, and only failures write there.
diag() { sed "s/^/# $name: /" >&2; }

ok() { tests=$((tests + 1)); echo "ok $tests - $*"; }
not_ok() {
	tests=$((tests + 1)) failures=$((failures + 1))
	echo "not ok $tests - $*"
	echo "FAILED: $*" | diag
}

# check NAME COMMAND...: one test, passed if the command succeeds.
check() {
	what=$1
	shift
	if "$@"; then ok "$what"; else not_ok "$what"; fi
}

done_testing() {
	echo "1..$tests"
	[ "$failures" = 0 ]
	exit
}

# launch LOG-NAME OPTIONS...: a run on a machine with the GIC that $gic says, or a riscv64 one; prints
# nothing, keeps the console and what the launcher said.
launch() {
	log=$results/$name-$1.log
	said=$results/$name-$1.run
	shift
	case ${arch:-arm64} in
	arm64) set -- --gic "${gic:-3}" "$@" ;;
	riscv64)
		case " $* " in
		*' --bare '*) ;;
		*) set -- ${fast:+--fast "$fast"} ${no_time:+--hyp-append carillon.time=trap} "$@" ;;
		esac
		set -- --arch riscv64 ${aclint:+--aclint} "$@"
		;;
	esac
	tools/run --batch --quiet --limit "$limit" --log "$log" ${QEMU:+--qemu "$QEMU"} "$@" >"$said" 2>&1
}

under_hypervisor() {
	if [ -n "${TEST_BARE:-}" ]; then launch "$@" --bare; else launch "$@"; fi
}

explain() {
	sed -n 's/^run: //p' "$said" | diag
	echo "the end of the console, $log:" | diag
	tail -n 25 "$log" | tr -d '\r' | diag
}

# went_well NAME OPTIONS...: the run must end well.
went_well() {
	if under_hypervisor "$@"; then
		ok "$1 ends well"
	else
		not_ok "$1 ends well"
		explain
		return 1
	fi
}

# The hypervisor's account at the end of a run.
says_what_it_did() {
	[ -z "${TEST_BARE:-}" ] || return 0
	case ${arch:-arm64} in
	arm64) check "the hypervisor prints its exit table" grep -qi 'exits' "$log" ;;
	riscv64)
		check "the monitor prints its exit table" grep -q '^hart' "$log"
		[ -z "$(command -v firmware_is_asked)" ] || firmware_is_asked
		;;
	esac
}
