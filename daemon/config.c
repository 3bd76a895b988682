// SPDX-License-Identifier: GPL-2.0-only
/* The keys of the configuration: defaults, limits, and contradictions. */
#include "config_private.h"
#include "race_set.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define KIB (1ULL << 10)
#define MIB (1ULL << 20)
#define TIB (1ULL << 40)
#define MINUTE 60ULL
#define HOUR 3600ULL
#define DAY 86400ULL
#define DECADE (3650 * DAY)
#define UNIX_PATH_MAX 107 /* of struct sockaddr_un, without the NUL */

#define KEY(section, name, fallback, type, min, max)                                            \
	{                                                                                       \
#section, #name, fallback, &(type), offsetof(struct config, section.name), min, \
			max                                                                     \
	}

const struct config_key config_keys[CONFIG_KEYS] = {
	KEY(observe, mode, "light", config_mode, 0, 0),
	KEY(observe, attach, "auto", config_attach, 0, 0),
	KEY(observe, btf, "none", config_path_or_none, 0, CONFIG_PATH_MAX - 1),
	KEY(observe, races, "none", config_races, 1, RACE_SET_MAX),
	KEY(spool, directory, "/var/lib/thprace", config_path, 0, CONFIG_PATH_MAX - 1),
	KEY(spool, max_size, "256M", config_size, MIB, 64 * TIB),
	KEY(spool, file_size, "16M", config_size, 64 * KIB, TIB),
	KEY(spool, max_age, "30d", config_time, 1, DECADE),
	KEY(spool, file_age, "1d", config_time, 1, DECADE),
	KEY(spool, contained_per_hour, "1000", config_count, 0, 1000000),
	KEY(alerts, target, "auto", config_target, 0, 0),
	KEY(alerts, facility, "daemon", config_facility, 0, 0),
	KEY(alerts, fold, "1min", config_time, 1, DAY),
	KEY(alerts, per_minute, "10", config_count, 1, 1000),
	KEY(alerts, kernel_log, "yes", config_bool, 0, 0),
	KEY(metrics, textfile, "/run/thprace/thprace.prom", config_path_or_none, 0,
	    CONFIG_PATH_MAX - 1),
	KEY(metrics, interval, "15s", config_time, 1, HOUR),
	KEY(metrics, all, "no", config_bool, 0, 0),
	KEY(control, socket, "/run/thprace/control.sock", config_path_or_none, 0, UNIX_PATH_MAX),
	KEY(control, group, "thprace", config_group, 0, CONFIG_NAME_MAX - 1),
	KEY(control, clients, "16", config_count, 1, 1000),
	KEY(control, timeout, "10s", config_time, 1, 5 * MINUTE),
	KEY(overhead, budget, "0.5%", config_share, 0, 100),
	KEY(overhead, period, "10s", config_time, 1, HOUR),
	KEY(overhead, patience, "3", config_count, 1, 1000),
	KEY(overhead, recovery, "6", config_count, 1, 1000),
};

int config_key__find(const char *section, const char *name)
{
	int i;

	for (i = 0; i < CONFIG_KEYS; i++) {
		if (!strcmp(config_keys[i].section, section) && !strcmp(config_keys[i].name, name))
			return i;
	}
	return -ENOENT;
}

bool config_key__section(const char *section)
{
	size_t i;

	for (i = 0; i < CONFIG_KEYS; i++) {
		if (!strcmp(config_keys[i].section, section))
			return true;
	}
	return false;
}

int config_key__set(const struct config_key *key, struct config *config, const char *text,
		    char why[CONFIG_WHY_MAX])
{
	return key->type->parse(key, *text ? text : key->fallback, (char *)config + key->offset,
				why);
}

void config__defaults(struct config *config)
{
	char why[CONFIG_WHY_MAX];
	size_t i;

	memset(config, 0, sizeof(*config));
	for (i = 0; i < CONFIG_KEYS; i++)
		config_key__set(&config_keys[i], config, "", why);
}

const struct config_order config_orders[CONFIG_ORDERS] = {
	{"spool", "file_size", "max_size"},
	{"spool", "file_age", "max_age"},
};

int config_order__check(const struct config_order *order, const struct config *config,
			char why[CONFIG_WHY_MAX])
{
	const struct config_key *lesser =
		&config_keys[config_key__find(order->section, order->lesser)];
	const struct config_key *greater =
		&config_keys[config_key__find(order->section, order->greater)];
	const char *value = (const char *)config + lesser->offset;
	const char *limit = (const char *)config + greater->offset;
	char as_text[CONFIG_VALUE_MAX], limit_text[CONFIG_VALUE_MAX];

	if (*(const uint64_t *)value <= *(const uint64_t *)limit)
		return 0;
	lesser->type->print(value, as_text);
	greater->type->print(limit, limit_text);
	snprintf(why, CONFIG_WHY_MAX, "%s=, which is %.32s, is above %s=, which is %.32s: set both",
		 lesser->name, as_text, greater->name, limit_text);
	return -EINVAL;
}

void config__print(const struct config *config, void *file)
{
	const char *section = "";
	char text[CONFIG_VALUE_MAX];
	size_t i;

	for (i = 0; i < CONFIG_KEYS; i++) {
		const struct config_key *key = &config_keys[i];

		if (strcmp(section, key->section))
			fprintf(file, "%s[%s]\n", i ? "\n" : "", key->section);
		section = key->section;
		key->type->print((const char *)config + key->offset, text);
		fprintf(file, "%s = %s\n", key->name, text);
	}
}
