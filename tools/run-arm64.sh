# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# tools/run's part for arm64, which it sources: QEMU's `virt` with a GIC, Linux or a firmware on the
# bare machine, or the hypervisor with payloads that it takes to where its guest wants them, or with a
# description of VMs.
# shellcheck shell=sh disable=SC2034,SC2154

: "${cpu:=cortex-a72}" "${gic:=3}"
case $cpu in
cortex-a72) qemu_cpu=$cpu ;;
# Authenticates pointers by an algorithm of QEMU's own, which takes half the time of the architecture's.
max) qemu_cpu=$cpu,pauth-impdef=on ;;
*) refuse "CPU=$cpu: cortex-a72 or max is allowed" ;;
esac
case $gic in
2 | 3 | 4 | 3,its=off) ;;
*) refuse "GIC=$gic: 2, 3, 4 or 3,its=off is allowed" ;;
esac
[ "$aia" = 0 ] || refuse "AIA= is for ARCH=riscv64: an arm64 machine has a GIC, see GIC="
[ -z "$board" ] || refuse "MACHINE= is for ARCH=riscv64: the arm64 machine is QEMU's virt"
[ "$aclint" = 0 ] || refuse "ACLINT= is for ARCH=riscv64: an arm64 machine has a GIC"
[ -z "$fast" ] || refuse "FAST= is for ARCH=riscv64: the arm64 hypervisor has no such paths to switch off"
case $sdei in
'') ;;
1 | 1.1) hyp_append="carillon.sdei${hyp_append:+ $hyp_append}" ;;
1.0) hyp_append="carillon.sdei=1.0${hyp_append:+ $hyp_append}" ;;
*) refuse "SDEI=$sdei: 1.1 (or 1) or 1.0 is allowed" ;;
esac
if [ -n "$watchdog" ]; then
	is_number "$watchdog" && [ "$watchdog" -ge 1 ] && [ "$watchdog" -le 3600 ] ||
		refuse "WATCHDOG=$watchdog: 1 to 3600 seconds are allowed"
	hyp_append="carillon.watchdog=$watchdog${hyp_append:+ $hyp_append}"
fi
[ -z "$sdei$watchdog" ] || [ "$bare" = 0 ] || refuse "SDEI= and WATCHDOG= are the hypervisor's: leave BARE=1 out"
[ -z "$sdei$watchdog" ] || [ -z "$vms" ] ||
	refuse "SDEI= and WATCHDOG= cannot go together with VMS=: the description has sdei and watchdog for each VM"
need_file FIRMWARE "$firmware" "give the path of a firmware image, or u-boot for Debian's U-Boot"
need_file VMS "$vms" "give the path of a description of VMs; vms/ has some"
[ -z "$firmware" ] || [ -z "$kernel$initrd$append$cmd_file" ] ||
	refuse "FIRMWARE= cannot go together with KERNEL=, INITRD=, BOOTARGS= or CMD=: the firmware boots what it finds"
[ -z "$vms" ] || [ -z "$kernel$initrd$append$dtb$firmware$cmd_file" ] ||
	refuse "VMS= cannot go together with KERNEL=, INITRD=, BOOTARGS=, DTB=, FIRMWARE= or CMD=: the description has them for each VM"
[ -z "$vms" ] || [ "$bare" = 0 ] ||
	refuse "VMS= cannot go together with BARE=1: several VMs need the hypervisor"
[ "$bare" = 1 ] || [ -f "$hypervisor" ] ||
	refuse "$hypervisor: the hypervisor is not built; run: make"

# Makes a description of its source, next to the log. Files that it includes are looked for beside it,
# in this directory and among what has been built.
compile_vms() { # SOURCE
	vms=$build/run/$(basename "$1" .dts).dtb
	command -v dtc >/dev/null || refuse "there is no dtc; run: make setup"
	mkdir -p "$build/run"
	if dtc -I dts -O dtb -i "$top" -i "$build" -o "$work/vms.dtb" "$1" 2>"$work/dtc"; then
		mv "$work/vms.dtb" "$vms"
		return
	fi
	sed 's/^/    /' "$work/dtc" >&2
	if grep -q "Couldn't open" "$work/dtc"; then
		refuse "VMS=$1: it includes a file that is neither beside it, nor in $top, nor in $build; our kernel, initramfs and guests are there after: make"
	fi
	refuse "VMS=$1: dtc does not understand it; docs/vm-description.md says how it is written"
}

# The memory of a VM, said as text or as cells, in mebibytes rounded up to 2; 0 if that makes no sense,
# for which the hypervisor has a better message.
vm_mib() { # NAME
	unit=1
	case $(fdtget -t bx "$vms" "/$1" memory 2>/dev/null) in
	'' | 0* | *' 0 '* | *[!0])
		number=0
		for cell in $(fdtget -t u "$vms" "/$1" memory 2>/dev/null); do
			number=$((number * 4294967296 + cell))
		done
		;;
	*)
		size=$(fdtget "$vms" "/$1" memory)
		number=${size%[KkMmGg]}
		case $size in
		*[Kk]) unit=1024 ;;
		*[Mm]) unit=1048576 ;;
		*[Gg]) unit=1073741824 ;;
		esac
		case $number in
		'' | *[!0-9]* | ?????????????*) number=0 ;;
		esac
		;;
	esac
	echo $(((number * unit + 2097151) / 2097152 * 2))
}

our_initramfs=$build/linux/initramfs.cpio
if [ -n "$vms" ]; then
	case $vms in
	*.dts) compile_vms "$vms" ;;
	esac
	command -v fdtget >/dev/null || refuse "there is no fdtget; run: make setup"
	case " $(fdtget "$vms" / compatible 2>/dev/null) " in
	*' carillon,vms '*) ;;
	*) refuse "VMS=$vms: it is no description of VMs: neither source in a file called .dts, nor a device tree that dtc made, with compatible = \"carillon,vms\"" ;;
	esac
elif [ -z "$kernel$firmware" ]; then
	kernel=$build/linux/Image
	[ -f "$kernel" ] || refuse "$kernel is not there yet; run: make"
	append="console=ttyAMA0${append:+ $append}"
	[ -n "$initrd" ] || initrd=$our_initramfs
elif [ -n "$cmd_file" ]; then
	initrd=$our_initramfs
	append=${append:-console=ttyAMA0}
fi
# With SDEI and nothing else to do Debian's Linux shows it. (Our module wants the kernel's page tables.)
demo=0
if [ -n "$sdei" ] && [ -z "$cmd_file$vms$firmware" ] && [ "$kernel$initrd" = "$build/linux/Image$our_initramfs" ]; then
	module=$build/guest/linux-sdei/carillon_sdei.ko
	[ -f "$module" ] || refuse "$module is not there yet; run: make"
	[ -n "$watchdog" ] || hyp_append="carillon.watchdog=2${hyp_append:+ $hyp_append}"
	append="$append kpti=off" demo=1 cmd_file=$here/initramfs/sdei-demo
	add_command "$module"
	cmd_file=
else
	add_command
fi

own_shell=$demo
[ "$initrd" != "$our_initramfs" ] || own_shell=1

align_2m() { echo $((($1 + 0x1fffff) & ~0x1fffff)); }

ram=$((0x40000000))
reserve_mib=64		# for the hypervisor, above the guest's memory
machine=virt,gic-version=$gic
[ "$icount" = 0 ] || machine=$machine,dtb-randomness=off
if [ "$iommu" = 1 ]; then
	"$qemu" -M virt -device arm-smmuv3,help 2>/dev/null | grep -q 'stage=' ||
		refuse "IOMMU=1: this QEMU has no SMMUv3 with stage 2; give a newer one (QEMU=)"
	machine=$machine,iommu=smmuv3
	set -- -global arm-smmuv3.stage=2 "$@"
fi

# The payloads lie behind the device tree, which QEMU puts (2 MiB at most) at 128 MiB or, in a
# smaller memory, in the middle; the hypervisor moves them to where the guest wants them.
place_payloads() {
	middle=$((total_mib * 1024 * 1024 / 2))
	[ $middle -lt $((0x8000000)) ] || middle=$((0x8000000))
	payload_at=$((ram + $(align_2m $middle) + 0x400000))
	initrd_at=$(align_2m $((payload_at + $(size_of "${kernel:-$firmware}"))))
	dtb_at=$(align_2m $((initrd_at + $(size_of "$initrd"))))
	end=$((dtb_at + $(size_of "$dtb")))
	room_mib=$((total_mib - reserve_mib / 2))
	[ $end -le $((ram + room_mib * 1024 * 1024)) ] ||
		refuse "MEM=$mem is too small for this kernel and initrd; try $((mib + (end - ram) / 1024 / 1024 - room_mib + 1))M"
}

# QEMU puts an initrd at 128 MiB or, in a smaller memory, in the middle; the device tree is behind it.
size_machine() {
	vms_mib=0
	for vm in $(fdtget -l "$vms" /); do
		vms_mib=$((vms_mib + $(vm_mib "$vm")))
	done
	blob_mib=$(($(size_of "$vms") / 1048576 + 1))
	before_mib=128
	if [ -z "$machine_mem" ]; then
		[ "$vms_mib" -le "$before_mib" ] || before_mib=$vms_mib
		total_mib=$((before_mib + blob_mib + reserve_mib))
		return
	fi
	total_mib=$mib
	[ $((mib / 2)) -ge "$before_mib" ] || before_mib=$((mib / 2))
	[ $((before_mib + blob_mib + reserve_mib / 2)) -le "$mib" ] ||
		refuse "MEM=$mem is too small for this description, which has $blob_mib MiB of payloads and VMs of $vms_mib MiB; try $((vms_mib + blob_mib + reserve_mib))M, or leave it out"
}

if [ -n "$vms" ]; then
	size_machine
	machine=$machine,virtualization=on
	[ -z "$hyp_append" ] || set -- -append "$hyp_append" "$@"
	set -- -kernel "$hypervisor" -initrd "$vms" "$@"
elif [ "$bare" = 1 ]; then
	total_mib=$mib
	[ "$gic" != 4 ] || machine=$machine,virtualization=on	# without it QEMU refuses a GICv4
	if [ -n "$firmware" ]; then
		set -- -bios "$firmware" "$@"
	else
		set -- -kernel "$kernel" -append "$append" "$@"
		[ -z "$initrd" ] || set -- -initrd "$initrd" "$@"
	fi
	[ -z "$dtb" ] || set -- -dtb "$dtb" "$@"
else
	total_mib=$((mib + reserve_mib))
	place_payloads
	machine=$machine,virtualization=on
	words="carillon.cpus=$cpus carillon.mem=${mib}M"
	if [ -n "$firmware" ]; then
		words="$words carillon.firmware"
		set -- -device "guest-loader,addr=$payload_at,kernel=$(quoted "$firmware")" "$@"
	else
		set -- -device "guest-loader,addr=$payload_at,kernel=$(quoted "$kernel"),bootargs=$(quoted "$append")" "$@"
	fi
	[ -z "$initrd" ] || set -- -device "guest-loader,addr=$initrd_at,initrd=$(quoted "$initrd")" "$@"
	if [ -n "$dtb" ]; then
		words="$words carillon.dtb=$(printf '0x%x' $dtb_at)"
		set -- -device "loader,file=$(quoted "$dtb"),addr=$dtb_at,force-raw=on" "$@"
	fi
	set -- -kernel "$hypervisor" -append "$words${hyp_append:+ $hyp_append}" "$@"
fi
