# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# For system tests on riscv64, before lib.sh: what the launcher needs, from the variables cpu and
# aclint. A CPU may be written without commas and equals signs, which names of cases cannot have:
# rv64+no-sstc is rv64,sstc=off.
arch=riscv64
cpu=$(printf '%s' "${cpu:-rv64}" | sed 's/+no-\([^+,]*\)/,\1=off/g; s/+/,/g')
cpu_name=$(printf '%s' "$cpu" | sed 's/,\([^,=]*\)=off/-no-\1/g; s/[,=]/-/g')
aclint=${aclint:-}

# What else a case may say, one word each: aclint; plain, without the monitor's fast paths; no-time, harts
# without a time CSR.
options() {
	aclint= fast= no_time=
	for word; do
		case $word in
		aclint) aclint=aclint ;;
		plain) fast=none ;;
		no-time) no_time=1 ;;
		*) echo "Bail out! $word: aclint, plain, no-time are allowed"; exit 1 ;;
		esac
	done
	options_name=${aclint:+-aclint}${fast:+-plain}${no_time:+-no-time}
}

# Of the harts that these tests know.
has_sstc() {
	case $cpu in
	*,sstc=off* | sifive-u54*) return 1 ;;
	esac
}
