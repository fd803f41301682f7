# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The protocols that cross CPUs, model-checked: run builds and runs each model's variants by itself. Those with
# something taken away are part of `make test`, not of `make check`, which is to be short.

CHECK_TESTS    += tests/protocol/run
SYSTEM_TESTS   += tests/protocol/run-broken
TEST_ALL_TESTS += tests/protocol/run-large
