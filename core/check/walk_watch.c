// SPDX-License-Identifier: GPL-2.0-only
#include "walk_watch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "kernel/target.h"
#include "watch.skel.h"

#define SETTLE_TRIES 100 /* of 10 ms */
#define LINKS_MAX 7
#define ENOTSUPP_KERNEL 524 /* not known to strerror(): no direct calls */

struct point {
	const char *function;
	const char *name; /* of its programs, before _fentry and so on */
	const char *param; /* name that the parameter at position `at` must have, or NULL */
	int at;
	bool returns; /* its return is watched as well */
	bool needed;
	int counts; /* enum thprace_watch_function, or -1 */
};

/* In the order of attaching: a function that calls another one comes after it. */
static const struct point points[] = {
	{"page_vma_mapped_walk", "walk", "pvmw", 0, false, true, -1},
	{"memory_failure", "poison", NULL, 0, true, false, -1},
	{"try_to_unmap", "unmap", "flags", 1, true, true, THPRACE_WATCH_UNMAP},
	{"try_to_migrate", "migrate", "flags", 1, true, false, THPRACE_WATCH_MIGRATE},
};

#define POINTS (sizeof(points) / sizeof(points[0]))

struct walk_watch {
	struct target *target;
	struct watch_bpf *skel;
	struct bpf_link *links[LINKS_MAX];
	size_t nr_links;
	bool there[POINTS];
	bool fentry;
	uint64_t started;
};

/* Which functions exist, and whether fentry can be used for all. 0, or negative errno and why. */
static int look(struct walk_watch *watch, char *why, size_t why_size)
{
	struct target_function function;
	const struct point *point;
	const char *name;
	bool known;
	size_t i;

	watch->fentry = target__own_btf(watch->target);
	for (i = 0; i < POINTS; i++) {
		point = &points[i];
		name = point->function;
		watch->there[i] = target__has_symbol(watch->target, name) &&
				  target__traceable(watch->target, name);
		if (!watch->there[i] && !point->needed)
			continue;
		if (!watch->there[i]) {
			snprintf(why, why_size,
				 "%s: not in this kernel, inlined, or not traceable: nothing can "
				 "be watched",
				 name);
			return -EOPNOTSUPP;
		}
		known = target__function(watch->target, name, &function);
		if (point->param && (!known || function.nargs <= point->at ||
				     strcmp(function.param[point->at], point->param))) {
			snprintf(why, why_size,
				 "%s: its parameter %d is not '%s' in BTF, so its arguments are "
				 "not known",
				 name, point->at + 1, point->param);
			return -EOPNOTSUPP;
		}
		watch->fentry = watch->fentry && known && function.simple;
	}
	return 0;
}

static struct bpf_program *program(const struct walk_watch *watch, const struct point *point,
				   bool entry)
{
	char name[32];

	snprintf(name, sizeof(name), "%s_%s", point->name,
		 watch->fentry ? (entry ? "fentry" : "fexit") : (entry ? "kprobe" : "kretprobe"));
	return bpf_object__find_program_by_name(watch->skel->obj, name);
}

static int choose(const struct walk_watch *watch)
{
	struct bpf_program *one;
	int err = 0, entry;
	size_t i;

	for (one = bpf_object__next_program(watch->skel->obj, NULL); one;
	     one = bpf_object__next_program(watch->skel->obj, one))
		bpf_program__set_autoload(one, false);
	for (i = 0; i < POINTS && !err; i++) {
		for (entry = !points[i].returns; entry < 2 && watch->there[i] && !err; entry++) {
			one = program(watch, &points[i], entry);
			if (!one)
				return -ENOENT;
			bpf_program__set_autoload(one, true);
			if (watch->fentry)
				err = bpf_program__set_attach_target(one, 0, points[i].function);
		}
	}
	return err;
}

static int attach(struct walk_watch *watch)
{
	struct bpf_program *one;
	struct bpf_link *link;
	int entry;
	size_t i;

	for (i = 0; i < POINTS; i++) {
		for (entry = !points[i].returns; entry < 2 && watch->there[i]; entry++) {
			one = program(watch, &points[i], entry);
			link = watch->fentry ? bpf_program__attach(one)
					     : bpf_program__attach_kprobe(one, !entry,
									  points[i].function);
			if (!link)
				return -errno;
			watch->links[watch->nr_links++] = link;
		}
	}
	return 0;
}

static void drop(struct walk_watch *watch)
{
	while (watch->nr_links)
		bpf_link__destroy(watch->links[--watch->nr_links]);
	watch_bpf__destroy(watch->skel);
	watch->skel = NULL;
}

static int try_once(struct walk_watch *watch)
{
	LIBBPF_OPTS(bpf_object_open_opts, options);
	int err;

	options.btf_custom_path = target__btf_file(watch->target);
	watch->skel = watch_bpf__open_opts(&options);
	if (!watch->skel)
		return -errno;
	err = choose(watch);
	if (!err)
		err = watch_bpf__load(watch->skel);
	if (!err)
		err = attach(watch);
	if (err)
		drop(watch);
	return err;
}

/* Replaces libbpf's own messages by one sentence. */
static int load(struct walk_watch *watch, enum probe_attach attach_by, char *why, size_t why_size)
{
	libbpf_print_fn_t print = NULL;
	int err;

	if (!getenv("THPRACE_DEBUG"))
		print = libbpf_set_print(NULL);
	err = try_once(watch);
	if (err && watch->fentry && attach_by == PROBE_ATTACH_AUTO) {
		watch->fentry = false;
		err = try_once(watch);
	}
	if (!getenv("THPRACE_DEBUG"))
		libbpf_set_print(print);
	if (err == -EPERM || err == -EACCES)
		snprintf(why, why_size,
			 "the kernel refuses to load BPF programs: %s. Run as root (CAP_BPF and "
			 "CAP_PERFMON), and see whether kernel lockdown or a container forbids it",
			 strerror(-err));
	else if (err)
		snprintf(why, why_size, "cannot load and attach the BPF programs: %s",
			 err == -ENOTSUPP_KERNEL ? "not supported by this kernel" : strerror(-err));
	return err;
}

int walk_watch__open(struct walk_watch **result, enum probe_attach attach_by, char *why,
		     size_t why_size)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct walk_watch *watch = calloc(1, sizeof(*watch));
	const char *names[POINTS];
	size_t i;
	int err;

	if (!watch) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	for (i = 0; i < POINTS; i++)
		names[i] = points[i].function;
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	setrlimit(RLIMIT_MEMLOCK, &unlimited); /* before 5.11 BPF memory counts as locked memory */
	err = target__new(&watch->target, &(struct target_options){0}, names, POINTS, why,
			  why_size);
	if (!err)
		err = look(watch, why, why_size);
	if (!err && attach_by == PROBE_ATTACH_FENTRY && !watch->fentry) {
		snprintf(why, why_size, "fentry cannot be used for the functions to be watched");
		err = -EOPNOTSUPP;
	}
	if (attach_by == PROBE_ATTACH_KPROBE)
		watch->fentry = false;
	if (!err)
		err = load(watch, attach_by, why, why_size);
	if (err) {
		walk_watch__close(watch);
		return err;
	}
	*result = watch;
	return 0;
}

void walk_watch__start(struct walk_watch *watch)
{
	watch->started = clock__now();
	__atomic_store_n(&watch->skel->bss->watching, 1, __ATOMIC_SEQ_CST);
}

static size_t entries(const struct bpf_map *map)
{
	uint32_t key, next;
	size_t count = 0;
	bool more = !bpf_map_get_next_key(bpf_map__fd(map), NULL, &next);

	for (; more; count++) {
		key = next;
		more = !bpf_map_get_next_key(bpf_map__fd(map), &key, &next);
	}
	return count;
}

void walk_watch__stop(struct walk_watch *watch, struct check_watch *seen)
{
	struct timespec pause = {.tv_nsec = 10000000};
	uint64_t left;
	size_t i;
	int try;

	memset(seen, 0, sizeof(*seen));
	__atomic_store_n(&watch->skel->bss->watching, 0, __ATOMIC_SEQ_CST);
	seen->seconds = (clock__now() - watch->started) / 1e9;
	for (try = 0; try < SETTLE_TRIES; try++) {
		nanosleep(&pause, NULL); /* programs under way end within the first pause */
		left = entries(watch->skel->maps.calls) + entries(watch->skel->maps.poisoners);
		if (!left)
			break;
	}
	seen->lost = watch->skel->bss->lost + left;
	seen->how = watch->fentry ? "fentry" : "kprobe";
	memcpy(seen->counts, watch->skel->bss->counts, sizeof(seen->counts));
	for (i = 0; i < POINTS; i++) {
		if (points[i].counts >= 0)
			seen->there[points[i].counts] = watch->there[i];
		else if (points[i].returns)
			seen->poison = watch->there[i];
	}
}

void walk_watch__close(struct walk_watch *watch)
{
	if (!watch)
		return;
	drop(watch);
	target__free(watch->target);
	free(watch);
}
