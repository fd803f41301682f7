# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# run, debug, bench: hands the user's variables to the launcher, tools/run, which checks them.

# What quotes and dollars the user wrote must arrive as they are: make neither expands these two
# nor passes its own expansion on.
unexport CMD BOOTARGS
export CARILLON_CMD      = $(value CMD)
export CARILLON_BOOTARGS = $(value BOOTARGS)

UBOOT_OF_arm64   = $(UBOOT_ARM64)
UBOOT_OF_riscv64 = $(UBOOT_RISCV64)
FIRMWARE_FILE = $(if $(filter u-boot,$(FIRMWARE)),$(UBOOT_OF_$(ARCH)),$(FIRMWARE))

run_option = $(if $($1),$2 '$($1)')
RUN_OPTIONS = $(if $(filter-out arm64,$(ARCH)),--arch '$(ARCH)') \
	$(if $(BARE),--bare) $(if $(NET),--net) $(if $(ACLINT),--aclint) $(if $(AIA),--aia) $(if $(PCI),--pci) \
	$(if $(IOMMU),--iommu) $(call run_option,CPUS,--cpus) $(call run_option,CPU,--cpu) $(call run_option,MEM,--mem) \
	$(call run_option,MACHINE,--machine) $(call run_option,SDEI,--sdei) $(call run_option,WATCHDOG,--watchdog) \
	$(call run_option,GIC,--gic) $(call run_option,FAST,--fast) $(call run_option,KERNEL,--kernel) \
	$(call run_option,INITRD,--initrd) \
	$(call run_option,DTB,--dtb) $(call run_option,FIRMWARE_FILE,--firmware) \
	$(call run_option,VMS,--vms) \
	$(call run_option,DISK,--disk) $(call run_option,LIMIT,--limit) $(call run_option,QEMU,--qemu) \
	$(if $(value BOOTARGS),--append "$$CARILLON_BOOTARGS") $(if $(value CMD),--cmd "$$CARILLON_CMD")

RUN_DEPS_arm64 = $(LINUX_IMAGE) $(INITRAMFS) $(if $(BARE),,$(HYPERVISOR)) \
	$(if $(filter u-boot,$(FIRMWARE)),$(UBOOT_ARM64)) \
	$(if $(VMS),$(GUEST_BINARIES)) $(if $(SDEI),$(LINUX_SDEI_MODULE))
RUN_DEPS_riscv64 = $(RISCV64_RUN_DEPS) $(if $(filter u-boot,$(FIRMWARE)),$(UBOOT_RISCV64)) $(if $(BARE),,$(HYPERVISOR_RISCV64))
RUN_DEPS = $(RUN_DEPS_$(ARCH))
RUN_HYPERVISOR = $(if $(filter riscv64,$(ARCH)),$(HYPERVISOR_RISCV64),$(HYPERVISOR))

run: $(RUN_DEPS)
	$(Q)BUILD=$(BUILD) tools/run $(RUN_OPTIONS)

debug: $(RUN_DEPS)
	$(Q)BUILD=$(BUILD) tools/debug $(RUN_HYPERVISOR:.bin=.elf) $(RUN_OPTIONS)

bench: $(BENCH_DEPS_$(ARCH))
	$(Q)$(BENCH_CMD_$(ARCH))

.PHONY: run debug bench
