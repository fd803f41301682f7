# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Proofs of the library with CBMC: `make proof` all of them, `make proof-quick` those that take under
# a minute together. The tool comes from another Debian suite (tools/debs.list), unpacked only.

PROOF_TOOL := $(BUILD)/pkg/cbmc.stamp

proof: $(PROOF_TOOL)
	$(Q)BUILD=$(BUILD) tests/proof/run

proof-quick: $(PROOF_TOOL)
	$(Q)BUILD=$(BUILD) tests/proof/run quick

.PHONY: proof proof-quick
