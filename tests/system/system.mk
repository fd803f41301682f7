# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The boots. prove passes no arguments, so that each case is a small script under build/, named after
# the program in tests/system and its arguments, with commas in between.

SYSTEM_CASES     := $(BUILD)/test/cases
SYSTEM_CASES_NEW := $(BUILD)/test/cases-qemu-10.0
comma := ,
empty :=
space := $(empty) $(empty)

$(SYSTEM_CASES)/%: tests/system/system.mk
	$(Q)mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec tests/system/%s\n' '$(subst $(comma),$(space),$*)' >$@ && chmod +x $@

# The same on the QEMU of bookworm-backports.
$(SYSTEM_CASES_NEW)/%: tests/system/system.mk
	$(Q)mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nQEMU=%s SUITE=qemu-10.0 exec tests/system/%s\n' '$(QEMU_10)' \
		'$(subst $(comma),$(space),$*)' >$@ && chmod +x $@

# Linux: CPUs, model, MiB of memory, GIC (3 if it is left out). Here each value of one meets each value
# of every other; test-all has the whole product, with a third size of memory, and all of it again on QEMU 10.0.
SYSTEM_LINUX := 8,max,96 8,cortex-a72,1024 4,cortex-a72,96 4,max,1024 2,max,96 2,cortex-a72,1024 \
	1,cortex-a72,96 1,max,1024 8,cortex-a72,1024,2 4,max,96,2 2,cortex-a72,96,2 1,max,1024,2
SYSTEM_LINUX_ALL := $(foreach cpus,8 4 2 1,$(foreach cpu,cortex-a72 max,$(foreach mem,96 512 1024, \
	$(cpus),$(cpu),$(mem) $(cpus),$(cpu),$(mem),2)))

SYSTEM_OTHERS := ending,panic ending,hang ending,status ending,quotes ending,off-cpu reboot dtb \
	firmware,cortex-a72 firmware,max ending,off-cpu,2 reboot,2 dtb,2 firmware,cortex-a72,2
# Our guests: name, model, GIC, CPUs, form. GICv3 on both models; GICv2 on one, and on the other those
# three that use most of it.
SYSTEM_GUESTS_V3  := $(foreach g,$(GUEST_IMAGES),$(foreach cpu,cortex-a72 max,guest,$g,$(cpu),3))
SYSTEM_GUESTS_V2  := $(foreach g,$(GUEST_IMAGES),guest,$g,cortex-a72,2) \
	$(foreach g,$(filter sgi inflight stress,$(GUEST_IMAGES)),guest,$g,max,2)
SYSTEM_GUESTS     := $(SYSTEM_GUESTS_V3) $(SYSTEM_GUESTS_V2) \
	guest,priority,cortex-a72,3,4,flat guest,priority,cortex-a72,3,4,elf
SYSTEM_GUESTS_ALL := $(foreach g,$(GUEST_IMAGES),$(foreach cpu,cortex-a72 max,$(foreach gic,2 3, \
	guest,$g,$(cpu),$(gic) guest,$g,$(cpu),$(gic),8)))

# Our guests with an ITS: name, model, CPUs, where, GIC.
SYSTEM_ITS     := $(foreach g,$(filter-out msix,$(GUEST_ITS)),$(foreach cpus,1 2 4,its,$g,cortex-a72,$(cpus),both) \
	its,$g,max,4,both) $(foreach cpus,1 4,its,its-errors,max,$(cpus),both,3,harsh) \
	its,msix,cortex-a72,1,both its,msix,max,2,both,4 its,edu,cortex-a72,1,both,4 its,edu,max,4,both,4
SYSTEM_ITS_ALL := $(foreach g,$(GUEST_ITS),its,$g,cortex-a72,8,both \
	$(foreach cpus,1 2 8,its,$g,max,$(cpus),both) $(foreach cpus,1 2 8,its,$g,max,$(cpus),both,4))

# Clients of SDEI: case, model, GIC, vCPUs.
SYSTEM_SDEI := sdei,calls,cortex-a72,3,1 sdei,calls,max,2,2 sdei,entry,max,3,1 sdei,entry,cortex-a72,2,2 \
	sdei,bound,cortex-a72,3,2 sdei,bound,max,2,4 sdei,bound,max,3,1 \
	sdei,cpus,cortex-a72,3,4 sdei,cpus,max,2,2 sdei,cpus,max,3,8 sdei,cpus,cortex-a72,2,1 \
	sdei,stress,max,3,4 sdei,stress,cortex-a72,2,8 sdei,hostile,cortex-a72,3,4 sdei,hostile,max,2,2 \
	sdei,version,max,3,1 sdei,oversubscribed sdei,oversubscribed,cortex-a72,2 sdei,beside
SYSTEM_SDEI_ALL := $(foreach g,calls entry bound cpus stress hostile,$(foreach cpu,cortex-a72 max, \
	$(foreach gic,2 3,$(foreach cpus,1 2 4 8,sdei,$g,$(cpu),$(gic),$(cpus))))) \
	$(foreach cpu,cortex-a72 max,$(foreach gic,2 3,sdei,oversubscribed,$(cpu),$(gic) sdei,beside,$(cpu),$(gic)))

# Our demonstrations, each alone: name, model, GIC, CPUs.
SYSTEM_DEMOS := demo,rt-latency,cortex-a72,3,1 demo,worker,cortex-a72,3 demo,worker,max,2,3 \
	demo,hostile,max,3 demo,hostile,cortex-a72,2,3

# Several VMs.
SYSTEM_VMS := vms,linux vms,oversubscribed vms,leak vms,leak,max vms,latency vms,lateness vms-bad \
	vms-control,resets vms-control,destroy vms-control,saves vms-control,commands \
	$(foreach kind,all its pci mask dist console die reset,vms-hostile,$(kind)) \
	vms,oversubscribed,cortex-a72,2 vms,leak,cortex-a72,2 vms-hostile,all,max,2
SYSTEM_VMS_ALL := vms,linux,max vms,linux,cortex-a72,2 vms,oversubscribed,max vms,leak,max,2 vms-bad,2 \
	vms-control,resets,max vms-control,resets,cortex-a72,2 vms-control,saves,cortex-a72,2 vms-control,commands,cortex-a72,2 \
	$(foreach kind,sgi timer mask wfi dist abort psci cycle console die reset,$(foreach gic,2 3, \
	vms-hostile,$(kind),cortex-a72,$(gic) vms-hostile,$(kind),max,$(gic))) vms-hostile,its,max

# PCI functions passed through.
SYSTEM_PCI := pci,linux pci,linux,max,4 pci,resets pci,resets,cortex-a72,4 pci,linux-resets pci,two pci,two,cortex-a72,4 \
	pci,busy pci,busy,max,4 pci,toggle,cortex-a72,4 pci,iommu pci,two-iommu
SYSTEM_PCI_ALL := pci,iommu,max,4 pci,two-iommu,cortex-a72,4 pci,linux,max pci,linux,cortex-a72,4 \
	pci,linux-resets,max,4 pci,resets,max,4 pci,two,max pci,toggle,max,4

SYSTEM_NOW  := $(addprefix linux$(comma),$(SYSTEM_LINUX)) $(SYSTEM_GUESTS) $(SYSTEM_ITS) $(SYSTEM_OTHERS) $(SYSTEM_DEMOS) $(SYSTEM_VMS) \
	$(SYSTEM_PCI) $(SYSTEM_SDEI)
SYSTEM_REST := $(filter-out $(SYSTEM_NOW),$(addprefix linux$(comma),$(SYSTEM_LINUX_ALL)) $(SYSTEM_GUESTS_ALL) \
	$(SYSTEM_ITS_ALL) $(SYSTEM_VMS_ALL) $(SYSTEM_PCI_ALL) $(SYSTEM_SDEI_ALL))

SYSTEM_TESTS += $(addprefix $(SYSTEM_CASES)/,$(SYSTEM_NOW))
SYSTEM_DEPS  += $(addprefix $(SYSTEM_CASES)/,$(SYSTEM_NOW)) \
	$(if $(TEST_BARE),,$(HYPERVISOR)) $(LINUX_IMAGE) $(INITRAMFS) $(UBOOT_ARM64) \
	$(GUEST_BINARIES) $(if $(QEMU),,$(QEMU_10))

SYSTEM_MORE    := $(addprefix $(SYSTEM_CASES)/,$(SYSTEM_REST)) \
	$(addprefix $(SYSTEM_CASES_NEW)/,$(SYSTEM_NOW) $(SYSTEM_REST))
TEST_ALL_TESTS += $(SYSTEM_MORE)
TEST_ALL_DEPS  += $(SYSTEM_MORE) $(QEMU_10)

# The guests with an ITS alone, on QEMU= or the one that is found.
test-its: $(addprefix $(SYSTEM_CASES)/,$(SYSTEM_ITS)) $(GUEST_BINARIES) $(HYPERVISOR)
	$(Q)BUILD=$(BUILD) tools/run-tests system $(SYSTEM_JOBS) '$(addprefix $(SYSTEM_CASES)/,$(SYSTEM_ITS))'

# The clients of SDEI alone.
test-sdei: $(addprefix $(SYSTEM_CASES)/,$(SYSTEM_SDEI)) $(GUEST_BINARIES) $(HYPERVISOR)
	$(Q)BUILD=$(BUILD) tools/run-tests system $(SYSTEM_JOBS) '$(addprefix $(SYSTEM_CASES)/,$(SYSTEM_SDEI))'

.PHONY: test-its test-sdei
