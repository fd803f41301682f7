# SPDX-License-Identifier: Apache-2.0 OR MIT
# Unit tests: one program for each tests/unit/*_test.c, cmocka, ASan and UBSan.

UNIT_NAMES := $(patsubst tests/unit/%_test.c,%,$(wildcard tests/unit/*_test.c))
UNIT_TESTS := $(UNIT_NAMES:%=$(BUILD)/tests/unit/%)
CHECK_TESTS += $(UNIT_TESTS)
CHECK_DEPS += $(UNIT_TESTS)

$(BUILD)/tests/unit/%: tests/unit/%_test.c $(wildcard tests/unit/*fixture.h) $(LIB_HOST_SAN) tests/unit/unit.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=c11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined \
		-fno-sanitize-recover=all $(LIB_CPPFLAGS) -Ilib/vgic $< $(LIB_HOST_SAN) -lcmocka -o $@
