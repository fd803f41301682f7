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

# The one for riscv64 is an M-mode build, linked at 0x80000000; as an ELF, the monitor puts it there.
UBOOT_ARM64   := $(BUILD)/pkg/u-boot/usr/lib/u-boot/qemu_arm64/u-boot.bin
UBOOT_RISCV64 := $(BUILD)/pkg/u-boot/usr/lib/u-boot/qemu-riscv64/uboot.elf
$(UBOOT_ARM64) $(UBOOT_RISCV64): $(BUILD)/pkg/u-boot.stamp ;

# The emulator that bench figures are of, whatever is on the PATH.
QEMU_10 := $(BUILD)/pkg/qemu-10.0-system-aarch64
$(QEMU_10): $(BUILD)/pkg/qemu-10.0.stamp tools/wrap-qemu
	$(Q)tools/wrap-qemu $(BUILD)/pkg/qemu-10.0 qemu-system-aarch64 $@

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

# The same for riscv64, from newer suites: Debian 12 has no such packages, and in its QEMU 7.2, which
# boots all this, too, fewer models of CPUs and fewer extensions in them. Nothing of it is fetched unless
# something is made or run for riscv64.
LIBFDT_RISCV64_STAMP   := $(BUILD)/pkg/libfdt-riscv64.stamp
LIBFDT_RISCV64_LIB     := $(BUILD)/pkg/libfdt-riscv64/usr/lib/riscv64-linux-gnu/libfdt.a
LIBFDT_RISCV64_INCLUDE := $(BUILD)/pkg/libfdt-riscv64/usr/include
$(LIBFDT_RISCV64_LIB): $(LIBFDT_RISCV64_STAMP) ;

OPENSBI_DIR        := $(BUILD)/pkg/opensbi/usr/lib/riscv64-linux-gnu/opensbi/generic
OPENSBI_FW_DYNAMIC := $(OPENSBI_DIR)/fw_dynamic.bin
OPENSBI_FW_JUMP    := $(OPENSBI_DIR)/fw_jump.bin
$(OPENSBI_FW_DYNAMIC) $(OPENSBI_FW_JUMP): $(BUILD)/pkg/opensbi.stamp ;

QEMU_RISCV64 := $(BUILD)/pkg/qemu-10.0-system-riscv64
$(QEMU_RISCV64): $(BUILD)/pkg/qemu-10.0-riscv.stamp tools/wrap-qemu
	$(Q)tools/wrap-qemu $(BUILD)/pkg/qemu-10.0-riscv qemu-system-riscv64 $@

LINUX_IMAGE_RISCV64 := $(BUILD)/linux/riscv64/Image
$(LINUX_IMAGE_RISCV64): $(BUILD)/pkg/linux-riscv64.stamp tools/raw-image
	$(Q)mkdir -p $(@D)
	$(Q)tools/raw-image $(BUILD)/pkg/linux-riscv64/boot/vmlinu[xz]-* $@

INITRAMFS_RISCV64 := $(BUILD)/linux/riscv64/initramfs.cpio
$(INITRAMFS_RISCV64): $(BUILD)/pkg/linux-riscv64.stamp $(BUILD)/pkg/busybox-riscv64.stamp \
		tools/make-initramfs tools/initramfs/init
	$(Q)mkdir -p $(@D)
	$(Q)tools/make-initramfs $@ $(BUILD)/pkg/busybox-riscv64/usr/bin/busybox \
		$(BUILD)/pkg/linux-riscv64/usr/lib/modules

# Other versions of OpenSBI's, that of each Debian release: opensbi-VERSION in tools/debs.list.
OPENSBI_OTHERS := 1.1 1.5 1.9
OPENSBI_OTHER_FILES := $(OPENSBI_OTHERS:%=$(BUILD)/pkg/opensbi-%.stamp)

# What a run on riscv64 needs, but for the monitor.
RISCV64_RUN_DEPS := $(LINUX_IMAGE_RISCV64) $(INITRAMFS_RISCV64) $(OPENSBI_FW_DYNAMIC) \
	$(if $(QEMU),,$(QEMU_RISCV64))

all: $(RISCV64_RUN_DEPS)
