// SPDX-License-Identifier: GPL-2.0-only
/* The configuration: every key, good and bad values, files and their order, complaints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>
#include <cmocka.h>
#include "config_private.h"

#define WHY_MAX 16384

/* A folder that stands for the root, and what config__load() made of it. */
struct tree {
	char root[64];
	char file[96]; /* for a file of its own */
	struct config config;
	char why[WHY_MAX];
};

static int begin(void **state)
{
	static const char *const folders[] = {"etc",
					      "etc/thprace",
					      "etc/thprace/thprace.conf.d",
					      "run",
					      "run/thprace",
					      "run/thprace/thprace.conf.d",
					      "usr",
					      "usr/lib",
					      "usr/lib/thprace",
					      "usr/lib/thprace/thprace.conf.d"};
	struct tree *tree = calloc(1, sizeof(*tree));
	char path[256];
	size_t i;

	assert_non_null(tree);
	strcpy(tree->root, "/tmp/test_config.XXXXXX");
	assert_non_null(mkdtemp(tree->root));
	assert_int_equal(chmod(tree->root, 0755), 0);
	snprintf(tree->file, sizeof(tree->file), "%s/x.conf", tree->root);
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", tree->root, folders[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	*state = tree;
	return 0;
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int end(void **state)
{
	struct tree *tree = *state;

	nftw(tree->root, drop, 16, FTW_DEPTH | FTW_PHYS);
	free(tree);
	return 0;
}

static void put_bytes(const struct tree *tree, const char *path, const void *bytes, size_t size)
{
	char full[512];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", tree->root, path);
	file = fopen(full, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void put(const struct tree *tree, const char *path, const char *text)
{
	put_bytes(tree, path, text, strlen(text));
}

static int load(struct tree *tree)
{
	memset(&tree->config, 0xa5, sizeof(tree->config));
	return config__load(&tree->config, tree->root, NULL, tree->why, sizeof(tree->why));
}

/* Of one file with this text. */
static int load_text(struct tree *tree, const char *text)
{
	put(tree, "x.conf", text);
	memset(&tree->config, 0xa5, sizeof(tree->config));
	return config__load(&tree->config, "", tree->file, tree->why, sizeof(tree->why));
}

/* Nothing but "ROOT/path:line: text", lines separated by newlines; %R in what stands for the root. */
static void expect_why(const struct tree *tree, const char *what)
{
	char wanted[WHY_MAX];
	size_t length = 0;

	for (; *what; what++) {
		if (what[0] == '%' && what[1] == 'R') {
			length += (size_t)sprintf(wanted + length, "%s", tree->root);
			what++;
		} else {
			wanted[length++] = *what;
		}
	}
	wanted[length] = '\0';
	assert_string_equal(tree->why, wanted);
}

static void expect_untouched(const struct tree *tree)
{
	const unsigned char *bytes = (const unsigned char *)&tree->config;
	size_t i;

	for (i = 0; i < sizeof(tree->config); i++)
		assert_int_equal(bytes[i], 0xa5);
}

static char *text_of(const struct config *config)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	config__print(config, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void expect_equal(const struct config *a, const struct config *b)
{
	char *a_text = text_of(a), *b_text = text_of(b);

	assert_string_equal(a_text, b_text);
	free(a_text);
	free(b_text);
}

static void defaults(void **state)
{
	struct config config;

	(void)state;
	config__defaults(&config);
	assert_int_equal(config.observe.mode, THPRACE_LIGHT);
	assert_int_equal(config.observe.attach, PROBE_ATTACH_AUTO);
	assert_string_equal(config.spool.directory, "/var/lib/thprace");
	assert_int_equal(config.spool.max_size, 256 << 20);
	assert_int_equal(config.spool.file_size, 16 << 20);
	assert_int_equal(config.spool.max_age, 30 * 86400);
	assert_int_equal(config.spool.file_age, 86400);
	assert_int_equal(config.spool.contained_per_hour, 1000);
	assert_int_equal(config.alerts.target, LOG_TARGET_AUTO);
	assert_int_equal(config.alerts.facility, LOG_DAEMON);
	assert_int_equal(config.alerts.fold, 60);
	assert_int_equal(config.alerts.per_minute, 10);
	assert_true(config.alerts.kernel_log);
	assert_string_equal(config.metrics.textfile, "/run/thprace/thprace.prom");
	assert_int_equal(config.metrics.interval, 15);
	assert_string_equal(config.control.socket, "/run/thprace/control.sock");
	assert_string_equal(config.control.group, "thprace");
	assert_int_equal(config.control.clients, 16);
	assert_int_equal(config.control.timeout, 10);
	assert_true(config.overhead.budget == 0.005);
	assert_int_equal(config.overhead.period, 10);
	assert_int_equal(config.overhead.patience, 3);
	assert_int_equal(config.overhead.recovery, 6);
}

/* A key, a value, and what is printed for it: NULL where it is refused. */
static const struct {
	const char *section;
	const char *key;
	const char *value;
	const char *printed;
} values[] = {
	{"observe", "mode", "light", "light"},
	{"observe", "mode", "precise", "precise"},
	{"observe", "mode", "Light", NULL},
	{"observe", "mode", "none", NULL},
	{"observe", "attach", "auto", "auto"},
	{"observe", "attach", "fentry", "fentry"},
	{"observe", "attach", "kprobe", "kprobe"},
	{"observe", "attach", "kprobes", NULL},
	{"spool", "directory", "/srv/x y/z", "/srv/x y/z"},
	{"spool", "directory", "/a/..b/c..", "/a/..b/c.."},
	{"spool", "directory", "relative", NULL},
	{"spool", "directory", "/a/../b", NULL},
	{"spool", "directory", "/a/..", NULL},
	{"spool", "directory", "none", NULL},
	{"spool", "directory", "\"/srv\"", NULL},
	{"spool", "directory", "/a\tb", NULL},
	{"spool", "directory", "/a\x80", NULL},
	{"spool", "directory", "/a\\", NULL},
	{"spool", "max_size", "16M", "16M"},
	{"spool", "max_size", "17825792", "17M"},
	{"spool", "max_size", "64T", "64T"},
	{"spool", "max_size", "65T", NULL},
	{"spool", "max_size", "1048575", NULL},
	{"spool", "max_size", "2 G", "2G"},
	{"spool", "max_size", "2g", NULL},
	{"spool", "max_size", "2GB", NULL},
	{"spool", "max_size", "0.5G", NULL},
	{"spool", "max_size", "-1G", NULL},
	{"spool", "max_size", "G", NULL},
	{"spool", "max_size", "1G 1M", NULL},
	{"spool", "max_size", "18446744073709551616", NULL},
	{"spool", "max_size", "18446744073709551615T", NULL},
	{"spool", "max_size", "0x1000000000", NULL},
	{"spool", "file_size", "64K", "64K"},
	{"spool", "file_size", "65537", "65537"},
	{"spool", "file_size", "1M", "1M"},
	{"spool", "file_size", "63K", NULL},
	{"spool", "file_size", "0", NULL},
	{"spool", "max_age", "1w", "7d"},
	{"spool", "max_age", "2 weeks", "14d"},
	{"spool", "max_age", "3650d", "3650d"},
	{"spool", "max_age", "3651d", NULL},
	{"spool", "max_age", "1month", NULL},
	{"spool", "max_age", "infinity", NULL},
	{"spool", "file_age", "1s", "1s"},
	{"spool", "file_age", "90", "90s"},
	{"spool", "file_age", "1h 30min", "90min"},
	{"spool", "file_age", "1h30min5s", "5405s"},
	{"spool", "file_age", "1 hour", "1h"},
	{"spool", "file_age", "2 hr", "2h"},
	{"spool", "file_age", "2m", "2min"},
	{"spool", "file_age", "2 minutes 1 second", "121s"},
	{"spool", "file_age", "1day", "1d"},
	{"spool", "file_age", "0", NULL},
	{"spool", "file_age", "1 30", NULL},
	{"spool", "file_age", "1h 30", NULL},
	{"spool", "file_age", "30 1h", NULL},
	{"spool", "file_age", "500ms", NULL},
	{"spool", "file_age", "1.5h", NULL},
	{"spool", "file_age", "-1h", NULL},
	{"spool", "file_age", "h", NULL},
	{"spool", "file_age", "18446744073709551617s", NULL},
	{"spool", "file_age", "18446744073709551615w", NULL},
	{"spool", "file_age", "18446744073709551615s 2s", NULL},
	{"spool", "contained_per_hour", "0", "0"},
	{"spool", "contained_per_hour", "1000000", "1000000"},
	{"spool", "contained_per_hour", "1000001", NULL},
	{"spool", "contained_per_hour", "1e3", NULL},
	{"spool", "contained_per_hour", "18446744073709551616", NULL},
	{"alerts", "target", "auto", "auto"},
	{"alerts", "target", "journal", "journal"},
	{"alerts", "target", "syslog", "syslog"},
	{"alerts", "target", "stderr", "stderr"},
	{"alerts", "target", "journald", NULL},
	{"alerts", "facility", "auth", "auth"},
	{"alerts", "facility", "authpriv", "authpriv"},
	{"alerts", "facility", "cron", "cron"},
	{"alerts", "facility", "daemon", "daemon"},
	{"alerts", "facility", "ftp", "ftp"},
	{"alerts", "facility", "lpr", "lpr"},
	{"alerts", "facility", "mail", "mail"},
	{"alerts", "facility", "news", "news"},
	{"alerts", "facility", "syslog", "syslog"},
	{"alerts", "facility", "user", "user"},
	{"alerts", "facility", "uucp", "uucp"},
	{"alerts", "facility", "local0", "local0"},
	{"alerts", "facility", "local7", "local7"},
	{"alerts", "facility", "local8", NULL},
	{"alerts", "facility", "kern", NULL},
	{"alerts", "facility", "LOG_DAEMON", NULL},
	{"alerts", "fold", "1s", "1s"},
	{"alerts", "fold", "1d", "1d"},
	{"alerts", "fold", "0", NULL},
	{"alerts", "fold", "86401", NULL},
	{"alerts", "per_minute", "1", "1"},
	{"alerts", "per_minute", "1000", "1000"},
	{"alerts", "per_minute", "0", NULL},
	{"alerts", "per_minute", "1001", NULL},
	{"alerts", "kernel_log", "1", "yes"},
	{"alerts", "kernel_log", "yes", "yes"},
	{"alerts", "kernel_log", "Y", "yes"},
	{"alerts", "kernel_log", "true", "yes"},
	{"alerts", "kernel_log", "t", "yes"},
	{"alerts", "kernel_log", "ON", "yes"},
	{"alerts", "kernel_log", "0", "no"},
	{"alerts", "kernel_log", "no", "no"},
	{"alerts", "kernel_log", "n", "no"},
	{"alerts", "kernel_log", "False", "no"},
	{"alerts", "kernel_log", "f", "no"},
	{"alerts", "kernel_log", "off", "no"},
	{"alerts", "kernel_log", "2", NULL},
	{"alerts", "kernel_log", "maybe", NULL},
	{"metrics", "textfile", "/x/y.prom", "/x/y.prom"},
	{"metrics", "textfile", "none", "none"},
	{"metrics", "textfile", "None", NULL},
	{"metrics", "textfile", "y.prom", NULL},
	{"metrics", "interval", "1", "1s"},
	{"metrics", "interval", "1h", "1h"},
	{"metrics", "interval", "0", NULL},
	{"metrics", "interval", "61min", NULL},
	{"control", "socket", "/x/y", "/x/y"},
	{"control", "socket", "none", "none"},
	{"control", "socket", "@abstract", NULL},
	{"control", "group", "adm", "adm"},
	{"control", "group", "_a-b.c1", "_a-b.c1"},
	{"control", "group", "1000", NULL},
	{"control", "group", "-a", NULL},
	{"control", "group", "a b", NULL},
	{"control", "group", "a:b", NULL},
	{"control", "clients", "1", "1"},
	{"control", "clients", "1000", "1000"},
	{"control", "clients", "0", NULL},
	{"control", "clients", "1001", NULL},
	{"control", "timeout", "1", "1s"},
	{"control", "timeout", "5min", "5min"},
	{"control", "timeout", "0", NULL},
	{"control", "timeout", "301", NULL},
	{"overhead", "budget", "0", "0%"},
	{"overhead", "budget", "0%", "0%"},
	{"overhead", "budget", "0.5%", "0.5%"},
	{"overhead", "budget", "1.25 %", "1.25%"},
	{"overhead", "budget", "0.000001%", "0.000001%"},
	{"overhead", "budget", "33.333333%", "33.333333%"},
	{"overhead", "budget", "100%", "100%"},
	{"overhead", "budget", "100.0%", "100%"},
	{"overhead", "budget", "100.000001%", NULL},
	{"overhead", "budget", "101%", NULL},
	{"overhead", "budget", "0.0000001%", NULL},
	{"overhead", "budget", "0.5", NULL},
	{"overhead", "budget", "1", NULL},
	{"overhead", "budget", "-1%", NULL},
	{"overhead", "budget", ".5%", NULL},
	{"overhead", "budget", "5.%", NULL},
	{"overhead", "budget", "nan%", NULL},
	{"overhead", "budget", "0,5%", NULL},
	{"overhead", "budget", "1e1%", NULL},
	{"overhead", "budget", "18446744073709551616%", NULL},
	{"overhead", "period", "1", "1s"},
	{"overhead", "period", "1h", "1h"},
	{"overhead", "period", "0", NULL},
	{"overhead", "period", "2h", NULL},
	{"overhead", "patience", "1", "1"},
	{"overhead", "patience", "1000", "1000"},
	{"overhead", "patience", "0", NULL},
	{"overhead", "patience", "1001", NULL},
	{"overhead", "recovery", "1", "1"},
	{"overhead", "recovery", "1000", "1000"},
	{"overhead", "recovery", "0", NULL},
	{"overhead", "recovery", "1001", NULL},
};

static void every_value(void **state)
{
	struct tree *tree = *state;
	char text[512], line[512], *printed;
	size_t i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(text, sizeof(text), "[%s]\n%s = %s\n", values[i].section, values[i].key,
			 values[i].value);
		if (!values[i].printed) {
			snprintf(line, sizeof(line), "%s:2: %s=: ", tree->file, values[i].key);
			if (load_text(tree, text) != -EINVAL)
				fail_msg("accepted: %s", text);
			/* One complaint, and it says where. */
			if (strncmp(tree->why, line, strlen(line)) || strchr(tree->why, '\n'))
				fail_msg("%s: '%s'", text, tree->why);
			expect_untouched(tree);
			continue;
		}
		if (load_text(tree, text))
			fail_msg("refused: %s: %s", text, tree->why);
		snprintf(line, sizeof(line), "\n%s = %s\n", values[i].key, values[i].printed);
		printed = text_of(&tree->config);
		if (!strstr(printed, line))
			fail_msg("%s: not found in:\n%s", line, printed);
		free(printed);
	}
}

/* The table above leaves out no key, and takes each at least once. */
static void every_key(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < CONFIG_KEYS; i++) {
		bool good = false;

		assert_int_equal(config_key__find(config_keys[i].section, config_keys[i].name), i);
		for (j = 0; j < sizeof(values) / sizeof(values[0]); j++)
			good |= !strcmp(config_keys[i].section, values[j].section) &&
				!strcmp(config_keys[i].name, values[j].key) && values[j].printed;
		if (!good)
			fail_msg("no value of [%s] %s", config_keys[i].section,
				 config_keys[i].name);
	}
}

static void members(void **state)
{
	struct tree *tree = *state;
	struct config *config = &tree->config;

	assert_int_equal(load_text(tree, "[observe]\nmode=precise\nattach=kprobe\n"
					 "[alerts]\ntarget=stderr\nfacility=local3\nkernel_log=no\n"
					 "[metrics]\ntextfile=none\n[control]\nsocket=none\n"
					 "[overhead]\nbudget=33%\n"),
			 0);
	assert_int_equal(config->observe.mode, THPRACE_PRECISE);
	assert_int_equal(config->observe.attach, PROBE_ATTACH_KPROBE);
	assert_int_equal(config->alerts.target, LOG_TARGET_STDERR);
	assert_int_equal(config->alerts.facility, LOG_LOCAL3);
	assert_false(config->alerts.kernel_log);
	assert_string_equal(config->metrics.textfile, "");
	assert_string_equal(config->control.socket, "");
	assert_true(config->overhead.budget == 0.33);
}

/* Paths up to what their users can take. inih's lines are shorter than CONFIG_PATH_MAX. */
static void long_paths(void **state)
{
	struct tree *tree = *state;
	char text[512], path[256];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[107] = '\0';
	snprintf(text, sizeof(text), "[control]\nsocket=%s\n", path);
	assert_int_equal(load_text(tree, text), 0);
	assert_string_equal(tree->config.control.socket, path);
	path[107] = 'a';
	path[108] = '\0';
	snprintf(text, sizeof(text), "[control]\nsocket=%s\n", path);
	assert_int_equal(load_text(tree, text), -EINVAL);
	expect_why(tree, "%R/x.conf:2: socket=: the path is longer than 107 bytes");
	path[108] = 'a';
	path[180] = '\0';
	snprintf(text, sizeof(text), "[spool]\ndirectory=%s\n", path);
	assert_int_equal(load_text(tree, text), 0);
	assert_string_equal(tree->config.spool.directory, path);
}

static void empty_is_default(void **state)
{
	struct tree *tree = *state;
	struct config config;
	char text[256];
	size_t i;

	config__defaults(&config);
	for (i = 0; i < CONFIG_KEYS; i++) {
		snprintf(text, sizeof(text), "[%s]\n%s=\n", config_keys[i].section,
			 config_keys[i].name);
		assert_int_equal(load_text(tree, text), 0);
		expect_equal(&tree->config, &config);
	}
	/* Also after it was something else, and with a comment behind it. */
	assert_int_equal(load_text(tree, "[alerts]\nfold=5s\nfold= ; as it was\n"), 0);
	expect_equal(&tree->config, &config);
}

/* What is printed gives the same when it is read. */
static void printed(void **state)
{
	struct tree *tree = *state;
	struct config config;
	char *text;

	config__defaults(&config);
	text = text_of(&config);
	assert_int_equal(load_text(tree, text), 0);
	expect_equal(&tree->config, &config);
	free(text);
	assert_int_equal(load_text(tree,
				   "[observe]\nmode=precise\n[spool]\nmax_size=1234567\n"
				   "file_size=65537\nmax_age=100000\nfile_age=3601\n"
				   "[metrics]\ntextfile=none\n[overhead]\nbudget=0.123456%\n"),
			 0);
	config = tree->config;
	text = text_of(&config);
	assert_int_equal(load_text(tree, text), 0);
	expect_equal(&tree->config, &config);
	free(text);
}

/* The file that is installed: all keys, commented out, with their defaults. */
static void shipped(void **state)
{
	struct tree *tree = *state;
	struct config config;
	char line[512], *text = NULL, *mentioned;
	size_t size = 0, i, keys = 0;
	FILE *in = fopen("systemd/thprace.conf", "r"), *out = open_memstream(&text, &size);

	assert_non_null(in);
	assert_non_null(out);
	config__defaults(&config);
	while (fgets(line, sizeof(line), in)) {
		/* "#key = value" is a key; "# Text" is a comment; nothing else but sections. */
		assert_true(line[0] == '#' || line[0] == '[' || line[0] == '\n');
		if (line[0] == '#' && line[1] >= 'a' && line[1] <= 'z') {
			keys++;
			fputs(line + 1, out);
		} else if (line[0] == '[') {
			fputs(line, out);
		}
	}
	fclose(in);
	fclose(out);
	assert_int_equal(keys, CONFIG_KEYS);
	if (load_text(tree, text))
		fail_msg("%s", tree->why);
	expect_equal(&tree->config, &config);
	for (i = 0; i < CONFIG_KEYS; i++) {
		snprintf(line, sizeof(line), "\n%s = ", config_keys[i].name);
		mentioned = strstr(text, line);
		if (!mentioned)
			fail_msg("%s is not there", config_keys[i].name);
	}
	free(text);
}

static void complaints(void **state)
{
	struct tree *tree = *state;

	assert_int_equal(load_text(tree, "key=1\n"
					 "; a comment\n"
					 "[spool]\n"
					 "max_sise=1\n"
					 "max_size=1\n"
					 "\n"
					 "no key\n"
					 "[unknown]\n"
					 "fold=1s\n"
					 "[alerts\n"
					 "fold=nonsense\n"
					 "[alerts] fold=1\n"
					 "[ alerts ]\n"
					 "[alerts] ; a comment\n"
					 "mode=light\n"
					 "=x\n"
					 "last"),
			 -EINVAL);
	expect_why(tree,
		   "%R/x.conf:1: 'key' stands before the first [section]\n"
		   "%R/x.conf:4: unknown key 'max_sise' in [spool]; thprace.conf(5) lists "
		   "them\n"
		   "%R/x.conf:5: max_size=: '1' is not between 1M and 64T\n"
		   "%R/x.conf:7: neither a [section] nor key = value\n"
		   "%R/x.conf:8: unknown section [unknown]; thprace.conf(5) lists them\n"
		   "%R/x.conf:10: the section's ']' is missing\n"
		   "%R/x.conf:12: nothing but a comment may stand behind a section's name\n"
		   "%R/x.conf:13: unknown section [ alerts ]; thprace.conf(5) lists them\n"
		   "%R/x.conf:15: unknown key 'mode' in [alerts]; thprace.conf(5) lists them\n"
		   "%R/x.conf:16: unknown key '' in [alerts]; thprace.conf(5) lists them\n"
		   "%R/x.conf:17: neither a [section] nor key = value");
	expect_untouched(tree);
}

/* What comes from a file goes to a terminal: no control characters, no endless lines. */
static void complaints_are_clean(void **state)
{
	struct tree *tree = *state;
	const char *c;

	assert_int_equal(load_text(tree, "[a\033[2J]\n[spool]\n\033]0;x=1\nmax_size=\033[2J\n"),
			 -EINVAL);
	for (c = tree->why; *c; c++)
		assert_true(*c == '\n' || (unsigned char)*c >= ' ');
}

static void too_many_complaints(void **state)
{
	struct tree *tree = *state;
	char text[8192] = "[spool]\n", why[300];
	size_t i, lines = 0;
	unsigned int more = 0;

	for (i = 0; i < 100; i++)
		strcat(text, "x=1\n");
	put(tree, "x.conf", text);
	assert_int_equal(config__load(&tree->config, "", tree->file, why, sizeof(why)), -EINVAL);
	for (i = 0; why[i]; i++)
		lines += why[i] == '\n';
	assert_int_equal(sscanf(strrchr(why, '\n'), "\n(and %u more)", &more), 1);
	assert_int_equal(lines + more, 100);
	assert_true(lines >= 2);
	/* No room at all is no reason to fail otherwise. */
	for (i = 0; i < 40; i++) {
		memset(why, 'x', sizeof(why));
		assert_int_equal(config__load(&tree->config, "", tree->file, why, i), -EINVAL);
		assert_int_equal(why[i], 'x');
		assert_true(!i || strnlen(why, i) < i);
	}
}

static void forms(void **state)
{
	struct tree *tree = *state;
	static const char nul[] = "[alerts]\nfold=5s\0x\nper_minute=7\n";
	char text[1024];

	/* No newline at the end. */
	assert_int_equal(load_text(tree, "[alerts]\nfold=5s"), 0);
	assert_int_equal(tree->config.alerts.fold, 5);
	/* CRLF. */
	assert_int_equal(load_text(tree, "[alerts]\r\n\r\nfold=5s\r\n# x\r\nper_minute = 7\r\n"),
			 0);
	assert_int_equal(tree->config.alerts.fold, 5);
	assert_int_equal(tree->config.alerts.per_minute, 7);
	/* A byte order mark. */
	assert_int_equal(load_text(tree, "\xef\xbb\xbf[alerts]\nfold=5s\n"), 0);
	assert_int_equal(tree->config.alerts.fold, 5);
	/* Indented lines are lines of their own. */
	assert_int_equal(load_text(tree, "[alerts]\n  fold=5s\n\tper_minute=7\n   # x\n"), 0);
	assert_int_equal(tree->config.alerts.fold, 5);
	assert_int_equal(tree->config.alerts.per_minute, 7);
	assert_int_equal(load_text(tree, "[spool]\ndirectory=/a\n  /b\n"), -EINVAL);
	expect_why(tree, "%R/x.conf:3: neither a [section] nor key = value");
	/* Comments. */
	assert_int_equal(load_text(tree, "#x\n;x\n[alerts] # x\nfold = 5s ; x\n"), 0);
	assert_int_equal(tree->config.alerts.fold, 5);
	assert_int_equal(load_text(tree, "[alerts]\nfold = 5s # x\n"), -EINVAL);
	/* Nothing at all. */
	assert_int_equal(load_text(tree, ""), 0);
	assert_int_equal(load_text(tree, "\n\n"), 0);
	/* A later one counts. */
	assert_int_equal(load_text(tree, "[alerts]\nfold=5s\n[spool]\n[alerts]\nfold=6s\n"), 0);
	assert_int_equal(tree->config.alerts.fold, 6);
	/* A NUL byte. */
	put_bytes(tree, "x.conf", nul, sizeof(nul) - 1);
	assert_int_equal(config__load(&tree->config, "", tree->file, tree->why, WHY_MAX), -EINVAL);
	expect_why(tree, "%R/x.conf:2: a NUL byte: this is no text");
	/* A line is too long, with one byte; comments may have any length. */
	snprintf(text, sizeof(text), "[spool]\ndirectory=/%0*d\n", 197 - 11, 0);
	assert_int_equal(load_text(tree, text), 0);
	snprintf(text, sizeof(text), "[spool]\ndirectory=/%0*d\nmax_size=2M\n", 198 - 11, 0);
	assert_int_equal(load_text(tree, text), -EINVAL);
	expect_why(tree, "%R/x.conf:2: longer than 197 bytes");
	snprintf(text, sizeof(text), "[spool]\n# %0*d\n%*smax_age=2d ; x\n", 500, 0, 250, "");
	assert_int_equal(load_text(tree, text), 0);
	assert_int_equal(tree->config.spool.max_age, 2 * 86400);
	/* A line that goes on is not supported, and that is said. */
	assert_int_equal(load_text(tree, "[alerts]\nfold = 5s \\\n 6s\n"), -EINVAL);
	expect_why(tree, "%R/x.conf:2: fold=: a line cannot be continued by '\\'\n"
			 "%R/x.conf:3: neither a [section] nor key = value");
}

static void contradictions(void **state)
{
	struct tree *tree = *state;

	assert_int_equal(load_text(tree, "[spool]\nfile_size=300M\n"), -EINVAL);
	expect_why(tree, "%R/x.conf:2: file_size=, which is 300M, is above max_size=, which is "
			 "256M: set both");
	assert_int_equal(load_text(tree, "[spool]\nmax_size=15M\n\nmax_age=1h\n"), -EINVAL);
	expect_why(tree, "%R/x.conf:2: file_size=, which is 16M, is above max_size=, which is 15M: "
			 "set both\n"
			 "%R/x.conf:4: file_age=, which is 1d, is above max_age=, which is 1h: set "
			 "both");
	expect_untouched(tree);
	assert_int_equal(load_text(tree, "[spool]\nmax_size=1M\nfile_size=1M\nmax_age=1\n"
					 "file_age=1s\n"),
			 0);
}

static void main_file(void **state)
{
	struct tree *tree = *state;

	/* None at all. */
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 60);
	put(tree, "usr/lib/thprace/thprace.conf", "[alerts]\nfold=3\nper_minute=3\n");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 3);
	/* One hides the other whole. */
	put(tree, "run/thprace/thprace.conf", "[alerts]\nfold=2\n");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 2);
	assert_int_equal(tree->config.alerts.per_minute, 10);
	put(tree, "etc/thprace/thprace.conf", "[alerts]\nfold=1\n");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 1);
	/* Also when it is empty. */
	put(tree, "etc/thprace/thprace.conf", "");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 60);
}

static void drop_ins(void **state)
{
	struct tree *tree = *state;

	put(tree, "etc/thprace/thprace.conf",
	    "[alerts]\nfold=1\nper_minute=1\n[spool]\nmax_age=2d\n");
	/* By name, wherever they are; each overrides the main file. */
	put(tree, "etc/thprace/thprace.conf.d/10-a.conf", "[alerts]\nfold=10\n");
	put(tree, "usr/lib/thprace/thprace.conf.d/20-b.conf", "[alerts]\nfold=20\nper_minute=20\n");
	put(tree, "run/thprace/thprace.conf.d/15-c.conf", "[alerts]\nfold=15\nper_minute=15\n");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 20);
	assert_int_equal(tree->config.alerts.per_minute, 20);
	assert_int_equal(tree->config.spool.max_age, 2 * 86400);
	/* Of two with the same name /etc's counts, then /run's. */
	put(tree, "run/thprace/thprace.conf.d/20-b.conf", "[alerts]\nfold=21\n");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 21);
	assert_int_equal(tree->config.alerts.per_minute, 15);
	put(tree, "etc/thprace/thprace.conf.d/20-b.conf", "[alerts]\nfold=22\n");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 22);
	/* An empty value sets the default. */
	put(tree, "etc/thprace/thprace.conf.d/30.conf", "[alerts]\nfold=\n");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 60);
	/* Other names are not read. */
	put(tree, "etc/thprace/thprace.conf.d/99.conf.dpkg-new", "nonsense");
	put(tree, "etc/thprace/thprace.conf.d/.99.conf", "nonsense");
	put(tree, "etc/thprace/thprace.conf.d/README", "nonsense");
	assert_int_equal(load(tree), 0);
}

static void masked(void **state)
{
	struct tree *tree = *state;
	char path[256];

	put(tree, "usr/lib/thprace/thprace.conf", "[alerts]\nfold=1\n");
	put(tree, "usr/lib/thprace/thprace.conf.d/10.conf", "[alerts]\nper_minute=2\n");
	put(tree, "usr/lib/thprace/thprace.conf.d/11.conf", "[spool]\nmax_age=3d\n");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 1);
	assert_int_equal(tree->config.alerts.per_minute, 2);
	assert_int_equal(tree->config.spool.max_age, 3 * 86400);
	snprintf(path, sizeof(path), "%s/run/thprace/thprace.conf.d/10.conf", tree->root);
	assert_int_equal(symlink("/dev/null", path), 0);
	put(tree, "etc/thprace/thprace.conf.d/11.conf", "");
	snprintf(path, sizeof(path), "%s/etc/thprace/thprace.conf", tree->root);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 60);
	assert_int_equal(tree->config.alerts.per_minute, 10);
	assert_int_equal(tree->config.spool.max_age, 30 * 86400);
}

/* The complaints of all files together; a contradiction is where it came about. */
static void complaints_of_files(void **state)
{
	struct tree *tree = *state;

	put(tree, "etc/thprace/thprace.conf", "[spool]\n\nx=1\n");
	put(tree, "run/thprace/thprace.conf.d/5.conf", "[x]\n");
	put(tree, "etc/thprace/thprace.conf.d/6.conf", "[alerts]\nfold=x\n");
	assert_int_equal(load(tree), -EINVAL);
	expect_why(tree, "%R/etc/thprace/thprace.conf:3: unknown key 'x' in [spool]; "
			 "thprace.conf(5) lists them\n"
			 "%R/run/thprace/thprace.conf.d/5.conf:1: unknown section [x]; "
			 "thprace.conf(5) lists them\n"
			 "%R/etc/thprace/thprace.conf.d/6.conf:2: fold=: 'x' is not a time: a "
			 "number of s, or with s, min, h, d or w");
	expect_untouched(tree);
	put(tree, "etc/thprace/thprace.conf", "[spool]\nfile_size=32M\n");
	put(tree, "run/thprace/thprace.conf.d/5.conf", "[spool]\n\nfile_size=64M\nmax_size=128M\n");
	put(tree, "etc/thprace/thprace.conf.d/6.conf", "[spool]\nmax_size=48M\n");
	assert_int_equal(load(tree), -EINVAL);
	expect_why(tree, "%R/run/thprace/thprace.conf.d/5.conf:3: file_size=, which is 64M, is "
			 "above max_size=, which is 48M: set both");
}

static void bad_files(void **state)
{
	struct tree *tree = *state;
	char path[256];

	snprintf(path, sizeof(path), "%s/etc/thprace/thprace.conf", tree->root);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(load(tree), -EISDIR);
	expect_why(tree, "%R/etc/thprace/thprace.conf: is a directory, not a file");
	assert_int_equal(rmdir(path), 0);
	/* It would be waited for for ever. */
	assert_int_equal(mkfifo(path, 0644), 0);
	assert_int_equal(load(tree), -EINVAL);
	expect_why(tree, "%R/etc/thprace/thprace.conf: is something special, not a file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/nonexistent/x", path), 0);
	assert_int_equal(load(tree), -ENOENT);
	expect_why(tree,
		   "%R/etc/thprace/thprace.conf: cannot be opened: No such file or directory");
	expect_untouched(tree);
	/* --config: only that one, and it has to be there. */
	assert_int_equal(load_text(tree, "[alerts]\nfold=5s\n"), 0);
	assert_int_equal(unlink(tree->file), 0);
	assert_int_equal(config__load(&tree->config, "", tree->file, tree->why, WHY_MAX), -ENOENT);
	expect_why(tree, "%R/x.conf: cannot be opened: No such file or directory");
	/* A folder of drop-ins that is none. */
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/run/thprace/thprace.conf.d", tree->root);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(load(tree), 0);
	put(tree, "run/thprace/thprace.conf.d", "");
	assert_int_equal(load(tree), -ENOTDIR);
	expect_why(tree, "%R/run/thprace/thprace.conf.d: cannot be listed: Not a directory");
}

/* root may read anything: as somebody else. */
static void not_readable(void **state)
{
	struct tree *tree = *state;
	char path[256];
	int err;

	put(tree, "etc/thprace/thprace.conf", "[alerts]\nfold=5s\n");
	snprintf(path, sizeof(path), "%s/etc/thprace/thprace.conf", tree->root);
	assert_int_equal(chmod(path, 0), 0);
	if (!geteuid())
		assert_return_code(seteuid(65534), errno);
	err = load(tree);
	if (!getuid())
		assert_return_code(seteuid(0), errno);
	assert_int_equal(err, -EACCES);
	expect_why(tree,
		   "%R/etc/thprace/thprace.conf: cannot be opened: Permission denied; thpraced's "
		   "account has to be able to read it");
	/* Nor may a folder that cannot be searched pass for one that is empty. */
	assert_int_equal(chmod(path, 0644), 0);
	snprintf(path, sizeof(path), "%s/etc/thprace", tree->root);
	assert_int_equal(chmod(path, 0), 0);
	if (!geteuid())
		assert_return_code(seteuid(65534), errno);
	err = load(tree);
	if (!getuid())
		assert_return_code(seteuid(0), errno);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(err, -EACCES);
}

/* Random bytes: it never crashes, and says something whenever it fails. */
static void garbage(void **state)
{
	static const char alphabet[] =
		"[]=;#\\ \n\n\r\tabfoldspoolalerts0159kMGs%./\x80\xef\xbb\xbf";
	struct tree *tree = *state;
	char bytes[600];
	unsigned int round;
	size_t i, size;

	srand(1);
	for (round = 0; round < 3000; round++) {
		size = (size_t)rand() % sizeof(bytes);
		for (i = 0; i < size; i++)
			bytes[i] = alphabet[(size_t)rand() % sizeof(alphabet)];
		put_bytes(tree, "x.conf", bytes, size);
		if (config__load(&tree->config, "", tree->file, tree->why, WHY_MAX))
			assert_true(tree->why[0]);
		else
			assert_string_equal(tree->why, "");
	}
}

int main(void)
{
#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		WITH_TREE(every_value),
		cmocka_unit_test(every_key),
		WITH_TREE(members),
		WITH_TREE(long_paths),
		WITH_TREE(empty_is_default),
		WITH_TREE(printed),
		WITH_TREE(shipped),
		WITH_TREE(complaints),
		WITH_TREE(complaints_are_clean),
		WITH_TREE(too_many_complaints),
		WITH_TREE(forms),
		WITH_TREE(contradictions),
		WITH_TREE(main_file),
		WITH_TREE(drop_ins),
		WITH_TREE(masked),
		WITH_TREE(complaints_of_files),
		WITH_TREE(bad_files),
		WITH_TREE(not_readable),
		WITH_TREE(garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
