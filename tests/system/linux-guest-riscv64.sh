# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# linux-guest.sh's part for riscv64. tests/system/riscv-linux says what the hart must have (sstc, 1 or 0)
# and the machine (aclint, 1 or 0).
timer=riscv-timer uart=ttyS0 tty=ttyS0
kernel_mib=64
first_off=1	# the boot hart stays

# Implementation 1 is OpenSBI.
firmware_is_opensbi() { dmesg | grep -q 'SBI implementation ID=0x1 ' || { said "$(dmesg | grep SBI)"; return 1; }; }

sbi_has() {
	for extension in TIME IPI RFENCE HSM SRST DBCN; do
		dmesg | grep -q "SBI $extension extension detected" || { said "no $extension"; return 1; }
	done
}

# In the tree that the firmware passed on, and in use.
sstc_is_as_asked() {
	if grep -q '^isa.*_sstc' /proc/cpuinfo; then found=1; else found=0; fi
	if dmesg | grep -q 'Timer interrupt in S-mode is available via sstc'; then used=1; else used=0; fi
	[ $found$used = $sstc$sstc ] || { said "in the tree: $found, in use: $used"; return 1; }
}

aclint_is_as_asked() {
	if ls /proc/device-tree/soc | grep -q '^mtimer@'; then found=1; else found=0; fi
	[ $found = $aclint ] || { said "$(ls /proc/device-tree/soc)"; return 1; }
}

ipis_are_the_firmwares() { dmesg | grep -q 'providing IPIs using SBI IPI extension'; }

machine_checks() {
	check "the firmware is OpenSBI" firmware_is_opensbi
	check "the firmware has the extensions that Linux uses" sbi_has
	check "IPIs go through the firmware" ipis_are_the_firmwares
	if [ $sstc = 1 ]; then
		check "the timer is the hart's own (Sstc)" sstc_is_as_asked
	else
		check "the timer is the firmware's (no Sstc)" sstc_is_as_asked
	fi
	if [ $aclint = 1 ]; then
		check "the machine has ACLINT's devices" aclint_is_as_asked
	else
		check "the machine has a CLINT" aclint_is_as_asked
	fi
}
