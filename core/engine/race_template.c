// SPDX-License-Identifier: GPL-2.0-only
#include "race_template.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define SECTION "race"
#define LEFT_OUT 0xff /* no instruction has this code */

/* libbpf's handlers are global, and get no data from their caller. */
static struct race_templates *capturing;

static void *copy_of(const void *data, size_t size)
{
	void *copy = data && size ? malloc(size) : NULL;

	if (copy)
		memcpy(copy, data, size);
	return copy;
}

/* A template is attached nowhere, so that the kernel need not verify it: it gets this instead. */
static int replace(struct bpf_program *program, struct bpf_prog_load_opts *opts)
{
	struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};

	opts->func_info_cnt = 0;
	opts->line_info_cnt = 0;
	return bpf_program__set_insns(program, nothing, sizeof(nothing) / sizeof(*nothing));
}

/* Here libbpf has relocated everything, and has appended the functions that are called. */
static int prepare(struct bpf_program *program, struct bpf_prog_load_opts *opts, long cookie)
{
	struct race_template *to;

	(void)cookie;
	if (!capturing)
		return 0;
	if (capturing->count == RACE_TEMPLATES_MAX)
		return -E2BIG;
	to = &capturing->template[capturing->count];
	snprintf(to->name, sizeof(to->name), "%s", bpf_program__name(program));
	to->count = bpf_program__insn_cnt(program);
	to->insn = copy_of(bpf_program__insns(program), to->count * sizeof(*to->insn));
	if (!to->insn)
		return -ENOMEM;
	capturing->count++;
	to->func_info_size = opts->func_info_rec_size;
	to->func_info =
		copy_of(opts->func_info, (size_t)opts->func_info_cnt * opts->func_info_rec_size);
	to->func_info_count = to->func_info ? opts->func_info_cnt : 0;
	capturing->btf = (int)opts->prog_btf_fd;
	return replace(program, opts);
}

int race_templates__setup(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, options);
	static bool done;
	int id;

	if (done)
		return 0;
	options.prog_prepare_load_fn = prepare;
	id = libbpf_register_prog_handler(SECTION, BPF_PROG_TYPE_KPROBE, 0, &options);
	done = id >= 0;
	return done ? 0 : id;
}

void race_templates__choose(struct bpf_object *object, bool wanted, bool held)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		if (strcmp(bpf_program__section_name(program), SECTION))
			continue;
		bpf_program__set_autoload(
			program, wanted && (held || !strstr(bpf_program__name(program), "_held")));
	}
}

void race_templates__capture(struct race_templates *templates)
{
	if (templates)
		race_templates__release(templates);
	capturing = templates;
}

void race_templates__release(struct race_templates *templates)
{
	size_t i;

	for (i = 0; i < templates->count; i++) {
		free(templates->template[i].insn);
		free(templates->template[i].func_info);
	}
	memset(templates, 0, sizeof(*templates));
}

const struct race_template *race_templates__find(const struct race_templates *templates,
						 const char *name)
{
	size_t i;

	for (i = 0; i < templates->count; i++)
		if (!strcmp(templates->template[i].name, name))
			return &templates->template[i];
	return NULL;
}

void race_copy__free(struct race_copy *copy)
{
	free(copy->insn);
	free(copy->func_info);
	*copy = (struct race_copy){0};
}

int race_copy__make(struct race_copy *copy, const struct race_template *template)
{
	*copy = (struct race_copy){
		.insn = copy_of(template->insn, template->count * sizeof(*copy->insn)),
		.count = template->count,
		.func_info = copy_of(template->func_info,
				     (size_t) template->func_info_count * template->func_info_size),
		.func_info_size = template->func_info_size,
		.func_info_count = template->func_info_count,
	};
	if (copy->insn && (copy->func_info || !template->func_info))
		return 0;
	race_copy__free(copy);
	return -ENOMEM;
}

/* The move of a marked number to a register. */
static bool is_move(const struct bpf_insn *insn, uint32_t number)
{
	return insn->code == (BPF_ALU64 | BPF_MOV | BPF_K) && (uint32_t)insn->imm == number;
}

void race_copy__number(struct race_copy *copy, enum thprace_race_number which, uint32_t number)
{
	size_t i;

	for (i = 0; i < copy->count; i++)
		if (is_move(&copy->insn[i], THPRACE_RACE_NUMBER + which))
			copy->insn[i].imm = (int32_t)number;
}

struct bpf_insn *race_copy__room(struct race_copy *copy, enum thprace_race_code part, size_t *from,
				 int *frame)
{
	size_t i;

	for (i = *from; i + 2 + THPRACE_RACE_ROOM <= copy->count; i++) {
		if (!is_move(&copy->insn[i], THPRACE_RACE_CODE + part) ||
		    copy->insn[i + 1].code != (BPF_ALU64 | BPF_MOV | BPF_X))
			continue;
		*frame = copy->insn[i + 1].src_reg;
		*from = i + 2 + THPRACE_RACE_ROOM;
		return &copy->insn[i + 2];
	}
	return NULL;
}

void race_copy__end(struct bpf_insn *room, size_t count)
{
	for (; count < THPRACE_RACE_ROOM; count++)
		room[count] = (struct bpf_insn){.code = LEFT_OUT};
}

/* --- what can be reached --- */

static bool is_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL;
}

static bool is_jump(const struct bpf_insn *insn)
{
	const int class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);

	return insn->code != LEFT_OUT && (class == BPF_JMP || class == BPF_JMP32) &&
	       op != BPF_CALL && op != BPF_EXIT;
}

static bool is_goto(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_JA);
}

/* A marked move, and the jump behind it if that is 0. */
static void decide(struct bpf_insn insn[2], uint32_t flags)
{
	const bool holds = (insn[0].imm & THPRACE_RACE_IF_FLAGS & flags) != 0;

	insn[0].code = LEFT_OUT;
	if (holds)
		insn[1].code = LEFT_OUT;
	else
		insn[1] = (struct bpf_insn){.code = BPF_JMP | BPF_JA, .off = insn[1].off};
}

/* Where to go on from an instruction; the other way is added to those that wait. count: an end. */
static size_t next_of(const struct race_copy *copy, size_t i, uint32_t *waiting, size_t *waits)
{
	const struct bpf_insn *insn = &copy->insn[i];

	if (insn->code == (BPF_JMP | BPF_EXIT))
		return copy->count;
	if (is_goto(insn))
		return i + 1 + insn->off;
	if (is_call(insn))
		waiting[(*waits)++] = (uint32_t)(i + 1 + insn->imm);
	else if (is_jump(insn))
		waiting[(*waits)++] = (uint32_t)(i + 1 + insn->off);
	return i + 1;
}

/* Each instruction waits at most once for each jump to it, and each jumps once. */
static void reach(const struct race_copy *copy, bool *reached, uint32_t *waiting)
{
	size_t waits = 1, i;

	waiting[0] = 0;
	while (waits) {
		i = waiting[--waits];
		while (i < copy->count && !reached[i]) {
			reached[i] = true;
			i = next_of(copy, i, waiting, &waits);
		}
	}
}

static void drop_functions(struct race_copy *copy, const bool *reached)
{
	char *info = copy->func_info, *to = info;
	uint32_t i, count = copy->func_info_count;

	for (i = 0; i < count; i++, info += copy->func_info_size) {
		if (!reached[*(uint32_t *)info]) {
			copy->func_info_count--;
			continue;
		}
		memmove(to, info, copy->func_info_size);
		to += copy->func_info_size;
	}
}

/* A jump to the next one of those that stay. */
static bool leads_on(const struct race_copy *copy, size_t i)
{
	size_t next = i + 1;

	if (!is_goto(&copy->insn[i]) || copy->insn[i].off < 0)
		return false;
	while (next < i + 1 + copy->insn[i].off && copy->insn[next].code == LEFT_OUT)
		next++;
	return next == i + 1 + copy->insn[i].off;
}

int race_copy__decide(struct race_copy *copy, uint32_t flags)
{
	bool *reached = calloc(copy->count, sizeof(*reached));
	uint32_t *waiting = calloc(copy->count + 1, sizeof(*waiting));
	size_t i;

	if (!reached || !waiting) {
		free(reached);
		free(waiting);
		return -ENOMEM;
	}
	for (i = 0; i + 1 < copy->count; i++)
		if (is_move(&copy->insn[i], THPRACE_RACE_IF + ((uint32_t)copy->insn[i].imm &
							       THPRACE_RACE_IF_FLAGS)))
			decide(&copy->insn[i], flags);
	reach(copy, reached, waiting);
	drop_functions(copy, reached);
	for (i = 0; i < copy->count; i++)
		if (!reached[i])
			copy->insn[i].code = LEFT_OUT;
	for (i = 0; i < copy->count; i++)
		if (leads_on(copy, i))
			copy->insn[i].code = LEFT_OUT;
	free(reached);
	free(waiting);
	return 0;
}

/* --- closing up --- */

/* insn was number `old'. at: where each one goes, from 0. */
static void move(struct bpf_insn *insn, size_t old, const uint32_t *at)
{
	const int64_t next = (int64_t)old + 1;

	if (is_call(insn))
		insn->imm = (int32_t)(at[next + insn->imm] - at[old] - 1);
	else if (is_jump(insn))
		insn->off = (int16_t)(at[next + insn->off] - at[old] - 1);
}

static void move_functions(struct race_copy *copy, const uint32_t *at)
{
	uint32_t i, *offset;

	for (i = 0; i < copy->func_info_count; i++) {
		offset = (uint32_t *)((char *)copy->func_info + (size_t)i * copy->func_info_size);
		*offset = at[*offset];
	}
}

int race_copy__close_up(struct race_copy *copy)
{
	uint32_t *at = calloc(copy->count + 1, sizeof(*at));
	size_t i, used = 0;

	if (!at)
		return -ENOMEM;
	for (i = 0; i < copy->count; i++)
		at[i + 1] = at[i] + (copy->insn[i].code != LEFT_OUT);
	for (i = 0; i < copy->count; i++) {
		if (copy->insn[i].code == LEFT_OUT)
			continue;
		copy->insn[used] = copy->insn[i];
		move(&copy->insn[used++], i, at);
	}
	copy->count = used;
	move_functions(copy, at);
	free(at);
	return 0;
}
