# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The host's part of linux and riscv-linux: boots Debian's Linux, which runs linux-guest-ARCH.sh and
# linux-guest.sh, and turns what that says into TAP. After lib.sh; the test sets cpus, cpu, mem_mib, and
# guest_words, what its guest's part wants to know.

# Eight emulated CPUs share two of the host's, which also run another test.
[ "$cpus" -le 4 ] || limit=$((limit * 2))
half_mib=2
pattern() { # MIB SEED: bytes that repeat nowhere near
	awk -v lines=$(($1 * 16384)) -v seed="$2" \
		'BEGIN { for (i = 0; i < lines; i++) printf "%-63d\n", (i * 2654435761 + seed) % 4294967296 }'
}
sha256() { sha256sum <"$1" | cut -d ' ' -f 1; }

mkdir "$work/tftp"
pattern $((2 * half_mib)) 1 >"$work/disk"
pattern 1 2 >"$work/tftp/pattern"
{
	echo "cpus=$cpus mem_mib=$mem_mib half_mib=$half_mib $guest_words"
	echo "disk_sha256=$(sha256 "$work/disk") net_sha256=$(sha256 "$work/tftp/pattern")"
	cat "tests/system/linux-guest-${arch:-arm64}.sh" tests/system/linux-guest.sh
} >"$work/script"

# Types when the guest asks for it.
mkfifo "$work/keyboard"
log=$results/$name-boot.log
: >"$log"
type_when_asked() {
	exec >"$work/keyboard" 2>/dev/null
	for _ in $(seq $((limit * 5))); do
		if grep -q '^@type' "$log"; then
			echo "through the console"
			sleep 1
			return
		fi
		sleep 0.2
	done
}
type_when_asked &
typist=$!
trap 'kill $typist 2>/dev/null; rm -rf "$work"' EXIT

if went_well boot --cpus "$cpus" --cpu "$cpu" --mem "${mem_mib}M" --input "$work/keyboard" \
	--disk "$work/disk" --tftp "$work/tftp" --cmd-file "$work/script"; then
	says_what_it_did
fi

# What the guest found.
tr -d '\r' <"$log" | grep '^@' >"$work/found" || :
: >"$work/reasons"
while read -r word rest; do
	case $word in
	@ok) ok "$rest" ;;
	@not) not_ok "${rest#ok }"; diag <"$work/reasons" ;;
	@\#) echo "$rest" >>"$work/reasons"; echo "# $rest"; continue ;;
	esac
	: >"$work/reasons"
done <"$work/found"
check "the guest came to the end of its tests" grep -qx '@end' "$work/found"

bytes=$((half_mib * 1048576))
head -c $bytes "$work/disk" >"$work/first"
tail -c $bytes "$work/disk" >"$work/second"
check "what the guest wrote is on the disk" cmp "$work/first" "$work/second"
done_testing
