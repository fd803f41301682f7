# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The protocols that cross CPUs, model-checked: run builds and runs each model's variants by itself.

CHECK_TESTS    += tests/protocol/run
TEST_ALL_TESTS += tests/protocol/run-large
