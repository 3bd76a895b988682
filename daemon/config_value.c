// SPDX-License-Identifier: GPL-2.0-only
/* Values of the configuration, from text and to text. */
#include "config_private.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "base/names.h"
#include "base/number.h"
#include "base/timespan.h"
#include "classes/race_class.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define SHOWN 48 /* bytes of a bad value that a message shows */

struct unit {
	const char *name;
	uint64_t factor;
};

/* Largest first: output uses the first that divides the value. */
static const struct unit size_units[] = {
	{"T", 1ULL << 40}, {"G", 1ULL << 30}, {"M", 1ULL << 20}, {"K", 1ULL << 10}, {"", 1},
};

static const struct {
	const char *name;
	int facility;
} facilities[] = {
	{"auth", LOG_AUTH},	{"authpriv", LOG_AUTHPRIV}, {"cron", LOG_CRON},
	{"daemon", LOG_DAEMON}, {"ftp", LOG_FTP},	    {"lpr", LOG_LPR},
	{"mail", LOG_MAIL},	{"news", LOG_NEWS},	    {"syslog", LOG_SYSLOG},
	{"user", LOG_USER},	{"uucp", LOG_UUCP},	    {"local0", LOG_LOCAL0},
	{"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2},	    {"local3", LOG_LOCAL3},
	{"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},	    {"local6", LOG_LOCAL6},
	{"local7", LOG_LOCAL7},
};

/* "'TEXT' is not WANTED", with the text made safe for a terminal. */
static int refuse(const char *text, const char *wanted, char why[CONFIG_WHY_MAX])
{
	char shown[SHOWN];

	names__clean(shown, sizeof(shown), text, strlen(text), 1);
	snprintf(why, CONFIG_WHY_MAX, "'%s' is not %s", shown, wanted);
	return -EINVAL;
}

/* Reads a unit and moves *text past it and past blanks. Returns its factor, 0: unknown. */
static uint64_t unit(const char **text, const struct unit *units, size_t nr)
{
	size_t length = 0, i;
	uint64_t factor = 0;

	while (isalpha((unsigned char)(*text)[length]))
		length++;
	for (i = 0; i < nr; i++) {
		if (strlen(units[i].name) == length && !strncmp(units[i].name, *text, length))
			factor = units[i].factor;
	}
	*text += length;
	*text += strspn(*text, " \t");
	return factor;
}

static void print_units(const struct unit *units, uint64_t value, char buf[CONFIG_VALUE_MAX])
{
	while (units->factor > 1 && (!value || value % units->factor))
		units++;
	snprintf(buf, CONFIG_VALUE_MAX, "%" PRIu64 "%s", value / units->factor, units->name);
}

static int bounds(const struct config_key *key, const char *text, uint64_t value,
		  char why[CONFIG_WHY_MAX])
{
	char min[CONFIG_VALUE_MAX], max[CONFIG_VALUE_MAX], shown[SHOWN];

	if (value >= key->min && value <= key->max)
		return 0;
	key->type->print(&key->min, min);
	key->type->print(&key->max, max);
	names__clean(shown, sizeof(shown), text, strlen(text), 1);
	snprintf(why, CONFIG_WHY_MAX, "'%s' is not between %.32s and %.32s", shown, min, max);
	return -EINVAL;
}

static int parse_size(const struct config_key *key, const char *text, void *member,
		      char why[CONFIG_WHY_MAX])
{
	const char *at = text;
	uint64_t value, factor;
	int err;

	err = number__take(&at, 10, &value);
	at += strspn(at, " \t");
	factor = unit(&at, size_units, ARRAY_SIZE(size_units));
	if (err == -EINVAL || !factor || *at)
		return refuse(text, "a size: a number of bytes, or with K, M, G or T", why);
	if (err || __builtin_mul_overflow(value, factor, &value))
		value = UINT64_MAX;
	err = bounds(key, text, value, why);
	if (!err)
		*(uint64_t *)member = value;
	return err;
}

static void print_size(const void *member, char buf[CONFIG_VALUE_MAX])
{
	print_units(size_units, *(const uint64_t *)member, buf);
}

/* Whole seconds. */
static int parse_time(const struct config_key *key, const char *text, void *member,
		      char why[CONFIG_WHY_MAX])
{
	uint64_t ns = 0;
	int err = timespan__parse(text, TIMESPAN_SECOND, &ns);

	if (err == -EINVAL)
		return refuse(text, TIMESPAN_WANTED, why);
	if (!err && ns % TIMESPAN_SECOND)
		return refuse(text, "a whole number of seconds", why);
	err = bounds(key, text, err ? UINT64_MAX : ns / TIMESPAN_SECOND, why);
	if (!err)
		*(uint64_t *)member = ns / TIMESPAN_SECOND;
	return err;
}

static void print_time(const void *member, char buf[CONFIG_VALUE_MAX])
{
	timespan__print(buf, CONFIG_VALUE_MAX, *(const uint64_t *)member * TIMESPAN_SECOND);
}

static int parse_count(const struct config_key *key, const char *text, void *member,
		       char why[CONFIG_WHY_MAX])
{
	uint64_t value = 0;
	int err = number__parse(text, 0, UINT64_MAX, &value);

	if (err == -EINVAL)
		return refuse(text, "a number", why);
	err = bounds(key, text, err ? UINT64_MAX : value, why);
	if (!err)
		*(uint64_t *)member = value;
	return err;
}

static void print_count(const void *member, char buf[CONFIG_VALUE_MAX])
{
	snprintf(buf, CONFIG_VALUE_MAX, "%" PRIu64, *(const uint64_t *)member);
}

static int parse_bool(const struct config_key *key, const char *text, void *member,
		      char why[CONFIG_WHY_MAX])
{
	static const char *const spellings[][6] = {{"0", "no", "n", "false", "f", "off"},
						   {"1", "yes", "y", "true", "t", "on"}};
	size_t value, i;

	(void)key;
	for (value = 0; value < 2; value++) {
		for (i = 0; i < ARRAY_SIZE(spellings[0]); i++) {
			if (!strcasecmp(spellings[value][i], text)) {
				*(bool *)member = value;
				return 0;
			}
		}
	}
	return refuse(text, "yes or no", why);
}

static void print_bool(const void *member, char buf[CONFIG_VALUE_MAX])
{
	snprintf(buf, CONFIG_VALUE_MAX, "%s", *(const bool *)member ? "yes" : "no");
}

/*
 * "0.5%" as 0.005. Not by strtod(), which depends on the locale and accepts "nan". Six decimals,
 * and below 100 %, so that output with six decimals gives what was read.
 */
static int parse_share(const struct config_key *key, const char *text, void *member,
		       char why[CONFIG_WHY_MAX])
{
	static const char wanted[] = "a share: a number with at most six decimals and %, as 0.5%";
	const char *at = text;
	uint64_t value, part = 0, scale;
	int err = number__take(&at, 10, &value);

	if (err == -EINVAL)
		return refuse(text, wanted, why);
	if (!err && *at == '.') {
		if (!isdigit((unsigned char)*++at))
			return refuse(text, wanted, why);
		for (scale = 100000; isdigit((unsigned char)*at) && scale; scale /= 10)
			part += scale * (uint64_t)(*at++ - '0');
	}
	at += strspn(at, " \t");
	if (strcmp(at, "%") && !(!err && !*at && !value && !part))
		return refuse(text, wanted, why);
	if (err || value > key->max || (value == key->max && part))
		return refuse(text, "between 0% and 100%", why);
	*(double *)member = (double)(value * 1000000 + part) / 1e8;
	return 0;
}

static void print_share(const void *member, char buf[CONFIG_VALUE_MAX])
{
	uint64_t millionths = (uint64_t)(*(const double *)member * 1e8 + 0.5);
	size_t length;

	snprintf(buf, CONFIG_VALUE_MAX, "%" PRIu64 ".%06" PRIu64, millionths / 1000000,
		 millionths % 1000000);
	length = strlen(buf);
	while (buf[length - 1] == '0')
		length--;
	if (buf[length - 1] == '.')
		length--;
	snprintf(buf + length, CONFIG_VALUE_MAX - length, "%%");
}

/* Does a path contain ".."? */
static bool goes_up(const char *path)
{
	for (; (path = strstr(path, "/..")); path++) {
		if (!path[3] || path[3] == '/')
			return true;
	}
	return false;
}

static int parse_path(const struct config_key *key, const char *text, void *member,
		      char why[CONFIG_WHY_MAX])
{
	char clean[CONFIG_PATH_MAX];

	if (strlen(text) > key->max) {
		snprintf(why, CONFIG_WHY_MAX, "the path is longer than %" PRIu64 " bytes",
			 key->max);
		return -EINVAL;
	}
	names__clean(clean, sizeof(clean), text, strlen(text), 1);
	if (text[0] != '/' || goes_up(text) || strcmp(clean, text))
		return refuse(text, "an absolute path without '..' and control characters", why);
	snprintf(member, CONFIG_PATH_MAX, "%s", text);
	return 0;
}

/* A path among others. */
static const struct config_key longest_path = {.max = CONFIG_PATH_MAX - 1};

static int parse_path_or_none(const struct config_key *key, const char *text, void *member,
			      char why[CONFIG_WHY_MAX])
{
	if (strcmp(text, "none"))
		return parse_path(key, text, member, why);
	*(char *)member = '\0';
	return 0;
}

/* "none", or names and paths of races with blanks between them, each once. */
static int parse_races(const struct config_key *key, const char *text, void *member,
		       char why[CONFIG_WHY_MAX])
{
	char words[CONFIG_PATH_MAX], path[CONFIG_PATH_MAX], *word, *rest = NULL;
	char *races = member;
	uint64_t count = 0;

	snprintf(words, sizeof(words), "%s", text);
	*races = '\0';
	if (!strcmp(text, "none"))
		return 0;
	for (word = strtok_r(words, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		if (*word != '/' && (!race_class__is_name(word) || !strcmp(word, "none")))
			return refuse(word, "the name of a race, or an absolute path", why);
		if (*word == '/' && parse_path(&longest_path, word, path, why))
			return -EINVAL;
		if (++count > key->max) {
			snprintf(why, CONFIG_WHY_MAX, "more than %" PRIu64 " races", key->max);
			return -EINVAL;
		}
		snprintf(races + strlen(races), CONFIG_PATH_MAX - strlen(races), "%s%s",
			 *races ? " " : "", word);
	}
	return 0;
}

static void print_path(const void *member, char buf[CONFIG_VALUE_MAX])
{
	const char *path = member;

	snprintf(buf, CONFIG_VALUE_MAX, "%s", *path ? path : "none");
}

/* A group name as useradd(8) allows it; whether the group exists is found out when it is needed. */
static int parse_group(const struct config_key *key, const char *text, void *member,
		       char why[CONFIG_WHY_MAX])
{
	size_t length = strlen(text);

	if (length > key->max ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789_.-") != length ||
	    isdigit((unsigned char)*text) || *text == '-' || *text == '.')
		return refuse(text, "the name of a group", why);
	snprintf(member, CONFIG_NAME_MAX, "%s", text);
	return 0;
}

static void print_text(const void *member, char buf[CONFIG_VALUE_MAX])
{
	snprintf(buf, CONFIG_VALUE_MAX, "%s", (const char *)member);
}

/* One of a list of names, in the order of their values. */
static int parse_name(const char *const *list, size_t nr, const char *text, void *member,
		      char why[CONFIG_WHY_MAX])
{
	char wanted[CONFIG_WHY_MAX / 2] = "";
	size_t length = 0, i;

	for (i = 0; i < nr; i++) {
		if (!strcmp(list[i], text)) {
			*(unsigned int *)member = (unsigned int)i;
			return 0;
		}
		snprintf(wanted + length, sizeof(wanted) - length, "%s%s",
			 !i	      ? ""
			 : i + 1 < nr ? ", "
				      : " or ",
			 list[i]);
		length = strlen(wanted);
	}
	return refuse(text, wanted, why);
}

static const char *const mode_names[] = THPRACE_MODE_NAMES;
static const char *const attach_names[] = PROBE_ATTACH_NAMES;
static const char *const target_names[] = LOG_TARGET_NAMES;

_Static_assert(sizeof(enum thprace_mode) == sizeof(unsigned int), "stored by parse_name()");
_Static_assert(sizeof(enum probe_attach) == sizeof(unsigned int), "stored by parse_name()");
_Static_assert(sizeof(enum log_target) == sizeof(unsigned int), "stored by parse_name()");

static int parse_mode(const struct config_key *key, const char *text, void *member,
		      char why[CONFIG_WHY_MAX])
{
	(void)key;
	return parse_name(mode_names, ARRAY_SIZE(mode_names), text, member, why);
}

static void print_mode(const void *member, char buf[CONFIG_VALUE_MAX])
{
	print_text(mode_names[*(const unsigned int *)member], buf);
}

static int parse_attach(const struct config_key *key, const char *text, void *member,
			char why[CONFIG_WHY_MAX])
{
	(void)key;
	return parse_name(attach_names, ARRAY_SIZE(attach_names), text, member, why);
}

static void print_attach(const void *member, char buf[CONFIG_VALUE_MAX])
{
	print_text(attach_names[*(const unsigned int *)member], buf);
}

static int parse_target(const struct config_key *key, const char *text, void *member,
			char why[CONFIG_WHY_MAX])
{
	(void)key;
	return parse_name(target_names, ARRAY_SIZE(target_names), text, member, why);
}

static void print_target(const void *member, char buf[CONFIG_VALUE_MAX])
{
	print_text(target_names[*(const unsigned int *)member], buf);
}

static int parse_facility(const struct config_key *key, const char *text, void *member,
			  char why[CONFIG_WHY_MAX])
{
	size_t i;

	(void)key;
	for (i = 0; i < ARRAY_SIZE(facilities); i++) {
		if (!strcmp(facilities[i].name, text)) {
			*(int *)member = facilities[i].facility;
			return 0;
		}
	}
	return refuse(text, "a facility of syslog: daemon, user, local0 to local7, ...", why);
}

static void print_facility(const void *member, char buf[CONFIG_VALUE_MAX])
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(facilities); i++) {
		if (facilities[i].facility == *(const int *)member)
			print_text(facilities[i].name, buf);
	}
}

const struct config_type config_size = {parse_size, print_size};
const struct config_type config_time = {parse_time, print_time};
const struct config_type config_count = {parse_count, print_count};
const struct config_type config_bool = {parse_bool, print_bool};
const struct config_type config_share = {parse_share, print_share};
const struct config_type config_path = {parse_path, print_path};
const struct config_type config_path_or_none = {parse_path_or_none, print_path};
const struct config_type config_races = {parse_races, print_path};
const struct config_type config_group = {parse_group, print_text};
const struct config_type config_mode = {parse_mode, print_mode};
const struct config_type config_attach = {parse_attach, print_attach};
const struct config_type config_target = {parse_target, print_target};
const struct config_type config_facility = {parse_facility, print_facility};
