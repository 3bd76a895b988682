// SPDX-License-Identifier: GPL-2.0-only
/* thprace check: is each race class fixed in a kernel, and what shows it. */
#include "cli.h"

#include <argp.h>
#include <stdbool.h>
#include <string.h>
#include <json-c/json.h>
#include "check.h"
#include "check_source.h"

#define COLUMNS 100
#define INDENT 18 /* where the words of the classes stand, and below them the kinds of evidence */
#define KIND 8 /* the width of those */

enum check_option {
	OPT_KERNEL = 'k',
	OPT_BTF = 'b',
	OPT_CONFIG = 'c',
	OPT_FORMAT = 'f',
};

static const struct argp_option options[] = {
	{"kernel", OPT_KERNEL, "FILE", 0, "a kernel image: bzImage, vmlinux, Image", 0},
	{"btf", OPT_BTF, "FILE", 0, "its BTF, where the image has none; alone: judge by BTF", 0},
	{"config", OPT_CONFIG, "FILE", 0, "its configuration, gzip'ed or not", 0},
	{"format", OPT_FORMAT, "FORMAT", 0, "text (default) or json (an object per class)", 0},
	{0},
};

struct check_arguments {
	struct check_files files;
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct check_arguments *arguments = state->input;

	switch (key) {
	case OPT_KERNEL:
		arguments->files.kernel = arg;
		break;
	case OPT_BTF:
		arguments->files.btf = arg;
		break;
	case OPT_CONFIG:
		arguments->files.config = arg;
		break;
	case OPT_FORMAT:
		arguments->json = cli__parse_json(arg, state);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is too many: a file is given with --kernel", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Tell whether each race class is fixed in a kernel, and what shows it.\v"
	       "Without --kernel and --btf it is the running kernel. Nothing is attached, and a file "
	       "needs no root.\n"
	       "Exit status: 0 done, 1 failed, 2 wrong usage, 3 a class is vulnerable.",
};

/* Text in lines of COLUMNS columns, that begin at column `indent`; the cursor is there already. */
static void print_wrapped(const char *text, size_t indent)
{
	size_t room = COLUMNS - indent, length, take;

	while ((length = strlen(text)) > 0) {
		take = length;
		if (length > room) {
			for (take = room; take && text[take] != ' '; take--)
				;
			if (!take)
				take = room;
		}
		printf("%.*s\n", (int)take, text);
		text += take + (text[take] == ' ');
		if (*text)
			printf("%*s", (int)indent, "");
	}
}

static void print_line(const char *kind, const char *text)
{
	printf("%*s%-*s", INDENT, "", KIND, kind);
	print_wrapped(text, INDENT + KIND);
}

static void print_commit(const struct check_commit *commit)
{
	char text[256];

	snprintf(text, sizeof(text), "%.12s \"%s\" (%s)", commit->hash, commit->subject,
		 commit->version);
	print_line("fix", text);
}

static void print_text(const struct check_source *source, const struct check_result *results)
{
	static const char *const classes[] = THPRACE_CLASS_NAMES;
	static const char *const words[] = CHECK_WORD_NAMES;
	static const char *const kinds[] = CHECK_KIND_NAMES;
	const struct check_fact *fact;
	size_t i;
	int class;

	printf("%-*s", INDENT, "kernel");
	print_wrapped(source->banner[0] ? source->banner : "not named", INDENT);
	printf("%-*s", INDENT, "read");
	print_wrapped(source->from, INDENT);
	for (class = 1; class < THPRACE_CLASS_MAX; class ++) {
		printf("\n%-*s%s\n", INDENT, classes[class], words[results[class].word]);
		for (i = 0; i < results[class].nr_evidence; i++) {
			fact = results[class].evidence[i];
			print_line(fact->answer == CHECK_NOT_KNOWN ? "missing" : kinds[fact->kind],
				   fact->text);
		}
		print_commit(check__commit(class));
	}
}

static void add(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value));
}

static struct json_object *to_json(const struct check_source *source,
				   const struct check_result *result, int class)
{
	static const char *const classes[] = THPRACE_CLASS_NAMES;
	static const char *const words[] = CHECK_WORD_NAMES;
	static const char *const kinds[] = CHECK_KIND_NAMES;
	struct json_object *object = json_object_new_object(), *one;
	struct json_object *evidence = json_object_new_array(), *missing = json_object_new_array();
	const struct check_commit *commit = check__commit(class);
	size_t i;

	add(object, "class", classes[class]);
	add(object, "word", words[result->word]);
	for (i = 0; i < result->nr_evidence; i++) {
		one = json_object_new_object();
		add(one, "kind", kinds[result->evidence[i]->kind]);
		add(one, "text", result->evidence[i]->text);
		json_object_array_add(
			result->evidence[i]->answer == CHECK_NOT_KNOWN ? missing : evidence, one);
	}
	json_object_object_add(object, "evidence", evidence);
	json_object_object_add(object, "missing", missing);
	add(object, "commit", commit->hash);
	add(object, "subject", commit->subject);
	add(object, "since", commit->version);
	add(object, "kernel", source->banner);
	return object;
}

static void print_json(const struct check_source *source, const struct check_result *results)
{
	struct json_object *object;
	int class;

	for (class = 1; class < THPRACE_CLASS_MAX; class ++) {
		object = to_json(source, &results[class], class);
		puts(json_object_to_json_string_ext(
			object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(object);
	}
}

static int check(const struct check_arguments *arguments)
{
	struct check_result results[THPRACE_CLASS_MAX];
	struct check_source source;
	struct check_facts facts;
	int class, status = CLI_DONE;
	char why[512];

	if (check_source__open(&source, &arguments->files, why, sizeof(why))) {
		fprintf(stderr, "thprace check: %s\n", why);
		return CLI_FAILED;
	}
	check_facts__gather(&facts, &source);
	for (class = 1; class < THPRACE_CLASS_MAX; class ++) {
		check__judge(&facts, class, &results[class]);
		if (results[class].word == CHECK_VULNERABLE)
			status = CLI_FOUND;
	}
	if (arguments->json)
		print_json(&source, results);
	else
		print_text(&source, results);
	check_source__release(&source);
	return status;
}

int cmd_check(int argc, char **argv)
{
	struct check_arguments arguments = {0};

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	cli__begin_output();
	return cli__finish_output(check(&arguments));
}
