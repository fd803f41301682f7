# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# For system tests of our own guests, which print TAP: all of it must be well, and the same on the bare
# machine and under the hypervisor. The test sets guest, the guest's name; may_skip, which reasons for
# skipping a test are right; may_differ, which of those one machine may have and the other not (both
# extended regular expressions at the reason's start).

# tap LOG: the guest's own lines.
tap() { tr -d '\r' <"$1" | grep -E '^((not )?ok( |$)|1\.\.[0-9])' || :; }

# all_ok LOG: a plan, as many results, none of them failed.
all_ok() {
	tap "$1" | awk -v may_skip="^($may_skip)" '
	/^1\.\./ { plan = substr($0, 4) + 0; plans++ }
	/^ok/ { passed++ }
	/^not ok/ { print }
	/# *([Ss][Kk][Ii][Pp]|[Tt][Oo][Dd][Oo])/ {
		why = $0
		sub(/^.*# SKIP /, "", why)
		if (why !~ may_skip) {
			skipped++
			print
		}
	}
	END {
		if (plans != 1 || plan < 1 || passed != plan || skipped)
			printf "%d passed of %d planned, %d wrongly skipped\n", passed, plan, skipped
	}' >"$work/wrong"
	diag <"$work/wrong"
	[ ! -s "$work/wrong" ]
}

# run_guest MACHINE OPTIONS...: a run of it, which powers off.
run_guest() {
	machine=$1
	if launch "$@"; then
		ok "$guest on the $machine powers off"
	else
		not_ok "$guest on the $machine powers off"
		explain
	fi
	check "all tests of $guest pass on the $machine" all_ok "$log"
	tap "$log" >"$work/$machine"
}

common() { sed -E "s/ # SKIP ($may_differ).*//" "$work/$1" >"$work/$1.common"; }

same_lines() {
	common bare-machine
	common hypervisor
	(cd "$work" && diff -u bare-machine.common hypervisor.common) >"$work/diff" && return
	diag <"$work/diff"
	return 1
}
