// SPDX-License-Identifier: GPL-2.0-only
#include "race_set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "race/race_files.h"

struct race_set {
	const struct race *race[RACE_SET_MAX];
	struct stat file[RACE_SET_MAX]; /* before it was read */
	size_t count;
};

/* What is being read. */
struct reading {
	struct race_set *set;
	struct race_files folders;
	struct race_files given; /* by their paths: they may have the name of one in a folder */
	char *why;
	size_t size, used;
	int err; /* of the first error */
};

/* A line of errors; text may have several. */
static void complain(struct reading *reading, int err, const char *text)
{
	if (!reading->err)
		reading->err = err;
	if (reading->used < reading->size)
		reading->used += (size_t)snprintf(reading->why + reading->used,
						  reading->size - reading->used, "%s%s",
						  reading->used ? "\n" : "", text);
}

/* A file that is wrong has no name but that of the file. */
static const struct race_file *find_wrong(const struct race_files *files, const char *name)
{
	const struct race_file *file;
	const char *base;
	size_t i, length = strlen(name);

	for (i = 0; i < files->count; i++) {
		file = &files->file[i];
		base = strrchr(file->path, '/');
		base = base ? base + 1 : file->path;
		if (!file->race && !strncmp(base, name, length) && !strcmp(base + length, ".race"))
			return file;
	}
	return NULL;
}

static struct race_file *find(struct reading *reading, const char *word)
{
	const struct race_file *file;
	char text[2 * CONFIG_PATH_MAX];

	if (*word == '/') {
		file = race_files__add(&reading->given, word);
		if (!file)
			complain(reading, -ENOMEM, "too many race files, or out of memory");
		return (struct race_file *)file;
	}
	file = race_files__find(&reading->folders, word);
	if (!file)
		file = find_wrong(&reading->folders, word);
	if (!file) {
		snprintf(text, sizeof(text),
			 "[observe] races=: there is no race '%s' in the folders of "
			 "thprace.race(5)",
			 word);
		complain(reading, -ENOENT, text);
	}
	return (struct race_file *)file;
}

/* Is a race of this name in the set? If it is from another file, that is an error. */
static bool is_in(struct reading *reading, const struct race *race, const struct stat *st)
{
	const struct race_set *set = reading->set;
	char text[2 * CONFIG_PATH_MAX + 128];
	size_t i;

	for (i = 0; i < set->count; i++) {
		if (strcmp(set->race[i]->name, race->name))
			continue;
		if (set->file[i].st_dev != st->st_dev || set->file[i].st_ino != st->st_ino) {
			snprintf(text, sizeof(text), "%s: the name '%s' is taken by %s", race->path,
				 race->name, set->race[i]->path);
			complain(reading, -EINVAL, text);
		}
		return true;
	}
	return false;
}

static void take(struct reading *reading, const char *word)
{
	struct race_file *file = find(reading, word);
	struct race_set *set = reading->set;
	char why[2 * CONFIG_PATH_MAX + 128];
	struct stat st;
	int err;

	if (!file)
		return;
	err = race_files__trusted(file->path, why, sizeof(why));
	if (!err && stat(file->path, &st))
		err = -errno;
	if (err) {
		complain(reading, err, why);
	} else if (!file->race) {
		complain(reading, -EINVAL, file->why);
	} else if (set->count < RACE_SET_MAX && !is_in(reading, file->race, &st)) {
		set->file[set->count] = st;
		set->race[set->count++] = file->race;
		file->race = NULL; /* the set's now */
	}
}

int race_set__read(struct race_set **result, const char *names, char *why, size_t why_size)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	char words[CONFIG_PATH_MAX], *word, *rest = NULL;
	int err = -ENOMEM;

	*result = calloc(1, sizeof(**result));
	snprintf(why, why_size, "out of memory");
	if (!reading || !*result)
		goto cleanup;
	*reading = (struct reading){.set = *result, .why = why, .size = why_size};
	snprintf(words, sizeof(words), "%s", names);
	err = *names ? race_files__read(&reading->folders, "") : 0;
	if (err)
		goto cleanup;
	for (word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		take(reading, word);
	err = reading->err;

cleanup:
	if (reading) {
		race_files__release(&reading->given);
		race_files__release(&reading->folders);
	}
	free(reading);
	if (err) {
		race_set__free(*result);
		*result = NULL;
	}
	return err;
}

int race_set__check(const char *names, char *why, size_t why_size)
{
	struct race_set *set;
	int err = race_set__read(&set, names, why, why_size);

	race_set__free(set);
	return err;
}

bool race_set__same(const struct race_set *a, const struct race_set *b)
{
	const struct stat *x, *y;
	size_t i;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++) {
		x = &a->file[i];
		y = &b->file[i];
		/* Whoever writes to a file sets this time. */
		if (x->st_dev != y->st_dev || x->st_ino != y->st_ino || x->st_size != y->st_size ||
		    x->st_ctim.tv_sec != y->st_ctim.tv_sec ||
		    x->st_ctim.tv_nsec != y->st_ctim.tv_nsec)
			return false;
	}
	return true;
}

const struct race *const *race_set__list(const struct race_set *set, size_t *count)
{
	*count = set->count;
	return set->race;
}

void race_set__free(struct race_set *set)
{
	size_t i;

	if (!set)
		return;
	for (i = 0; i < set->count; i++)
		race__free((struct race *)set->race[i]);
	free(set);
}
