# SPDX-License-Identifier: Apache-2.0 OR MIT
# libcarillon: for the host (tests), for the arm64 monitor, and, in `make check`, for every
# architecture and compiler that it promises to build for.

comma := ,
LIB_SRCS := $(sort $(wildcard lib/*/*.c))
LIB_RISCV_SRCS := $(filter lib/vhart/% lib/vclint/%,$(LIB_SRCS))
LIB_CPPFLAGS := -Iinclude
LIB_WARN := -std=c11 -ffreestanding -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wundef -Werror
LIB_CFLAGS := $(LIB_WARN) -O2 -g

# The host's, with the undefined behaviour and address sanitizers, for tests to link.
LIB_HOST := $(BUILD)/lib/host/libcarillon.a
LIB_HOST_SAN := $(BUILD)/lib/host-san/libcarillon.a
# The arm64 monitor's: no floating point, no calls to out-of-line atomics.
LIB_ARM64 := $(BUILD)/lib/arm64/libcarillon.a

define LIB_RULES # name, compiler, archiver, flags, sources if not all
$(1)/%.o: %.c lib/lib.mk
	@mkdir -p $$(@D)
	$$(Q)$(2) $$(LIB_CPPFLAGS) $$(LIB_CFLAGS) $(4) -MMD -MP -c $$< -o $$@
$(1)/libcarillon.a: $(patsubst %.c,$(1)/%.o,$(or $(5),$(LIB_SRCS)))
	@rm -f $$@
	$$(Q)$(3) rcs $$@ $$^
-include $$(LIB_SRCS:%.c=$(1)/%.d)
endef

LIB_ARM64_FLAGS := -mgeneral-regs-only -mno-outline-atomics -fno-stack-protector -fno-common

$(eval $(call LIB_RULES,$(BUILD)/lib/host,$(HOSTCC),ar,))
$(eval $(call LIB_RULES,$(BUILD)/lib/host-san,$(HOSTCC),ar,-fsanitize=address$(comma)undefined -fno-sanitize-recover=all))
$(eval $(call LIB_RULES,$(BUILD)/lib/arm64,$(ARM64)gcc,$(ARM64)ar,$(LIB_ARM64_FLAGS) -fpie))

# Everything that it promises to build for; the objects are only compiled.
$(eval $(call LIB_RULES,$(BUILD)/lib/arm64-gcc,$(ARM64)gcc,$(ARM64)ar,$(LIB_ARM64_FLAGS)))
$(eval $(call LIB_RULES,$(BUILD)/lib/arm64-clang,$(CLANG),ar,--target=aarch64-none-elf -mgeneral-regs-only))
$(eval $(call LIB_RULES,$(BUILD)/lib/armv7-gcc,arm-linux-gnueabihf-gcc,arm-linux-gnueabihf-ar,-march=armv7-a+fp))
$(eval $(call LIB_RULES,$(BUILD)/lib/armv7-clang,$(CLANG),ar,--target=armv7a-none-eabi))
$(eval $(call LIB_RULES,$(BUILD)/lib/riscv64-gcc,riscv64-linux-gnu-gcc,riscv64-linux-gnu-ar,))
$(eval $(call LIB_RULES,$(BUILD)/lib/riscv64-clang,$(CLANG),ar,--target=riscv64-none-elf -march=rv64imac))
$(eval $(call LIB_RULES,$(BUILD)/lib/host-clang,$(CLANG),ar,))
# The GIC needs atomics of 64 bits.
$(eval $(call LIB_RULES,$(BUILD)/lib/riscv32-gcc,riscv64-linux-gnu-gcc,riscv64-linux-gnu-ar,-march=rv32imac_zicsr_zifencei -mabi=ilp32,$(LIB_RISCV_SRCS) $(filter lib/vplic/%,$(LIB_SRCS))))
$(eval $(call LIB_RULES,$(BUILD)/lib/riscv32-clang,$(CLANG),ar,--target=riscv32-none-elf -march=rv32imac,$(LIB_RISCV_SRCS) $(filter lib/vplic/%,$(LIB_SRCS))))

LIB_PORTS := arm64-gcc arm64-clang armv7-gcc armv7-clang riscv64-gcc riscv64-clang riscv32-gcc riscv32-clang \
	host host-clang
LIB_PORTS_A := $(LIB_PORTS:%=$(BUILD)/lib/%/libcarillon.a)
CHECK_DEPS += $(LIB_PORTS_A)

# install: the headers, one library, and a pkg-config file.
PREFIX ?= /usr/local
LIB_INSTALL ?= $(LIB_HOST)
LIB_VERSION = $(shell sed -n 's/^.define CARILLON_VERSION_M[AI][JN]OR //p' include/carillon/carillon.h | paste -sd.)

install: $(LIB_INSTALL)
	$(Q)install -d $(DESTDIR)$(PREFIX)/include/carillon $(DESTDIR)$(PREFIX)/lib/pkgconfig
	$(Q)install -m 644 include/carillon/*.h $(DESTDIR)$(PREFIX)/include/carillon
	$(Q)install -m 644 $(LIB_INSTALL) $(DESTDIR)$(PREFIX)/lib/libcarillon.a
	$(Q)printf '%s\n' 'prefix=$(PREFIX)' 'Name: libcarillon' \
		'Description: Virtual interrupt controllers for hypervisors and emulators' \
		'Version: $(LIB_VERSION)' 'Cflags: -I$${prefix}/include' \
		'Libs: -L$${prefix}/lib -lcarillon' \
		>$(DESTDIR)$(PREFIX)/lib/pkgconfig/libcarillon.pc

.PHONY: lib install
lib: $(LIB_HOST) $(LIB_HOST_SAN) $(LIB_ARM64)
