# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# check, test, test-all: TAP programs run by prove.
