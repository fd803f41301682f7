# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What comes ready-made from Debian's packages (tools/debs.list), unpacked under build/pkg/NAME, and
# what is made of it for the guest: a raw kernel Image and an initramfs.

KEEP_ON_CLEAN := apt pkg setup

$(BUILD)/pkg/%.stamp: tools/debs.list tools/fetch-deb tools/debian-source
	$(Q)BUILD=$(BUILD) tools/fetch-deb $*
	$(Q)touch $@
.PRECIOUS: $(BUILD)/pkg/%.stamp

# For monitor/: the device-tree library. Objects that include <libfdt.h> need $(LIBFDT_STAMP) as an
# order-only prerequisite.
LIBFDT_STAMP     := $(BUILD)/pkg/libfdt.stamp
LIBFDT_ARM64_LIB := $(BUILD)/pkg/libfdt/usr/lib/aarch64-linux-gnu/libfdt.a
LIBFDT_INCLUDE   := $(BUILD)/pkg/libfdt/usr/include
$(LIBFDT_ARM64_LIB): $(LIBFDT_STAMP) ;

UBOOT_ARM64 := $(BUILD)/pkg/u-boot/usr/lib/u-boot/qemu_arm64/u-boot.bin
$(UBOOT_ARM64): $(BUILD)/pkg/u-boot.stamp ;

# The emulator that bench figures are of, whatever is on the PATH.
QEMU_10 := $(BUILD)/pkg/qemu-10.0-system-aarch64
$(QEMU_10): $(BUILD)/pkg/qemu-10.0.stamp tools/wrap-qemu
	$(Q)tools/wrap-qemu $(BUILD)/pkg/qemu-10.0 $@

LINUX_IMAGE := $(BUILD)/linux/Image
$(LINUX_IMAGE): $(BUILD)/pkg/linux.stamp tools/raw-image
	$(Q)mkdir -p $(@D)
	$(Q)tools/raw-image $(BUILD)/pkg/linux/boot/vmlinuz-* $@

INITRAMFS := $(BUILD)/linux/initramfs.cpio
$(INITRAMFS): $(BUILD)/pkg/linux.stamp $(BUILD)/pkg/busybox.stamp \
		tools/make-initramfs tools/initramfs/init
	$(Q)mkdir -p $(@D)
	$(Q)tools/make-initramfs $@ $(BUILD)/pkg/busybox/usr/bin/busybox $(BUILD)/pkg/linux/usr/lib/modules

all: $(LINUX_IMAGE) $(INITRAMFS)
