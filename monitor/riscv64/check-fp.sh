#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# check-fp.sh OBJDUMP OBJECT...: none of them uses a floating-point register, which is somebody else's.
set -eu

objdump=$1
shift
found=$("$objdump" -d --no-show-raw-insn "$@" | grep -E '[[:space:](,]f[tsa][0-9]+([,)]|$)' | head -n 3) || :
[ -z "$found" ] || {
	echo "monitor/riscv64: floating-point registers are used:" >&2
	echo "$found" >&2
	exit 1
}
