/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What Debian's libfdt and picolibc expect of whoever links them: the stack protector's value and
 * its alarm.
 */
#include <stdint.h>
#include "panic.h"

extern uintptr_t __stack_chk_guard;
__attribute__((noreturn)) void __stack_chk_fail(void);

uintptr_t __stack_chk_guard = 0xc3a5c85c97cb3127;

void __stack_chk_fail(void)
{
	panic("a library overran its stack");
}
