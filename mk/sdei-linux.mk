# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The module with which Debian's Linux tries SDEI (guest/linux-sdei), made for the kernel that is booted.

LINUX_SDEI_MODULE := $(BUILD)/guest/linux-sdei/carillon_sdei.ko
LINUX_SDEI_PKGS   := $(addprefix $(BUILD)/pkg/,linux-headers.stamp linux-common.stamp linux-kbuild.stamp)

# Their names hold that kernel's release.
$(LINUX_SDEI_PKGS): $(BUILD)/pkg/linux.stamp

$(LINUX_SDEI_MODULE): $(wildcard guest/linux-sdei/*) $(LINUX_SDEI_PKGS) $(BUILD)/pkg/libc-trixie.stamp
	@echo 'module for Linux: $@'
	$(Q)guest/linux-sdei/build-module $(BUILD)/pkg $(@D) $(ARM64)

all: $(LINUX_SDEI_MODULE)

# The newest kernel in reach, for its client alone. Fetched when its test is run.
LINUX_SID_IMAGE := $(BUILD)/linux/sid/Image
$(LINUX_SID_IMAGE): $(BUILD)/pkg/linux-sid.stamp tools/raw-image
	$(Q)mkdir -p $(@D)
	$(Q)tools/raw-image $(BUILD)/pkg/linux-sid/usr/lib/modules/*/vmlinuz $@

SDEI_LINUX     := $(SYSTEM_CASES)/sdei-linux$(comma)4$(comma)cortex-a72
SDEI_LINUX_ALL := $(addprefix $(SYSTEM_CASES)/,$(foreach words,4+max 1+cortex-a72 8+cortex-a72 4+cortex-a72+2 \
	4+cortex-a72+3+kpti 4+cortex-a72+3+sid,sdei-linux$(comma)$(subst +,$(comma),$(words))))

SYSTEM_TESTS   += $(SDEI_LINUX)
SYSTEM_DEPS    += $(SDEI_LINUX) $(LINUX_SDEI_MODULE)
TEST_ALL_TESTS += $(SDEI_LINUX_ALL)
TEST_ALL_DEPS  += $(SDEI_LINUX_ALL) $(LINUX_SID_IMAGE)
