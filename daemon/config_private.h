/* SPDX-License-Identifier: GPL-2.0-only */
/* The keys of the configuration, and their values as text. Only for daemon/config*.c. */
#ifndef THPRACE_DAEMON_CONFIG_PRIVATE_H
#define THPRACE_DAEMON_CONFIG_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"

#define CONFIG_KEYS 26
#define CONFIG_WHY_MAX 160 /* bytes, for what is wrong with a value */
#define CONFIG_VALUE_MAX (CONFIG_PATH_MAX + 1) /* bytes, for any value as text */

struct config_key;

/* How a type of value is read from text and written as text. */
struct config_type {
	/*
	 * Stores into member, which has this type. Returns 0; or -EINVAL, and in why what is wrong.
	 */
	int (*parse)(const struct config_key *key, const char *text, void *member,
		     char why[CONFIG_WHY_MAX]);
	void (*print)(const void *member, char buf[CONFIG_VALUE_MAX]);
};

struct config_key {
	const char *section;
	const char *name;
	const char *fallback; /* the default, as text */
	const struct config_type *type;
	size_t offset; /* of the member in struct config */
	uint64_t min; /* sizes: bytes; times: s; texts: bytes; races: their number */
	uint64_t max;
};

extern const struct config_type config_size; /* uint64_t, bytes */
extern const struct config_type config_time; /* uint64_t, s */
extern const struct config_type config_count; /* uint64_t */
extern const struct config_type config_bool; /* bool */
extern const struct config_type config_share; /* double; as text in % */
extern const struct config_type config_path; /* char[CONFIG_PATH_MAX] */
extern const struct config_type config_path_or_none; /* the same; "none" is "" */
extern const struct config_type config_races; /* the same; names and paths */
extern const struct config_type config_group; /* char[CONFIG_NAME_MAX] */
extern const struct config_type config_mode; /* enum thprace_mode */
extern const struct config_type config_attach; /* enum probe_attach */
extern const struct config_type config_target; /* enum log_target */
extern const struct config_type config_facility; /* int */

extern const struct config_key config_keys[CONFIG_KEYS];

/* Index of a key, or -ENOENT. section: one of those of the table. */
int config_key__find(const char *section, const char *name);

/* Does this section exist? */
bool config_key__section(const char *section);

/* Set a key of *config. An empty text sets the default. Returns 0, or -EINVAL and why. */
int config_key__set(const struct config_key *key, struct config *config, const char *text,
		    char why[CONFIG_WHY_MAX]);

/* Two keys of one section, both uint64_t; the first must not be above the second. */
struct config_order {
	const char *section;
	const char *lesser;
	const char *greater;
};

#define CONFIG_ORDERS 2

extern const struct config_order config_orders[CONFIG_ORDERS];

/* Do two keys contradict each other? Returns 0, or -EINVAL and why. */
int config_order__check(const struct config_order *order, const struct config *config,
			char why[CONFIG_WHY_MAX]);

#endif
