#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# symbols.sh NM [ELF]: assembler source of the panic's table of functions; empty without an ELF.
set -eu

nm=$1
elf=${2:-}

list() {
	[ -z "$elf" ] || "$nm" "$elf" | awk '$2 ~ /[tT]/ && $3 !~ /^\$/ { print $1, $3 }' | LC_ALL=C sort
}

list | awk '
	BEGIN {
		print "\t.section .symbols, \"a\"\n\t.balign 4\n\t.global symbol_table\nsymbol_table:"
	}
	{
		printf "\t.long 0x%s, %d\n", substr($1, length($1) - 7), offset
		names = names "\t.asciz \"" $2 "\"\n"
		offset += length($2) + 1
		count++
	}
	END {
		printf "\t.global symbol_count\nsymbol_count:\n\t.long %d\n", count
		print "\t.global symbol_names\nsymbol_names:\n" names
	}'
