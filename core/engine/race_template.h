/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs of races from files: bpf/race.bpf.c has a template for each kind of event. A program for
 * an event is a copy of it, with the event's instructions and numbers.
 */
#ifndef THPRACE_RACE_TEMPLATE_H
#define THPRACE_RACE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/race_slot.h>

struct bpf_insn;
struct bpf_object;

#define RACE_TEMPLATES_MAX 16

struct race_template {
	char name[24];
	struct bpf_insn *insn; /* as libbpf would load it */
	size_t count;
	void *func_info; /* so that global functions are verified once */
	uint32_t func_info_size, func_info_count;
};

struct race_templates {
	struct race_template template[RACE_TEMPLATES_MAX];
	size_t count;
	int btf; /* descriptor of the object's BTF, owned by the object */
};

/*
 * Let libbpf know of such programs. Call it before any object with them is opened; it may be called
 * repeatedly. 0 or negative errno.
 */
int race_templates__setup(void);

/*
 * Choose the templates of an object that is open, but not loaded: they are wanted, or not; held: those
 * that wait are wanted too.
 */
void race_templates__choose(struct bpf_object *object, bool wanted, bool held);

/*
 * Until the next call, copies of the templates that libbpf loads are kept in templates; NULL: no
 * longer. To be released.
 */
void race_templates__capture(struct race_templates *templates);
void race_templates__release(struct race_templates *templates);

/* NULL: there is none of this name. */
const struct race_template *race_templates__find(const struct race_templates *templates,
						 const char *name);

/* A copy of a template that is being filled in. */
struct race_copy {
	struct bpf_insn *insn;
	size_t count;
	void *func_info;
	uint32_t func_info_size, func_info_count;
};

void race_copy__free(struct race_copy *copy);

/* 0 or -ENOMEM; to be released. */
int race_copy__make(struct race_copy *copy, const struct race_template *template);

/* Replace a number wherever it is used. */
void race_copy__number(struct race_copy *copy, enum thprace_race_number which, uint32_t number);

/*
 * Decide all branches by these flags, THPRACE_RACE_HAS_* and THPRACE_RACE_IS_*, and leave out what nothing
 * reaches then, functions too: before the rooms are filled in. 0 or -ENOMEM.
 */
int race_copy__decide(struct race_copy *copy, uint32_t flags);

/*
 * The next room for instructions of that part, after the instructions before *from, which goes on:
 * the compiler may have made several. *frame is the register that has the frame's address. NULL:
 * there is no other. Returns space for THPRACE_RACE_ROOM - 2 instructions, to be completed with
 * race_copy__end().
 */
struct bpf_insn *race_copy__room(struct race_copy *copy, enum thprace_race_code part, size_t *from,
				 int *frame);

/* count instructions were written there: the rest of the room is left out. */
void race_copy__end(struct bpf_insn *room, size_t count);

/*
 * All rooms are filled in: what was left out is removed. The kernel would do it as well, but it copies
 * and hashes the whole program before that. 0 or -ENOMEM.
 */
int race_copy__close_up(struct race_copy *copy);

#endif
