# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What comes ready-made from Debian's arm64 packages, unpacked under build/pkg.

KEEP_ON_CLEAN := apt pkg setup

# For monitor/: the device-tree library. Objects that include <libfdt.h> need $(LIBFDT_STAMP) as an
# order-only prerequisite.
LIBFDT_STAMP     := $(BUILD)/pkg/libfdt.stamp
LIBFDT_ARM64_LIB := $(BUILD)/pkg/libfdt/usr/lib/aarch64-linux-gnu/libfdt.a
LIBFDT_INCLUDE   := $(BUILD)/pkg/libfdt/usr/include
