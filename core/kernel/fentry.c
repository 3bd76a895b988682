// SPDX-License-Identifier: GPL-2.0-only
#include "fentry.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/number.h"

/* libbpf's handlers are global, and get no data from their caller. */
static struct {
	const struct bpf_program *program;
	uint32_t id;
} chosen[FENTRY_PROGRAMS_MAX];
static size_t chosen_count;
static struct fentry_notes *noting;

static void note(const struct bpf_program *program, const struct bpf_prog_load_opts *opts)
{
	if (!noting || noting->count == FENTRY_PROGRAMS_MAX)
		return;
	noting->of[noting->count] = program;
	noting->program[noting->count++] = (struct fentry_program){
		.insn = bpf_program__insns(program),
		.count = bpf_program__insn_cnt(program),
		.function = opts->attach_btf_id,
		.attach_type = opts->expected_attach_type,
		.btf = opts->prog_btf_fd,
		.func_info = opts->func_info,
		.func_info_size = opts->func_info_rec_size,
		.func_info_count = opts->func_info_cnt,
	};
}

static int prepare(struct bpf_program *program, struct bpf_prog_load_opts *opts, long cookie)
{
	size_t i;

	(void)cookie;
	for (i = 0; i < chosen_count; i++)
		if (chosen[i].program == program)
			opts->attach_btf_id = chosen[i].id;
	note(program, opts);
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
	if (chosen_count == FENTRY_PROGRAMS_MAX)
		return -E2BIG;
	chosen[chosen_count].program = program;
	chosen[chosen_count++].id = id;
	return 0;
}

void fentry__forget(void)
{
	chosen_count = 0;
}

bool fentry__once(const char *release)
{
	uint64_t major, minor;

	return number__release(&release, &major, &minor) &&
	       (major < 5 || (major == 5 && minor < 13));
}

void fentry__note(struct fentry_notes *notes)
{
	if (notes)
		notes->count = 0;
	noting = notes;
}

const struct fentry_program *fentry__noted(const struct fentry_notes *notes,
					   const struct bpf_program *program)
{
	size_t i;

	for (i = 0; i < notes->count; i++)
		if (notes->of[i] == program)
			return &notes->program[i];
	return NULL;
}

int fentry__load(const struct fentry_program *program)
{
	struct bpf_prog_load_opts options = {
		.sz = sizeof(options),
		.expected_attach_type = program->attach_type,
		.attach_btf_id = program->function,
		.prog_btf_fd = program->btf,
		.func_info = program->func_info,
		.func_info_rec_size = program->func_info_size,
		.func_info_cnt = program->func_info_count,
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "thprace_again", "GPL", program->insn,
			       program->count, &options);

	return fd < 0 ? -errno : fd;
}
