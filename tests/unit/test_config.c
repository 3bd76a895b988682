// SPDX-License-Identifier: GPL-2.0-only
/* The configuration: every key, good and bad values, the printed and the installed one. */
#include "config_support.h"

static void defaults(void **state)
{
	struct config config;

	(void)state;
	config__defaults(&config);
	assert_int_equal(config.observe.mode, THPRACE_LIGHT);
	assert_int_equal(config.observe.attach, PROBE_ATTACH_AUTO);
	assert_string_equal(config.observe.btf, "");
	assert_string_equal(config.observe.races, "");
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
	assert_false(config.metrics.all);
	assert_string_equal(config.control.socket, "/run/thprace/control.sock");
	assert_string_equal(config.control.group, "thprace");
	assert_int_equal(config.control.clients, 16);
	assert_int_equal(config.control.timeout, 10);
	assert_true(config.overhead.budget == 0.005);
	assert_int_equal(config.overhead.period, 10);
	assert_int_equal(config.overhead.patience, 3);
	assert_int_equal(config.overhead.recovery, 6);
}

/* A key, a value, and its printed form: NULL if it is refused. */
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
	{"observe", "btf", "none", "none"},
	{"observe", "btf", "/boot/x.btf", "/boot/x.btf"},
	{"observe", "btf", "x.btf", NULL},
	{"observe", "races", "none", "none"},
	{"observe", "races", "a-race", "a-race"},
	{"observe", "races", "a-race  /x/y.race\tb", "a-race /x/y.race b"},
	{"observe", "races", "a none", NULL},
	{"observe", "races", "A", NULL},
	{"observe", "races", "./x.race", NULL},
	{"observe", "races", "/x/../y.race", NULL},
	{"observe", "races", "a b c d e f g h i j k l m n o p", "a b c d e f g h i j k l m n o p"},
	{"observe", "races", "a b c d e f g h i j k l m n o p q", NULL},
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
	{"spool", "file_age", "90.5s", NULL},
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
	{"metrics", "all", "yes", "yes"},
	{"metrics", "all", "fleet", NULL},
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
			/* One error message, with the place. */
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

/* The table above has every key, with at least one accepted value each. */
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

/* Paths up to the length that their users accept. Lines are shorter than CONFIG_PATH_MAX. */
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
	/* Also after it was something else, and with a comment after it. */
	assert_int_equal(load_text(tree, "[alerts]\nfold=5s\nfold= ; as it was\n"), 0);
	expect_equal(&tree->config, &config);
}

/* The printed configuration gives the same when it is read. */
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

/* The installed file: all keys, commented out, with their defaults. */
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
		/* "#key = value" is a key; "# Text" is a comment; the rest is only sections. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults), WITH_TREE(every_value), cmocka_unit_test(every_key),
		WITH_TREE(members),	    WITH_TREE(long_paths),  WITH_TREE(empty_is_default),
		WITH_TREE(printed),	    WITH_TREE(shipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
