# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# run, debug, bench: hands the user's variables to the launcher, tools/run.
