# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# check, test, test-all, test-riscv64: TAP programs run by prove, closing with "N passed, N failed".

CHECK_JOBS  ?= $(shell nproc)
SYSTEM_JOBS ?= 2

check: $(CHECK_DEPS)
	$(Q)BUILD=$(BUILD) tools/run-tests check $(CHECK_JOBS) '$(CHECK_TESTS)'

test: all $(CHECK_DEPS) $(SYSTEM_DEPS)
	$(Q)BUILD=$(BUILD) tools/run-tests check $(CHECK_JOBS) '$(CHECK_TESTS)' \
		system $(SYSTEM_JOBS) '$(SYSTEM_TESTS)'

test-all: all $(CHECK_DEPS) $(SYSTEM_DEPS) $(TEST_ALL_DEPS)
	$(Q)BUILD=$(BUILD) PROGRAM_LIMIT=$${PROGRAM_LIMIT:-21600} tools/run-tests check $(CHECK_JOBS) '$(CHECK_TESTS)' \
		system $(SYSTEM_JOBS) '$(SYSTEM_TESTS)' all $(SYSTEM_JOBS) '$(TEST_ALL_TESTS)'

# The boots on riscv64 alone; with TEST_ALL=1 the whole product.
test-riscv64: $(RISCV_TEST_DEPS) $(if $(TEST_ALL),$(RISCV_MORE))
	$(Q)BUILD=$(BUILD) tools/run-tests riscv64 $(SYSTEM_JOBS) '$(RISCV_TESTS) $(if $(TEST_ALL),$(RISCV_MORE))'

.PHONY: check test test-all test-riscv64
