# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Installs missing tools before anything is built. The stamp is an included makefile: make remakes
# those first and starts over, so that no rule needs to name the setup as a prerequisite.

SETUP_NEEDS := tools/setup tools/packages.list

$(BUILD)/setup/%.mk: $(SETUP_NEEDS)
	$(Q)tools/setup $*
	$(Q)mkdir -p $(@D) && echo '# the "$*" set of tools/packages.list is installed' >$@

setup:
	$(Q)rm -rf $(BUILD)/setup
	$(Q)tools/setup base
	$(Q)mkdir -p $(BUILD)/setup && touch $(BUILD)/setup/base.mk
	@echo 'setup: all that is needed is installed'

SETUP_FREE := help setup clean distclean
ifneq ($(filter-out $(SETUP_FREE),$(or $(MAKECMDGOALS),all)),)
include $(BUILD)/setup/base.mk
endif
ifneq ($(filter debug,$(MAKECMDGOALS)),)
include $(BUILD)/setup/debug.mk
endif
ifneq ($(filter lint format,$(MAKECMDGOALS)),)
include $(BUILD)/setup/lint.mk
endif

.PHONY: setup
