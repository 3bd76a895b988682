// SPDX-License-Identifier: GPL-2.0-only
#include "races.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/btf.h>

#include "code/code.h"
#include "engine/kprobe_trial.h"
#include "image/image.h"
#include "kernel/target.h"
#include "progress.h"

#define NAMES_MAX 1024

static bool image_has(void *context, const char *function)
{
	const struct check_source *source = context;

	return image__symbol(source->image, function);
}

static int image_calls(void *context, const char *function, const char *callee)
{
	const struct check_source *source = context;

	return source->code ? code__calls(source->code, function, callee) : -1;
}

/*
 * The built-in races are planned with a file of BTF. An image has no such file: its BTF is in
 * memory.
 */
static int open_elsewhere(struct races_kernel *kernel, const char *btf, char *why, size_t why_size)
{
	struct target_options options = {.btf = btf, .elsewhere = true};
	const char *names[NAMES_MAX];
	char path[64];
	const void *data;
	size_t size;
	int fd = -1, err;

	if (!kernel->source.btf) {
		snprintf(why, why_size, "%s: no BTF, which races are checked against (--btf)",
			 kernel->source.from);
		return -ENOTSUP;
	}
	if (!btf) {
		data = image__btf(kernel->source.image, &size);
		fd = memfd_create("btf", MFD_CLOEXEC);
		if (fd < 0 || !data || write(fd, data, size) != (ssize_t)size) {
			snprintf(why, why_size, "cannot copy the image's BTF");
			err = -EIO;
			goto cleanup;
		}
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		options.btf = path;
	}
	err = target__new(&kernel->target, &options, names, probe__names(names, NAMES_MAX), why,
			  why_size);
	if (!err)
		probe__plan(&kernel->plan, kernel->target, THPRACE_PRECISE, PROBE_ATTACH_AUTO,
			    NULL);
	kernel->race.context = &kernel->source;
	if (kernel->source.image) {
		kernel->race.has = image_has;
		kernel->race.calls = image_calls;
	}

cleanup:
	if (fd >= 0)
		close(fd);
	return err;
}

static int open_running(struct races_kernel *kernel, const struct race_files *files, char *why,
			size_t why_size)
{
	static const struct target_options options = {.btf = NULL};
	struct probe_trial trial = {.calls = true, .functions = true};
	const char *names[NAMES_MAX];
	size_t count = probe__names(names, NAMES_MAX), i;
	int err;

	for (i = 0; i < files->count; i++)
		if (files->file[i].race)
			count = race_kernel__names(files->file[i].race, names, count, NAMES_MAX);
	err = target__new(&kernel->target, &options, names, count, why, why_size);
	if (err)
		return err;
	kprobe_trial__run(&trial, kernel->target, NULL, 0);
	probe__plan(&kernel->plan, kernel->target, THPRACE_PRECISE, PROBE_ATTACH_AUTO, &trial);
	kernel->race.target = kernel->target;
	kernel->btf = target__read_btf(kernel->target, why, why_size);
	return kernel->btf ? 0 : -ENOTSUP;
}

int races_kernel__open(struct races_kernel *kernel, const char *image, const char *btf,
		       const struct race_files *files, char *why, size_t why_size)
{
	const struct check_files from = {.kernel = image, .btf = btf};
	int err;

	memset(kernel, 0, sizeof(*kernel));
	kernel->elsewhere = image || btf;
	if (kernel->elsewhere) {
		progress__step(PROGRESS_IMAGE);
		err = check_source__open(&kernel->source, &from, why, why_size);
		progress__clear();
		if (!err)
			err = open_elsewhere(kernel, btf, why, why_size);
	} else {
		err = open_running(kernel, files, why, why_size);
	}
	if (err)
		return err;
	kernel->types = types__new(kernel->elsewhere ? kernel->source.btf : kernel->btf);
	kernel->race.types = kernel->types;
	if (!kernel->types)
		snprintf(why, why_size, "out of memory");
	return kernel->types ? 0 : -ENOMEM;
}

void races_kernel__close(struct races_kernel *kernel)
{
	race_loader__close(kernel->loader);
	types__free(kernel->types);
	btf__free(kernel->btf);
	target__free(kernel->target);
	if (kernel->elsewhere)
		check_source__release(&kernel->source);
}
