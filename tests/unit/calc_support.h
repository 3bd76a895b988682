/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Expressions on the fake kernel: its BTF, with fake_walk(), and the steps from an expression to
 * instructions.
 */
#ifndef TESTS_CALC_SUPPORT_H
#define TESTS_CALC_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <bpf/btf.h>
#include "tiny_machine.h"
#include "fake_kernel.h"
#include "race/calc_emit.h"

#define FAKE_WALK "fake_walk"
#define ARGUMENTS 10

/* The BTF, with the members of struct fake_arguments as arguments of fake_walk(), which returns an int. */
struct btf *fake_btf(void);

/* For fentry: the context has an argument in each 8 bytes, and the result after them. */
struct calc_places fake_places(void);

#endif
