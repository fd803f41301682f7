# SPDX-License-Identifier: Apache-2.0 OR MIT
# The program in docs/embedding.md is built as it stands there, and prints what stands there.

DOCS_EMBEDDING := $(BUILD)/tests/docs/embedding
CHECK_TESTS += $(DOCS_EMBEDDING).t
CHECK_DEPS += $(DOCS_EMBEDDING).t

$(DOCS_EMBEDDING).c: docs/embedding.md
	@mkdir -p $(@D)
	$(Q)sed -n '/^```c$$/,/^```$$/{/^```/d;p}' $< >$@
$(DOCS_EMBEDDING).expected: docs/embedding.md
	@mkdir -p $(@D)
	$(Q)sed -n '/^```output$$/,/^```$$/{/^```/d;p}' $< >$@
$(DOCS_EMBEDDING): $(DOCS_EMBEDDING).c $(LIB_HOST)
	$(Q)$(HOSTCC) -std=c11 -Wall -Wextra -Werror $(LIB_CPPFLAGS) $^ -o $@
$(DOCS_EMBEDDING).t: tests/docs/embedding.sh $(DOCS_EMBEDDING) $(DOCS_EMBEDDING).expected
	$(Q)cp $< $@ && chmod +x $@
