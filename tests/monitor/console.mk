# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The hypervisor's console on the host: the PL011's model, the multiplexer on a UART made for the
# tests, the command line. cmocka, ASan and UBSan; and one of threads with TSan.

CONSOLE_DIR    := $(BUILD)/tests/monitor
CONSOLE_TESTS  := pl011 mux print shell
CONSOLE_FLAGS  := -std=gnu11 -O1 -g -Wall -Wextra -Wshadow -Werror -Imonitor/common -iquote monitor/arm64 -Itests/monitor \
	-include tests/monitor/console_fake.h
CONSOLE_DEPS   := $(wildcard tests/monitor/console_*.h) tests/monitor/console.mk \
	$(foreach name,console control mux pl011 shell uart,$(wildcard monitor/common/$(name).[ch]))

# What each is linked with; the files that they look into are included.
CONSOLE_pl011_SRCS := monitor/common/pl011.c
CONSOLE_mux_SRCS   := monitor/common/pl011.c
CONSOLE_print_SRCS := monitor/common/console.c
CONSOLE_shell_SRCS := monitor/common/console.c monitor/common/shell.c monitor/common/pl011.c
CONSOLE_race_SRCS  := monitor/common/pl011.c

$(CONSOLE_TESTS:%=$(CONSOLE_DIR)/console_%): $(CONSOLE_DIR)/console_%: tests/monitor/console_%_test.c $(CONSOLE_DEPS)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(CONSOLE_FLAGS) -fsanitize=address,undefined -fno-sanitize-recover=all \
		$< $(CONSOLE_$*_SRCS) -lcmocka -o $@

$(CONSOLE_DIR)/console_race: tests/monitor/console_race_test.c $(CONSOLE_DEPS)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CONSOLE_FLAGS) -pthread -fsanitize=thread $< $(CONSOLE_race_SRCS) -o $@

CHECK_TESTS += $(CONSOLE_TESTS:%=$(CONSOLE_DIR)/console_%) $(CONSOLE_DIR)/console_race
CHECK_DEPS  += $(CONSOLE_TESTS:%=$(CONSOLE_DIR)/console_%) $(CONSOLE_DIR)/console_race
