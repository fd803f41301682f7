# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# tools/run's part for riscv64, which it sources: QEMU's `virt` with a firmware in M-mode and what it
# boots. The monitor takes the firmware's place in the -bios slot and has the firmware behind itself,
# at 2 MiB.
# shellcheck shell=sh disable=SC2034,SC2154

case ${board:=virt} in
virt) : "${cpu:=rv64}" ;;
sifive_u)
	: "${cpu:=sifive-u54}"
	[ "$cpus" -ge 2 ] && [ "$cpus" -le 5 ] ||
		refuse "CPUS=$cpus: sifive_u has 2 to 5 CPUs, the first of which runs no Linux"
	[ "$aclint$aia" = 00 ] || refuse "ACLINT= and AIA= are for MACHINE=virt"
	[ -z "$disk" ] && [ "$net" = 0 ] ||
		refuse "DISK= and NET= are virtio devices, which MACHINE=sifive_u has not"
	;;
*) refuse "MACHINE=$board: virt or sifive_u is allowed" ;;
esac
[ "$pci$iommu" = 00 ] || refuse "PCI= and IOMMU= are for ARCH=arm64: the riscv64 monitor passes no devices on"
[ -z "$gic" ] || refuse "GIC= is for ARCH=arm64: a riscv64 machine has a CLINT, or ACLINT's devices with ACLINT=1"
[ -z "$vms" ] || refuse "VMS= is for ARCH=arm64: the riscv64 monitor runs one firmware and what that boots"
[ -z "$sdei$watchdog" ] || refuse "SDEI= and WATCHDOG= are for arm64"
case ,$fast, in
,,) ;;
,all, | ,none,) ;;
*,,* | *[!a-z,]*) fast_is_wrong=1 ;;
*)
	for word in $(echo "$fast" | tr , ' '); do
		case $word in
		time | ipi | rfence | misaligned) ;;
		*) fast_is_wrong=1 ;;
		esac
	done
	;;
esac
[ -z "${fast_is_wrong:-}" ] ||
	refuse "FAST=$fast: all, none, or a list of time, ipi, rfence and misaligned is allowed, e.g. FAST=time,ipi"
[ -z "$fast" ] || [ "$bare" = 0 ] || refuse "FAST=$fast: the bare machine has no monitor; leave out BARE= or FAST="
[ -z "$fast" ] || hyp_append="carillon.fast=$fast${hyp_append:+ $hyp_append}"
[ "${#hyp_append}" -le 255 ] || refuse "--hyp-append: the monitor's words have ${#hyp_append} bytes, and 255 are allowed"
need_file FIRMWARE "$firmware" "give the path of a fw_dynamic.bin or fw_jump.bin of OpenSBI's, or of an M-mode ELF, u-boot, or leave it out for Debian's OpenSBI"
[ "$bare" = 1 ] || [ -f "$hypervisor" ] ||
	refuse "$hypervisor: the riscv64 monitor is not built; run: make"

# A model and its properties; the name must be one that QEMU lists.
models=$("$qemu" -cpu help 2>/dev/null | awk 'NF == 1 { print $1 }')
case $cpu in
*[!a-z0-9._,=-]* | *,,* | *, | *,=* | ,*) refuse "CPU=$cpu: a model and its properties are allowed, e.g. rv64 or sifive-u54,sstc=off" ;;
esac
printf '%s\n' "$models" | grep -qxF -e "${cpu%%,*}" ||
	refuse "CPU=$cpu: this QEMU has no such model; it has: $(echo $models)"

is_elf() { [ "$(od -A n -t x1 -N 4 "$1" | tr -d ' ')" = 7f454c46 ]; }

# An ELF is a program of its own; anything else, an OpenSBI that wants something to boot.
alone=0
if [ -n "$firmware" ] && is_elf "$firmware" && [ -z "$kernel" ]; then
	alone=1
	[ -z "$initrd$append$cmd_file" ] ||
		refuse "FIRMWARE=$firmware is an ELF, which runs alone: INITRD=, BOOTARGS= and CMD= need a KERNEL= with it"
fi
if [ -z "$firmware" ]; then
	firmware=$build/pkg/opensbi/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin
	[ -f "$firmware" ] || refuse "$firmware is not there yet; run: make run ARCH=riscv64"
fi

our_initramfs=$build/linux/riscv64/initramfs.cpio
console='console=ttyS0 earlycon'
[ "$board" = virt ] || console='console=ttySIF0 earlycon'
if [ "$alone" = 0 ] && [ -z "$kernel" ]; then
	kernel=$build/linux/riscv64/Image
	[ -f "$kernel" ] || refuse "$kernel is not there yet; run: make run ARCH=riscv64"
	append="$console${append:+ $append}"
	[ -n "$initrd" ] || initrd=$our_initramfs
elif [ -n "$cmd_file" ]; then
	initrd=$our_initramfs
	append=${append:-$console}
fi
own_shell=0
[ "$initrd" != "$our_initramfs" ] || own_shell=1
add_command

# The -bios image, beside the log; it stays there, for those who start QEMU by hand.
firmware_at=$((0x200000))
words_at=$((firmware_at - 256))	# the monitor's command line, up to a zero
make_image() {
	image=${log%.log}.firmware
	[ "$(size_of "$hypervisor")" -le $words_at ] ||
		refuse "$hypervisor has $(size_of "$hypervisor") bytes, but only $words_at are free in front of the firmware"
	mkdir -p "$(dirname "$image")"
	cp "$hypervisor" "$image"
	truncate -s $words_at "$image"
	printf %s "$hyp_append" >>"$image"
	truncate -s $firmware_at "$image"
	cat "$firmware" >>"$image"
}

machine=$board
[ "$aclint" = 0 ] || machine=$machine,aclint=on
[ "$aia" = 0 ] || machine=$machine,aia=aplic-imsic
# No firmware knows how to switch sifive_u off.
[ "$board" = virt ] || off_text='reboot: Power down'
total_mib=$mib
[ -z "$dtb" ] || set -- -dtb "$dtb" "$@"
[ -z "$initrd" ] || set -- -initrd "$initrd" "$@"
[ -z "$kernel" ] || set -- -kernel "$kernel" -append "$append" "$@"
if [ "$bare" = 1 ]; then
	set -- -bios "$firmware" "$@"
else
	make_image
	set -- -bios "$image" "$@"
fi
