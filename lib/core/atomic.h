/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Relaxed loads and stores of aligned words. GCC gives each __atomic one an address computation of
 * its own on arm64; a volatile access is the same single access there without it. Everything that
 * orders, and every other target and the thread sanitizer, uses the builtins.
 */
#ifndef CARILLON_CORE_ATOMIC_H
#define CARILLON_CORE_ATOMIC_H

#if defined(__aarch64__) && !defined(__SANITIZE_THREAD__)
#define load_relaxed(at)         (*(const volatile __typeof__(*(at)) *)(at))
#define store_relaxed(at, value) ((void)(*(volatile __typeof__(*(at)) *)(at) = (value)))
#else
#define load_relaxed(at)         __atomic_load_n(at, __ATOMIC_RELAXED)
#define store_relaxed(at, value) __atomic_store_n(at, value, __ATOMIC_RELAXED)
#endif

#endif
