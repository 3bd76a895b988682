// SPDX-License-Identifier: GPL-2.0-only
#include "fentry.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define PROGRAMS_MAX 64

/* libbpf's handlers are global, and get no data from their caller. */
static struct {
	const struct bpf_program *program;
	uint32_t id;
} chosen[PROGRAMS_MAX];
static size_t chosen_count;

static int prepare(struct bpf_program *program, struct bpf_prog_load_opts *opts, long cookie)
{
	size_t i;

	(void)cookie;
	for (i = 0; i < chosen_count; i++)
		if (chosen[i].program == program)
			opts->attach_btf_id = chosen[i].id;
	return 0;
}

static int attach(const struct bpf_program *program, long cookie, struct bpf_link **link)
{
	(void)cookie;
	*link = bpf_program__attach_trace(program);
	return *link ? 0 : -errno;
}

int fentry__setup(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, options);
	static bool done;
	int id;

	if (done)
		return 0;
	options.prog_prepare_load_fn = prepare;
	options.prog_attach_fn = attach;
	id = libbpf_register_prog_handler("fentry", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY,
					  &options);
	if (id >= 0)
		id = libbpf_register_prog_handler("fexit", BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT,
						  &options);
	done = id >= 0;
	return done ? 0 : id;
}

int fentry__choose(const struct bpf_program *program, uint32_t id)
{
	if (chosen_count == PROGRAMS_MAX)
		return -E2BIG;
	chosen[chosen_count].program = program;
	chosen[chosen_count++].id = id;
	return 0;
}

void fentry__forget(void)
{
	chosen_count = 0;
}
