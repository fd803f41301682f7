# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# For the system tests of several VMs: descriptions made on the spot (docs/vm-description.md), what each
# VM said, and typing at the hypervisor's command line. Sourced after lib.sh.

[ -z "${TEST_BARE:-}" ] || { echo "1..0 # SKIP several VMs need the hypervisor"; exit; }

# The launcher compiles it to build/run/NAME.dtb: the name is the test's, since tests run side by side.
set_of_vms=$work/$name.dts

# describe [PROPERTY...]: begins a description; properties of its root.
describe() {
	{
		printf '/dts-v1/;\n/ {\n\tcompatible = "carillon,vms";\n'
		[ $# -eq 0 ] || printf '\t%s;\n' "$@"
		printf '};\n'
	} >"$set_of_vms"
}

# vm NAME PROPERTY...
vm() {
	{
		printf '/ {\n\t%s {\n' "$1"
		shift
		printf '\t\t%s;\n' "$@"
		printf '\t};\n};\n'
	} >>"$set_of_vms"
}

# guest_vm NAME IMAGE BOOTARGS VCPUS CPUS [PROPERTY...]: one of our guests; CPUS as in "0 1".
guest_vm() {
	vm_name=$1 vm_image=$2 vm_words=$3 vm_vcpus=$4 vm_cpus=$5
	shift 5
	vm "$vm_name" "kernel = /incbin/(\"guest/$vm_image.bin\")" "bootargs = \"$vm_words\"" \
		"vcpus = <$vm_vcpus>" 'memory = "32M"' "cpus = <$vm_cpus>" "$@"
}

# linux_vm NAME SCRIPT VCPUS CPUS [PROPERTY...]: Debian's Linux, which runs the script and powers off.
linux_vm() {
	vm_name=$1 vm_script=$2 vm_vcpus=$3 vm_cpus=$4
	shift 4
	mkdir -p "$work/$vm_name/carillon"
	cp "$vm_script" "$work/$vm_name/carillon/cmd"
	(cd "$work/$vm_name" && find carillon | cpio --quiet -R 0:0 -o -H newc) >"$work/$vm_name.second"
	cat "$BUILD/linux/initramfs.cpio" "$work/$vm_name.second" >"$work/$vm_name.cpio"
	vm "$vm_name" 'kernel = /incbin/("linux/Image")' "initrd = /incbin/(\"$work/$vm_name.cpio\")" \
		'bootargs = "console=ttyAMA0"' "vcpus = <$vm_vcpus>" 'memory = "128M"' "cpus = <$vm_cpus>" "$@"
}

# launch_set LOG-NAME OPTIONS...: as launch.
launch_set() {
	set_log=$1
	shift
	launch "$set_log" --vms "$set_of_vms" "$@"
}

# set_ends_well LOG-NAME OPTIONS...
set_ends_well() {
	if launch_set "$@"; then
		ok "$1: the run ends well"
	else
		not_ok "$1: the run ends well"
		explain
		return 1
	fi
}

# lines_of NAME: what it said while another had the console, without the prefix.
lines_of() { tr -d '\r' <"$log" | sed -n "s/^\[$1\] //p"; }

# plain_lines: what the VM with the console said.
plain_lines() { tr -d '\r' <"$log" | grep -v '^\['; }

# The brackets keep the search from finding itself.
no_qemu_is_left() { ! grep -ls "logfile[=]$log" /proc/[0-9]*/cmdline; }

# all_ok_in FILE WHAT: TAP lines: a plan, as many results, none failed.
all_ok_in() {
	awk '
	/^1\.\.[0-9]/ { plan = substr($0, 4) + 0; plans++ }
	/^ok/ { passed++ }
	/^not ok/ { print }
	/^#/ && failed { print }
	{ failed = /^not ok/ || (failed && /^#/) }
	END {
		if (plans != 1 || plan < 1 || passed != plan)
			printf "%d passed of %d planned\n", passed, plan
	}' "$1" >"$work/wrong"
	diag <"$work/wrong"
	[ ! -s "$work/wrong" ]
}

# take_results NAME: those of vms-linux.sh.
take_results() {
	tr -d '\r' <"$log" | sed -n "s/^.*@$1 //p" >"$work/$1.found"
	: >"$work/reasons"
	while read -r word rest; do
		case $word in
		ok) ok "$1: $rest" ;;
		not) not_ok "$1: ${rest#ok }"; diag <"$work/reasons" ;;
		\#) echo "$rest" >>"$work/reasons"; echo "# $1: $rest"; continue ;;
		esac
		: >"$work/reasons"
	done <"$work/$1.found"
	check "$1 came to the end of its tests" grep -qx end "$work/$1.found"
}

# --- Typing ---------------------------------------------------------------------------------------

keyboard=$work/keyboard

# wait_for TEXT [TIMES]: until the console has shown it so often; fails when the limit is over.
wait_for() {
	for _ in $(seq $((limit * 5))); do
		[ "$(grep -acF -- "$1" "$log")" -lt "${2:-1}" ] || return 0
		sleep 0.2
	done
	echo "the console did not show '$1' ${2:-1} times" | diag
	return 1
}

open_commands() { printf '\035c'; }
enter() { printf '%s\r' "$*"; }

# type_to LOG-NAME COMMAND...: runs the command in the background with its output as the keyboard of the
# run that follows, with --input "$keyboard".
type_to() {
	log=$results/$name-$1.log
	: >"$log"
	shift
	rm -f "$keyboard"
	mkfifo "$keyboard"
	("$@" >"$keyboard") &
	typist=$!
	trap 'kill $typist 2>/dev/null; rm -rf "$work"' EXIT
}
