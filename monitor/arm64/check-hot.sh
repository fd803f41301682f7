#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# check-hot.sh PREFIX OBJECT: the hot code, linked into one object, may
# - import nothing but cold_call, what is called through it, other code's data, and guest_start;
# - not touch x16, x17 and x18, which hold the guest's values;
# - not use floating point or SIMD registers, which do, too.
set -eu

prefix=$1
object=$2
data='gicd|routes|lpis'

bad=$("${prefix}nm" -u "$object" | awk '{ print $2 }' | grep -Ev "^(cold_.*|guest_start|$data)$" || :)
if [ -n "$bad" ]; then
	echo "hot code imports:" $bad >&2
	exit 1
fi
# Addresses, names and branch targets look like registers to grep: left out.
bad=$("${prefix}objdump" -d --no-show-raw-insn "$object" |
	sed -E 's/^ *[0-9a-f]+:\t//; s/<.*//; s,//.*,,; s/^(b|bl|b\.[a-z]+|adrp?)\t.*//; s/^(t?c?bn?z\t.*),.*/\1/' |
	grep -E '[^a-z0-9_][wx]1[678]([^0-9]|$)|[^a-z0-9_][vqd][0-9]+([^0-9a-z]|$)' | head -5 || :)
if [ -n "$bad" ]; then
	printf 'hot code uses registers of the guest:\n%s\n' "$bad" >&2
	exit 1
fi
