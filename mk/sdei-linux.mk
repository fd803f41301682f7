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
