// SPDX-License-Identifier: GPL-2.0-only
#include "race_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <thprace/race_interval.h>

#include "base/names.h"
#include "race/race_attach.h"
#include "race/race_program.h"

#define LOG_SIZE 65536

struct race_loader {
	int map; /* one interval */
	struct bpf_insn insn[RACE_PROGRAM_MAX];
	char log[LOG_SIZE];
};

int race_loader__open(struct race_loader **loader)
{
	int err;

	*loader = calloc(1, sizeof(**loader));
	if (!*loader)
		return -ENOMEM;
	(*loader)->map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "race_interval", sizeof(__u32),
					sizeof(struct thprace_race_interval), 1, NULL);
	if ((*loader)->map >= 0)
		return 0;
	err = -errno;
	free(*loader);
	*loader = NULL;
	return err;
}

void race_loader__close(struct race_loader *loader)
{
	if (loader)
		close(loader->map);
	free(loader);
}

/* The verifier's last message comes before its statistics. */
static void say_why(struct race_loader *loader, int err, char *why, size_t why_size)
{
	char *end = strstr(loader->log, "\nprocessed "), *line;

	if (end)
		*end = '\0';
	line = strrchr(loader->log, '\n');
	line = line ? line + 1 : loader->log;
	names__clean(why, why_size, *line ? line : strerror(err), why_size, 0);
}

/* Returns the number of instructions; 0: refused, and the verifier's message is in why. */
static int try_as_planned(struct race_loader *loader, const struct race_point *point,
			  const struct types *types, char *why, size_t why_size)
{
	const bool trampoline = race_how__trampoline(point->how);
	struct bpf_prog_load_opts options = {
		.sz = sizeof(options),
		.log_buf = loader->log,
		.log_size = LOG_SIZE,
		.log_level = 1,
	};
	int count, fd;

	count = race_program__write(point, types, loader->map, loader->insn);
	if (count < 0) {
		snprintf(why, why_size, "its expressions take too many instructions");
		return 0;
	}
	if (trampoline) {
		options.expected_attach_type = point->how == RACE_HOW_FENTRY ? BPF_TRACE_FENTRY
									     : BPF_TRACE_FEXIT;
		options.attach_btf_id = types__find(types, point->place->function, BTF_KIND_FUNC);
	}
	loader->log[0] = '\0';
	fd = bpf_prog_load(trampoline ? BPF_PROG_TYPE_TRACING : BPF_PROG_TYPE_KPROBE, "race_point",
			   "GPL", loader->insn, (size_t)count, &options);
	if (fd < 0) {
		say_why(loader, errno, why, why_size);
		return 0;
	}
	close(fd);
	return count;
}

/* If a trampoline is refused (5.10 accepts no pointers to numbers), kprobes are left. */
void race_loader__try(struct race_loader *loader, struct race_point *point,
		      const struct types *types, struct race_loaded *loaded)
{
	const bool trampoline = race_how__trampoline(point->how);
	const enum race_how how = point->how;

	*loaded = (struct race_loaded){0};
	loaded->instructions =
		try_as_planned(loader, point, types, loaded->why, sizeof(loaded->why));
	if (loaded->instructions || !trampoline)
		return;
	point->by_helper = true;
	loaded->instructions =
		try_as_planned(loader, point, types, loaded->why, sizeof(loaded->why));
	if (loaded->instructions)
		return;
	if (race_attach__kprobe(point, types))
		loaded->instructions =
			try_as_planned(loader, point, types, point->reason, sizeof(point->reason));
	if (!loaded->instructions)
		point->how = how;
}
