# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Tests of what a user meets first: finding the mirror, and what the launcher says about mistakes.

CHECK_TESTS += tests/tools/sources tests/tools/launcher tests/tools/counts
