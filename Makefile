# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Carillon's build: one non-recursive make, outputs under build/ only.
# `make help` lists what a user can ask for. Each directory brings its own .mk file, with paths
# relative to this directory; it may add to the lists below and prerequisites to `all`.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

BUILD  := build
ARCH   ?= arm64
ARM64  := aarch64-linux-gnu-
RISCV64_CROSS := riscv64-linux-gnu-
HOSTCC ?= gcc
CLANG  := clang
V      ?= 0
Q      := $(if $(filter 0,$(V)),@)
ifeq ($(V),0)
MAKEFLAGS += --silent
endif

# Programs that print TAP, and what must be built before they run.
CHECK_TESTS    :=
CHECK_DEPS     :=
SYSTEM_TESTS   :=
SYSTEM_DEPS    :=
TEST_ALL_TESTS :=
TEST_ALL_DEPS  :=

# What monitor/ makes and the launcher boots.
HYPERVISOR         := $(BUILD)/monitor/arm64/carillon.bin
HYPERVISOR_RISCV64 := $(BUILD)/monitor/riscv64/carillon.bin


all:

include mk/setup.mk
include mk/fetch.mk

-include lib/lib.mk
-include monitor/monitor.mk
-include guest/guest.mk
-include $(wildcard bench/*.mk)
-include $(wildcard tests/*/*.mk)
include mk/sdei-linux.mk

all: $(GUEST_BINARIES)

include mk/run.mk
include mk/test.mk
include mk/lint.mk

help:
	@cat mk/help.txt

clean:
	$(Q)rm -rf $(filter-out $(addprefix $(BUILD)/,$(KEEP_ON_CLEAN)),$(wildcard $(BUILD)/*))

distclean:
	$(Q)rm -rf $(BUILD)

.PHONY: all help clean distclean
