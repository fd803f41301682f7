# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Parts of the hypervisor that run on the host, too, against the host's libfdt: cmocka and libFuzzer,
# ASan and UBSan. Descriptions are compiled by dtc, as a user's are.

MTEST_DIR   := $(BUILD)/tests/monitor
MTEST_SRCS  := $(addprefix monitor/common/,vms.c vms_check.c)
MTEST_HDRS  := $(addprefix monitor/common/,vms.h vms_internal.h board.h) tests/monitor/machine.h
MTEST_FLAGS := -std=gnu11 -g -Wall -Wextra -Wshadow -Wstrict-prototypes -Werror -Imonitor/common
MTEST_DTS   := $(wildcard tests/monitor/vms/*.dts)
MTEST_EXAMPLES := $(wildcard vms/*.dts)
MTEST_DTBS  := $(MTEST_DTS:tests/monitor/%.dts=$(MTEST_DIR)/%.dtb) \
	$(MTEST_EXAMPLES:vms/%.dts=$(MTEST_DIR)/vms/example-%.dtb) $(MTEST_DIR)/vms/version-16.dtb
MTEST_PAYLOADS := $(MTEST_DIR)/payloads.stamp
MTEST_DTC   := dtc -q -I dts -O dtb -i $(MTEST_DIR)/payloads

$(MTEST_PAYLOADS): tests/monitor/payloads
	@mkdir -p $(MTEST_DIR)/payloads $(MTEST_DIR)/vms
	$(Q)$< $(MTEST_DIR)/payloads
	$(Q)touch $@

$(MTEST_DIR)/vms/%.dtb: tests/monitor/vms/%.dts $(MTEST_PAYLOADS) tests/monitor/monitor.mk
	$(Q)$(MTEST_DTC) -o $@ $<
$(MTEST_DIR)/vms/example-%.dtb: vms/%.dts $(MTEST_PAYLOADS) tests/monitor/monitor.mk
	$(Q)$(MTEST_DTC) -o $@ $<
$(MTEST_DIR)/vms/version-16.dtb: tests/monitor/vms/least.dts $(MTEST_PAYLOADS) tests/monitor/monitor.mk
	$(Q)$(MTEST_DTC) -V 16 -o $@ $<

MTEST_DEFINES = -DBUILD='"$(BUILD)"' \
	-DEXAMPLES='$(foreach example,$(MTEST_EXAMPLES),"example-$(basename $(notdir $(example)))",)'

$(MTEST_DIR)/vms_test: tests/monitor/vms_test.c $(MTEST_SRCS) $(MTEST_HDRS) $(MTEST_DTBS) tests/monitor/monitor.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(MTEST_FLAGS) -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
		$(MTEST_DEFINES) $< $(MTEST_SRCS) -lcmocka -lfdt -o $@

$(MTEST_DIR)/fuzz_vms: tests/monitor/fuzz_vms.c $(MTEST_SRCS) $(MTEST_HDRS) $(MTEST_DTBS) tests/monitor/monitor.mk
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(MTEST_FLAGS) -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		$< $(MTEST_SRCS) -lfdt -o $@

# The machine's own description of itself, by QEMU, with either GIC.
MTEST_MACHINES := $(MTEST_DIR)/machines/virt-2.dtb $(MTEST_DIR)/machines/virt-3.dtb
$(MTEST_MACHINES): $(MTEST_DIR)/machines/virt-%.dtb: tests/monitor/monitor.mk
	@mkdir -p $(@D)
	$(Q)$$(tools/find-qemu '$(QEMU)') -M virt,gic-version=$*,virtualization=on,dumpdtb=$@ -cpu cortex-a72 \
		-smp 3 -m 1G -nodefaults -nic none -display none >$@.log 2>&1

# And with an SMMU.
MTEST_SMMU := $(MTEST_DIR)/machines/virt-smmu.dtb
MTEST_MACHINES += $(MTEST_SMMU)
$(MTEST_SMMU): tests/monitor/monitor.mk
	@mkdir -p $(@D)
	$(Q)$$(tools/find-qemu '$(QEMU)') -M virt,gic-version=3,virtualization=on,iommu=smmuv3,dumpdtb=$@ \
		-cpu cortex-a72 -smp 3 -m 1G -nodefaults -nic none -display none >$@.log 2>&1

MTEST_BOARD_SRCS := $(addprefix monitor/common/,board.c options.c)
$(MTEST_DIR)/board_test: tests/monitor/board_test.c $(MTEST_BOARD_SRCS) $(MTEST_MACHINES) \
		$(addprefix monitor/common/,board.h console.h panic.h) tests/monitor/monitor.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(MTEST_FLAGS) -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
		$(MTEST_DEFINES) $< $(MTEST_BOARD_SRCS) -lcmocka -lfdt -o $@

$(MTEST_DIR)/seed_test: tests/monitor/seed_test.c monitor/common/seed.c monitor/common/seed.h tests/monitor/monitor.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(MTEST_FLAGS) -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
		$< monitor/common/seed.c -lcmocka -o $@

$(MTEST_DIR)/pci_function_test: tests/monitor/pci_function_test.c monitor/common/pci_function.c \
		monitor/common/pci_function.h tests/monitor/monitor.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(MTEST_FLAGS) -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
		$< monitor/common/pci_function.c -lcmocka -o $@

CHECK_TESTS += $(MTEST_DIR)/vms_test $(MTEST_DIR)/board_test $(MTEST_DIR)/seed_test \
	$(MTEST_DIR)/pci_function_test tests/monitor/fuzz
CHECK_DEPS  += $(MTEST_DIR)/vms_test $(MTEST_DIR)/board_test $(MTEST_DIR)/seed_test \
	$(MTEST_DIR)/pci_function_test $(MTEST_DIR)/fuzz_vms
