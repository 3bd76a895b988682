// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data from outside that may go to a terminal: every string in traces, images, BTF and the daemon's
 * answers, and file names. None brings a control character there, with any verb in any format.
 */
#include "trace_support.h"

#include <argp.h>
#include <locale.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <bpf/btf.h>
#include "bounded.h"
#include "check/check_source.h"
#include "cli.h"
#include "base/output.h"
#include "classes/race_class.h"
#include "tiny_kernel.h"

/* A title, a colour, DEL, an 8-bit CSI, one that changes the direction, and one invalid byte. */
#define HOSTILE "\\u001b]0;x\\u0007\\u001b[31m\\u007f\302\233 31m\342\200\256\\rY\\bZ\377"
#define HOSTILE_BYTES "\033]0;x\007\033[31m\177\302\233 31m\342\200\256\rY\bZ\377"

typedef int (*verb_fn)(int argc, char **argv);

struct call {
	verb_fn verb;
	const char *args[4];
	const char *locale;
};

static char printed[96], errors[96], socket_path[96];

static int call(void *ctx)
{
	const struct call *call = ctx;
	char copies[5][256] = {"thprace verb"};
	char *argv[6] = {copies[0]};
	int argc = 1, status;

	setlocale(LC_CTYPE, call->locale);
	argp_err_exit_status = CLI_USAGE;
	while (argc < 5 && call->args[argc - 1]) {
		snprintf(copies[argc], sizeof(copies[0]), "%s", call->args[argc - 1]);
		argv[argc] = copies[argc];
		argc++;
	}
	argv[argc] = NULL;
	if (!freopen(printed, "w", stdout) || !freopen(errors, "w", stderr) ||
	    dup2(fileno(stderr), STDERR_FILENO) < 0)
		return 98;
	output__guard("thprace");
	status = call->verb(argc, argv);
	fflush(NULL);
	return status;
}

/* Checked by bytes, not with the function that cleans. */
static void assert_fit(const char *path, const char *what)
{
	static unsigned char text[1 << 20];
	size_t size = load(path, text, sizeof(text)), i;

	for (i = 0; i < size; i++) {
		if (text[i] == '\n' || (text[i] >= ' ' && text[i] < 0x7f))
			continue;
		if (text[i] == 0xc2 && i + 1 < size && text[i + 1] >= 0xa0) /* "µ" */
			i++;
		else if (text[i] == 0xc3 && i + 1 < size && text[i + 1] == 0x97) /* "×" */
			i++;
		else if (text[i] >= 0xe2 && text[i] < 0xf0 && i + 2 < size &&
			 !(text[i] == 0xe2 && text[i + 1] == 0x80)) /* "…", "█" */
			i += 2;
		else
			fail_msg("%s: byte %zu is 0x%02x", what, i, text[i]);
	}
}

/* In both locales. Returns the status. */
static int run(verb_fn verb, const char *one, const char *two, const char *three)
{
	struct call of = {.verb = verb, .args = {one, two, three}, .locale = "C"};
	int status = bounded(call, &of), i;

	for (i = 0; i < 2; i++) {
		assert_in_range(status, 0, 4);
		assert_fit(printed, one);
		assert_fit(errors, one);
		of.locale = "C.UTF-8";
		status = bounded(call, &of);
	}
	return status;
}

static void report_and_dump(void)
{
	run(cmd_report, file, NULL, NULL);
	run(cmd_report, "--verbose", file, NULL);
	run(cmd_report, "--format=json", file, NULL);
	run(cmd_report, "--crosscheck", file, NULL);
	run(cmd_dump, file, NULL, NULL);
	run(cmd_dump, "--format=json", file, NULL);
	run(cmd_dump, "--format=csv", file, NULL);
}

static void write_trace(enum thprace_block_type type, const char *json)
{
	struct thprace_incident incident = {.type = THPRACE_MSG_INCIDENT};
	struct trace_writer *writer;
	unsigned int verdict, class;

	assert_int_equal(trace_writer__open(&writer, file, 1, 2, THPRACE_TF_ALL), 0);
	if (type != THPRACE_BLOCK_META)
		trace_writer__json(writer, THPRACE_BLOCK_META, "{\"mode\":\"light\"}");
	assert_int_equal(trace_writer__json(writer, type, json), 0);
	memcpy(incident.window.comm, HOSTILE_BYTES, THPRACE_COMM_LEN - 1);
	memcpy(incident.walk.comm, HOSTILE_BYTES + 5, THPRACE_COMM_LEN - 1);
	incident.opener_stack = (struct thprace_stack){.nr = 2, .ip = {0x1000, 0x2000}};
	incident.walker_stack = incident.opener_stack;
	incident.window.open = 1000;
	incident.window.pid = 7;
	incident.walk.enter = 1100;
	incident.walk.leave = 1900;
	incident.walk.pid = 8;
	for (verdict = 1; verdict < THPRACE_VERDICT_MAX; verdict++) {
		for (class = 1; class < race_class__end(); class ++) {
			incident.verdict = (uint8_t)verdict;
			incident.walk.class = (uint8_t) class;
			assert_int_equal(trace_writer__incident(writer, &incident), 0);
		}
	}
	assert_int_equal(trace_writer__close(writer), 0);
}

/* Each string of the format on its own, so that one that is refused does not hide another. */
static void strings_of_traces(void **state)
{
	static const struct {
		enum thprace_block_type type;
		int status;
		const char *json;
	} cases[] = {
		{THPRACE_BLOCK_META, CLI_FAILED, "{\"tool\":\"" HOSTILE "\"}"},
		{THPRACE_BLOCK_META, CLI_FAILED, "{\"version\":\"" HOSTILE "\"}"},
		{THPRACE_BLOCK_META, CLI_FAILED, "{\"kernel\":\"" HOSTILE "\"}"},
		{THPRACE_BLOCK_META, CLI_FAILED, "{\"machine\":\"" HOSTILE "\"}"},
		{THPRACE_BLOCK_META, CLI_FAILED, "{\"attach\":\"" HOSTILE "\"}"},
		{THPRACE_BLOCK_META, CLI_FAILED, "{\"clock\":\"" HOSTILE "\"}"},
		{THPRACE_BLOCK_META, CLI_FAILED,
		 "{\"clock_source\":\"" HOSTILE "\",\"clock_step_ns\":5}"},
		{THPRACE_BLOCK_META, CLI_FOUND, "{\"mode\":\"" HOSTILE "\"}"},
		{THPRACE_BLOCK_META, CLI_FOUND, "{\"command\":[\"" HOSTILE "\",\"" HOSTILE "\"]}"},
		{THPRACE_BLOCK_META, CLI_FOUND,
		 "{\"" HOSTILE "\":[{\"" HOSTILE "\":\"" HOSTILE "\"}]}"},
		{THPRACE_BLOCK_META, CLI_FAILED, "{\"probes\":[{\"point\":\"" HOSTILE "\"}]}"},
		{THPRACE_BLOCK_META, CLI_FAILED,
		 "{\"probes\":[{\"point\":\"zap\",\"function\":\"" HOSTILE "\"}]}"},
		{THPRACE_BLOCK_META, CLI_FAILED, "{\"probes\":[{\"kind\":\"" HOSTILE "\"}]}"},
		{THPRACE_BLOCK_META, CLI_FAILED, "{\"probes\":[{\"state\":\"" HOSTILE "\"}]}"},
		{THPRACE_BLOCK_META, CLI_FOUND,
		 "{\"probes\":[{\"point\":\"zap\",\"reason\":\"" HOSTILE "\"}]}"},
		{THPRACE_BLOCK_META, CLI_FOUND,
		 "{\"not_observable\":[{\"class\":\"hwpoison-unmap\",\"reason\":\"" HOSTILE "\"},"
		 "{\"class\":\"" HOSTILE "\"}]}"},
		{THPRACE_BLOCK_STATS, CLI_FAILED, "{\"programs\":[{\"name\":\"" HOSTILE "\"}]}"},
		{THPRACE_BLOCK_STATS, CLI_FAILED, "{\"programs\":[{\"point\":\"" HOSTILE "\"}]}"},
		{THPRACE_BLOCK_STATS, CLI_FAILED,
		 "{\"programs\":[{\"function\":\"" HOSTILE "\"}]}"},
		{THPRACE_BLOCK_STATS, CLI_FAILED, "{\"programs\":[{\"kind\":\"" HOSTILE "\"}]}"},
		{THPRACE_BLOCK_STATS, CLI_FAILED, "{\"silent\":[{\"point\":\"" HOSTILE "\"}]}"},
		{THPRACE_BLOCK_STATS, CLI_FOUND, "{\"silent\":[{\"reason\":\"" HOSTILE "\"}]}"},
		{THPRACE_BLOCK_STATS, CLI_FOUND, "{\"lost\":{\"" HOSTILE "\":5}}"},
		{THPRACE_BLOCK_STATS, CLI_FOUND,
		 "{\"closest\":{\"distance\":5,\"window\":{\"comm\":\"" HOSTILE "\",\"pid\":1},"
		 "\"walk\":{\"comm\":\"" HOSTILE "\",\"class\":\"" HOSTILE "\",\"pid\":2}}}"},
		{THPRACE_BLOCK_SYMBOLS, CLI_FAILED, "{\"0x1000\":\"" HOSTILE "\"}"},
		{THPRACE_BLOCK_SYMBOLS, CLI_FOUND, "{\"" HOSTILE "\":\"a\"}"},
		{THPRACE_BLOCK_TASKS, CLI_FOUND,
		 "[{\"pid\":5,\"comm\":\"" HOSTILE "\",\"windows\":9},{\"comm\":\"" HOSTILE "\"}]"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_trace(cases[i].type, cases[i].json);
		report_and_dump();
		if (run(cmd_report, file, NULL, NULL) != cases[i].status)
			fail_msg("status of %s is not %d", cases[i].json, cases[i].status);
	}
}

/* A name cannot make a line of its own, which would look like one of our messages. */
static void assert_one_line(void)
{
	char text[4096];
	size_t size = load(errors, (unsigned char *)text, sizeof(text) - 1);

	text[size] = '\0';
	assert_ptr_equal(strchr(text, '\n'), text + size - 1);
}

/* Messages about a file contain its name. */
static void names_of_files(void **state)
{
	static const char hostile[] = "\033[31m\302\233\342\200\256\177\377\nall is well.thpr";
	char kept[sizeof(file)], option[200];

	(void)state;
	memcpy(kept, file, sizeof(file));
	snprintf(file, sizeof(file), "%s/%s", folder, hostile);
	assert_int_equal(run(cmd_report, file, NULL, NULL), CLI_FAILED); /* there is none */
	assert_one_line();
	assert_int_equal(run(cmd_dump, file, NULL, NULL), CLI_FAILED);
	assert_one_line();
	store(file, "THPRACE\nand damaged", 19);
	report_and_dump();
	/* Of many: a line for each. */
	assert_int_equal(run(cmd_report, file, file, NULL), CLI_FAILED);
	assert_int_equal(run(cmd_report, folder, NULL, NULL), CLI_FOUND);
	assert_one_line();
	snprintf(option, sizeof(option), "--kernel=%s", file);
	assert_int_equal(run(cmd_check, option, NULL, NULL), CLI_FAILED);
	snprintf(option, sizeof(option), "--btf=%s", file);
	assert_int_equal(run(cmd_check, option, NULL, NULL), CLI_FAILED);
	assert_one_line();
	assert_int_equal(run(cmd_probes, option, NULL, NULL), CLI_FAILED);
	assert_one_line();
	snprintf(option, sizeof(option), "--config=%s", file);
	assert_int_equal(run(cmd_check, option, NULL, NULL), CLI_FAILED);
	snprintf(option, sizeof(option), "--socket=%s", file);
	assert_int_equal(run(cmd_status, option, NULL, NULL), CLI_FAILED);
	snprintf(option, sizeof(option), "--spool=%s", file);
	assert_int_equal(run(cmd_incidents, option, NULL, NULL), CLI_FAILED);
	assert_int_equal(run(cmd_show, option, "7", NULL), CLI_FAILED);
	/* Words that argp and getopt quote. */
	assert_int_equal(run(cmd_dump, file, file, NULL), CLI_USAGE);
	assert_int_equal(run(cmd_report, "--\033[31m", NULL, NULL), CLI_USAGE);
	assert_int_equal(run(cmd_dump, "--class=\033[31m", file, NULL), CLI_USAGE);
	unlink(file);
	memcpy(file, kept, sizeof(file));
}

/* With symbols that evidence may quote, and a file whose name does the same. */
static char *image(size_t *size)
{
	const struct tiny_kernel kernel = {.flag = true};
	struct tiny *tiny = tiny__new();
	size_t btf_size;
	void *btf = tiny__btf(&kernel, &btf_size), *data;

	tiny__fill(tiny, &kernel);
	tiny__function(tiny, "collapse_file." HOSTILE_BYTES);
	tiny__code(tiny, "c3");
	data = tiny__vmlinux(tiny, TINY_SYMTAB, btf, btf_size, size);
	tiny__free(tiny);
	free(btf);
	return data;
}

/* A kernel's BTF, so that its plan is printed. */
static void plan_of_file(const char *name, const char *option)
{
	const struct tiny_kernel kernel = {.flag = true};
	size_t size;
	void *raw = tiny__btf(&kernel, &size);
	struct btf *btf = btf__new(raw, (unsigned int)size);
	const void *whole;
	unsigned int length;

	btf__add_func(btf, "io_schedule", BTF_FUNC_GLOBAL, btf__add_func_proto(btf, 0));
	whole = btf__raw_data(btf, &length);
	store(name, whole, length);
	btf__free(btf);
	free(raw);
	run(cmd_probes, option, NULL, NULL);
	run(cmd_probes, option, "--format=json", NULL);
	run(cmd_check, option, NULL, NULL);
}

static void strings_of_images(void **state)
{
	char name[sizeof(file)], option[200], *data, *found;
	size_t size;

	(void)state;
	data = image(&size);
	snprintf(name, sizeof(name), "%s/\033[31m\302\233\377", folder);
	store(name, data, size);
	snprintf(option, sizeof(option), "--kernel=%s", name);
	assert_in_range(run(cmd_check, option, NULL, NULL), CLI_DONE, CLI_FOUND);
	run(cmd_check, option, "--format=json", NULL);
	snprintf(option, sizeof(option), "--btf=%s", name);
	run(cmd_check, option, NULL, NULL);
	run(cmd_probes, option, NULL, NULL);
	plan_of_file(name, option);
	/* A version line with a control character is not accepted. */
	found = memmem(data, size, "nobody", 6);
	assert_non_null(found);
	found[1] = '\033';
	store(name, data, size);
	snprintf(option, sizeof(option), "--kernel=%s", name);
	assert_int_equal(run(cmd_check, option, NULL, NULL), CLI_FAILED);
	unlink(name);
	free(data);
}

/*
 * --- a false daemon
 * -------------------------------------------------------------------------------
 */

#define STR(name) "\"" name "\":\"" HOSTILE "\","

/* Each text that a verb reads from an answer, and those of the trace's records. */
static const char answer[] = "{\"type\":\"answer\"," STR("version") STR("kernel") STR("mode") STR(
	"directory")
	STR("raw") "\"text\":\"" HOSTILE "\\n" HOSTILE "\"," STR(HOSTILE) "\"classes\":[{" STR("reason") "\"class\":\"" HOSTILE "\",\"observable\":false},{" STR(
		"reason") "\"class\":\"split-unmap\",\"walkers\":5}],"
			  "\"probes\":[{" STR("point") STR("reason") "\"state\":\"failed\"},{" STR("point") STR(
				  "reason") "\"state\":\"shed\"}],"
					    "\"overhead\":{" STR(
						    "reason") "\"measured\":true},"
							      "\"spool\":{" STR("directory") STR(
								      "reason") "\"health\":\"" HOSTILE
										"\"},"
										"\"alerts\":{\"target\":\"" HOSTILE
										"\"},"
										"\"loss\":{\"causes\":{\"" HOSTILE
										"\":5}},"
										"\"number\":7,\"class\":\"" HOSTILE
										"\",\"verdict\":\"" HOSTILE
										"\","
										"\"window\":{\"comm\":\"" HOSTILE
										"\",\"level\":\"" HOSTILE
										"\",\"pid\":7},"
										"\"walker\":{\"comm\":\"" HOSTILE
										"\",\"pid\":8}}\n"
										"{\"type\":\"end\",\"first\":1,\"directory\":\"/nonexistent/" HOSTILE
										"\"}\n";

static const char refusal[] = "{\"type\":\"error\",\"error\":\"" HOSTILE "\",\"message\":\"" HOSTILE
			      "\\n" HOSTILE "\"}\n";

static const char nonsense[] = "\033[31m\n";

/* Answers every client, until it is killed. */
static pid_t serve(const char *text)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), client;
	char request[4096];
	pid_t child;

	unlink(socket_path);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!child) {
		client = accept(fd, NULL, NULL);
		if (client < 0 || read(client, request, sizeof(request)) <= 0)
			continue;
		if (write(client, text, strlen(text)) < 0)
			_exit(1);
		close(client);
	}
	close(fd);
	return child;
}

static void answers_of_a_daemon(void **state)
{
	static const char *const texts[] = {answer, refusal, nonsense};
	char option[200];
	size_t i;
	pid_t child;

	(void)state;
	snprintf(option, sizeof(option), "--socket=%s", socket_path);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		child = serve(texts[i]);
		run(cmd_status, option, NULL, NULL);
		run(cmd_status, option, "--format=json", NULL);
		run(cmd_incidents, option, NULL, NULL);
		run(cmd_incidents, option, "--format=json", NULL);
		run(cmd_show, option, "7", NULL);
		run(cmd_metrics, option, NULL, NULL);
		run(cmd_reload, option, NULL, NULL);
		run(cmd_dump, option, "--live", NULL);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	unlink(socket_path);
}

static int begin(void **state)
{
	if (make_folder(state))
		return -1;
	snprintf(printed, sizeof(printed), "%s/printed", folder);
	snprintf(errors, sizeof(errors), "%s/said", folder);
	snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
	return 0;
}

static int end(void **state)
{
	unlink(printed);
	unlink(errors);
	return remove_folder(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_of_traces),
		cmocka_unit_test(names_of_files),
		cmocka_unit_test(strings_of_images),
		cmocka_unit_test(answers_of_a_daemon),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
