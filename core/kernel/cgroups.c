// SPDX-License-Identifier: GPL-2.0-only
#include "cgroups.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "base/clock.h"
#include "base/hash_map.h"

#define CGROUPS_MAX 1024 /* numbers that are remembered */
#define DEPTH_MAX 32
#define PAUSE_NS 100000000ULL /* between two searches of cgroups__find() */

struct cgroup {
	uint64_t id;
	char *path; /* NULL: not known */
};

/* Folders that are being read, from the root on. */
struct search {
	DIR *open[DEPTH_MAX]; /* NULL: beyond depth */
	unsigned int depth; /* 0: no search is under way */
	size_t length[DEPTH_MAX]; /* of the path of each */
	size_t count; /* it is for the first so many numbers … */
	size_t missing; /* … of which so many have no path yet */
	char path[CGROUPS_PATH_LEN]; /* with the root */
};

struct cgroups {
	char root[CGROUPS_PATH_LEN]; /* "": there is no such hierarchy */
	struct hash_map places; /* number → 1 + index in the list */
	struct cgroup list[CGROUPS_MAX];
	size_t count;
	size_t tried; /* so many of the list were looked for */
	struct search search;
	uint64_t found_at; /* ns CLOCK_MONOTONIC of the last step of cgroups__find(); 0: none */
};

static const char *mounted(void)
{
	static const char *const places[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	struct statfs fs;
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!statfs(places[i], &fs) && fs.f_type == CGROUP2_SUPER_MAGIC)
			return places[i];
	return "";
}

struct cgroups *cgroups__new(const char *root)
{
	struct cgroups *cgroups = calloc(1, sizeof(*cgroups));

	if (cgroups)
		snprintf(cgroups->root, sizeof(cgroups->root), "%s", root ? root : mounted());
	return cgroups;
}

static struct cgroup *get(const struct cgroups *cgroups, uint64_t id)
{
	uintptr_t place = (uintptr_t)hash_map__get(&cgroups->places, id);

	return place ? (struct cgroup *)&cgroups->list[place - 1] : NULL;
}

void cgroups__want(struct cgroups *cgroups, uint64_t id)
{
	if (!id || cgroups->count == CGROUPS_MAX || get(cgroups, id) ||
	    hash_map__set(&cgroups->places, id, (void *)(cgroups->count + 1)))
		return;
	cgroups->list[cgroups->count++] = (struct cgroup){.id = id};
}

/* A folder's number is that of its cgroup. */
static void take(struct cgroups *cgroups, uint64_t number, const char *path)
{
	struct cgroup *cgroup = get(cgroups, number);

	if (!cgroup || cgroup->path)
		return;
	cgroup->path = strdup(*path ? path : "/");
	if ((size_t)(cgroup - cgroups->list) < cgroups->search.count)
		cgroups->search.missing--;
}

static void enter(struct search *search)
{
	DIR *folder = search->depth < DEPTH_MAX ? opendir(search->path) : NULL;

	if (!folder)
		return; /* gone meanwhile, or not to be read */
	search->length[search->depth] = strlen(search->path);
	search->open[search->depth++] = folder;
}

static void end_search(struct search *search)
{
	while (search->depth)
		closedir(search->open[--search->depth]);
}

static void begin_search(struct cgroups *cgroups)
{
	struct search *search = &cgroups->search;
	struct stat st;

	search->count = cgroups->count;
	search->missing = cgroups->count - cgroups->tried;
	if (!*cgroups->root || stat(cgroups->root, &st))
		return;
	take(cgroups, st.st_ino, "");
	snprintf(search->path, sizeof(search->path), "%s", cgroups->root);
	enter(search);
}

/* One entry of the innermost folder. */
static void read_entry(struct cgroups *cgroups)
{
	struct search *search = &cgroups->search;
	size_t length = search->length[search->depth - 1];
	struct dirent *entry = readdir(search->open[search->depth - 1]);

	if (!entry) {
		closedir(search->open[--search->depth]);
		return;
	}
	if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
	    length + strlen(entry->d_name) + 2 > sizeof(search->path))
		return;
	sprintf(search->path + length, "/%s", entry->d_name);
	take(cgroups, entry->d_ino, search->path + strlen(cgroups->root));
	enter(search);
}

bool cgroups__step(struct cgroups *cgroups, unsigned int entries)
{
	struct search *search = &cgroups->search;

	if (cgroups->tried == cgroups->count)
		return true;
	if (!search->depth)
		begin_search(cgroups);
	while (search->depth && search->missing) {
		if (!entries--)
			return false;
		read_entry(cgroups);
	}
	end_search(search);
	cgroups->tried = search->count;
	return cgroups->tried == cgroups->count;
}

bool cgroups__any_untried(const struct cgroups *cgroups)
{
	return cgroups->tried < cgroups->count;
}

const char *cgroups__path(const struct cgroups *cgroups, uint64_t id)
{
	const struct cgroup *cgroup = get(cgroups, id);

	return cgroup ? cgroup->path : NULL;
}

const char *cgroups__find(struct cgroups *cgroups, uint64_t id)
{
	uint64_t now;

	cgroups__want(cgroups, id);
	if (cgroups__any_untried(cgroups) && !cgroups__path(cgroups, id)) {
		now = clock__now();
		if (!cgroups->found_at || now >= cgroups->found_at + PAUSE_NS) {
			cgroups__step(cgroups, CGROUPS_ENTRIES);
			cgroups->found_at = now;
		}
	}
	return cgroups__path(cgroups, id);
}

void cgroups__each(const struct cgroups *cgroups, size_t from,
		   void (*take_one)(void *ctx, uint64_t id, const char *path), void *ctx)
{
	for (; from < cgroups->count; from++)
		if (cgroups->list[from].path)
			take_one(ctx, cgroups->list[from].id, cgroups->list[from].path);
}

size_t cgroups__count(const struct cgroups *cgroups)
{
	return cgroups->count;
}

bool cgroups__full(const struct cgroups *cgroups)
{
	return cgroups->count == CGROUPS_MAX;
}

void cgroups__clear(struct cgroups *cgroups)
{
	size_t i;

	end_search(&cgroups->search);
	for (i = 0; i < cgroups->count; i++)
		free(cgroups->list[i].path);
	hash_map__free(&cgroups->places);
	cgroups->count = 0;
	cgroups->tried = 0;
}

void cgroups__free(struct cgroups *cgroups)
{
	if (!cgroups)
		return;
	cgroups__clear(cgroups);
	free(cgroups);
}
