// SPDX-License-Identifier: GPL-2.0-only
/* Configuration files: which ones, and in which order. */
#include "config_private.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/ini_file.h"

#define PLACE_MAX (PATH_MAX + 16)

/* The three places, the most important first. */
static const char *const places[] = {"/etc/thprace", "/run/thprace", "/usr/lib/thprace"};

#define NR_PLACES (sizeof(places) / sizeof(places[0]))

struct reading {
	struct config config;
	char where[CONFIG_KEYS][PLACE_MAX]; /* where a key was last set, "" for nowhere */
	struct ini_errors errors;
};

static bool take_section(void *context, const struct ini_file *file, const char *name)
{
	(void)context;
	(void)file;
	return config_key__section(name);
}

static bool take_key(void *context, const struct ini_file *file, const char *section,
		     const char *name, const char *value)
{
	int index = config_key__find(section, name);
	struct reading *reading = context;
	char why[CONFIG_WHY_MAX];

	if (index < 0)
		return false;
	if (config_key__set(&config_keys[index], &reading->config, value, why))
		ini_file__complain(file, "%s=: %s", name, why);
	else
		snprintf(reading->where[index], PLACE_MAX, "%.*s:%u", PATH_MAX,
			 ini_file__path(file), ini_file__line(file));
	return true;
}

static void read_file(struct reading *reading, const char *path)
{
	const struct ini_reader reader = {
		.manual = "thprace.conf(5)",
		.kind = "not a configuration",
		.limit = INI_FILE_TEXT_MAX,
		.account = "thpraced's account has to be able to read it",
		.section = take_section,
		.key = take_key,
		.context = reading,
	};

	ini_file__read(path, &reader, &reading->errors);
}

static bool exists(const char *path)
{
	struct stat st;

	/* A broken link exists: opening it reports what is wrong. */
	return !lstat(path, &st) || (errno != ENOENT && errno != ENOTDIR);
}

static void read_main(struct reading *reading, const char *root)
{
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < NR_PLACES; i++) {
		snprintf(path, sizeof(path), "%s%s/thprace.conf", root, places[i]);
		if (exists(path)) {
			read_file(reading, path);
			return;
		}
	}
}

/* File names of the drop-ins of all places, each once. */
struct names {
	char (*list)[NAME_MAX + 1];
	size_t nr;
};

static int add_name(struct names *names, const char *name)
{
	void *list;
	size_t i;

	for (i = 0; i < names->nr; i++) {
		if (!strcmp(names->list[i], name))
			return 0;
	}
	list = reallocarray(names->list, names->nr + 1, sizeof(names->list[0]));
	if (!list)
		return -ENOMEM;
	names->list = list;
	snprintf(names->list[names->nr++], NAME_MAX + 1, "%s", name);
	return 0;
}

static void list_folder(struct reading *reading, struct names *names, const char *path)
{
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (!dir) {
		if (errno != ENOENT)
			ini_errors__add(&reading->errors, -errno, path, "cannot be listed: %m");
		return;
	}
	while ((entry = readdir(dir))) {
		const char *suffix = strrchr(entry->d_name, '.');

		if (entry->d_name[0] == '.' || !suffix || strcmp(suffix, ".conf"))
			continue;
		if (add_name(names, entry->d_name)) {
			ini_errors__add(&reading->errors, -ENOMEM, path, "out of memory");
			break;
		}
	}
	closedir(dir);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void read_drop_ins(struct reading *reading, const char *root)
{
	struct names names = {0};
	char path[PATH_MAX];
	size_t i, j;

	for (i = 0; i < NR_PLACES; i++) {
		snprintf(path, sizeof(path), "%s%s/thprace.conf.d", root, places[i]);
		list_folder(reading, &names, path);
	}
	if (names.nr)
		qsort(names.list, names.nr, sizeof(names.list[0]), by_name);
	for (j = 0; j < names.nr; j++) {
		for (i = 0; i < NR_PLACES; i++) {
			int length = snprintf(path, sizeof(path), "%s%s/thprace.conf.d/%s", root,
					      places[i], names.list[j]);

			if (length < (int)sizeof(path) && exists(path)) {
				read_file(reading, path);
				break;
			}
		}
	}
	free(names.list);
}

/*
 * Checks that need the complete configuration. After other errors they would blame values that were
 * not read.
 */
static void check_whole(struct reading *reading)
{
	char why[CONFIG_WHY_MAX];
	size_t i;

	if (reading->errors.err)
		return;
	for (i = 0; i < CONFIG_ORDERS; i++) {
		const struct config_order *order = &config_orders[i];
		const char *where = reading->where[config_key__find(order->section, order->lesser)];

		/* At least one of them was set, because the defaults do not contradict. */
		if (!*where)
			where = reading->where[config_key__find(order->section, order->greater)];
		if (config_order__check(order, &reading->config, why))
			ini_errors__add(&reading->errors, -EINVAL, where, "%s", why);
	}
}

int config__load(struct config *config, const char *root, const char *path, char *why,
		 size_t why_size)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	int err;

	if (why_size)
		why[0] = '\0';
	if (!reading)
		return -ENOMEM;
	ini_errors__begin(&reading->errors, why, why_size);
	config__defaults(&reading->config);
	if (path) {
		read_file(reading, path);
	} else {
		read_main(reading, root);
		read_drop_ins(reading, root);
	}
	check_whole(reading);
	err = ini_errors__end(&reading->errors);
	if (!err)
		*config = reading->config;
	free(reading);
	return err;
}
