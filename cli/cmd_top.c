// SPDX-License-Identifier: GPL-2.0-only
/* thprace top: what the daemon sees now, on a terminal, again and again. */
#include "cli.h"

#include <curses.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <json-c/json.h>
#include "base/clock.h"
#include "base/json.h"
#include "client.h"
#include "top.h"
#include "top_screen.h"

#define DRAWING_MAX (64 << 10) /* bytes of the text of an incident */
#define INTERVAL_LEAST (100 * TIMESPAN_SECOND / 1000)
#define INTERVAL_MOST (3600 * TIMESPAN_SECOND)

enum top_option {
	OPT_INTERVAL = 'i',
	OPT_SOCKET = 256,
};

static const struct argp_option options[] = {
	{"interval", OPT_INTERVAL, "T", 0, "ask the daemon every T: 2 (default), 500ms, 1min", 0},
	{"socket", OPT_SOCKET, "PATH", 0, "use this socket instead of " CLIENT_SOCKET, 0},
	{0},
};

struct watcher {
	const char *socket;
	uint64_t interval; /* ns */
	struct top top;
	struct top_view view;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct watcher *watcher = state->input;

	switch (key) {
	case OPT_INTERVAL:
		watcher->interval =
			cli__parse_span(arg, TIMESPAN_SECOND, INTERVAL_LEAST, INTERVAL_MOST, state);
		break;
	case OPT_SOCKET:
		watcher->socket = arg;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is too many", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Show on a terminal what the daemon sees: rates of each race class, lengths of "
	       "windows, loss, cost, and the latest incidents. Keys: q quit, s sort the classes, f "
	       "filter the incidents by verdict, space freeze, up and down select an incident, "
	       "enter draw it."
	       "\vExit status: 0 done, 1 the daemon cannot be asked, 2 wrong usage.",
};

/* Those since the last time: at most 1024, which are in the daemon's memory. */
static int ask_incidents(struct watcher *watcher, char *why, size_t size)
{
	struct json_object *request = client__request("incidents"), *line = NULL;
	struct client *client;
	int got;

	if (request && watcher->top.next)
		json__add_number(request, "since", watcher->top.next);
	got = client__call(&client, watcher->socket, request, CLIENT_PATIENCE, why, size);
	if (got)
		return got;
	do {
		got = client__next(client, &line, why, size);
		if (got >= 0)
			top__incident(&watcher->top, line);
		json_object_put(line);
		line = NULL;
	} while (got > 0);
	client__close(client);
	return got;
}

/* Returns 0, or negative errno with view.trouble. */
static int ask(struct watcher *watcher)
{
	struct json_object *answer = NULL;
	char *why = watcher->view.trouble;
	const size_t size = sizeof(watcher->view.trouble);
	int err = client__call_once(watcher->socket, client__request("status"), &answer, why, size);

	if (!err) {
		/* A daemon that was started anew counts its incidents on; its memory is empty. */
		top__status(&watcher->top, answer);
		err = ask_incidents(watcher, why, size);
	}
	json_object_put(answer);
	if (!err)
		why[0] = '\0';
	why[strcspn(why, "\n")] = '\0';
	return err;
}

/* In the child: `thprace show NUMBER`, into the pipe. */
static void show(const struct watcher *watcher, int out)
{
	char number[24], verb[] = "thprace show", socket[] = "--socket", plain[] = "--color=never";
	char columns[16];
	char *path = strdup(watcher->socket);
	char *argv[] = {verb, plain, socket, path, number, NULL};
	int status;

	snprintf(number, sizeof(number), "%" PRIu64, watcher->view.selected_number);
	snprintf(columns, sizeof(columns), "%d", COLS);
	setenv("COLUMNS", columns, 1);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	close(out);
	status = path ? cmd_show(5, argv) : CLI_FAILED;
	fflush(NULL);
	_exit(status);
}

/* The incident's drawing, in text. Returns false: it could not be made. */
static bool draw_incident(const struct watcher *watcher, char *text, size_t size)
{
	size_t used = 0;
	ssize_t got = 0;
	int pipes[2];
	pid_t child;

	if (pipe(pipes))
		return false;
	child = fork();
	if (!child) {
		close(pipes[0]);
		show(watcher, pipes[1]);
	}
	close(pipes[1]);
	while (child > 0 && used + 1 < size &&
	       (got = read(pipes[0], text + used, size - 1 - used)) > 0)
		used += (size_t)got;
	text[used] = '\0';
	close(pipes[0]);
	if (child > 0)
		waitpid(child, NULL, 0);
	return child > 0;
}

/* Until the user has read it. */
static void read_incident(const struct watcher *watcher)
{
	static char text[DRAWING_MAX];
	size_t first = 0, lines, fit;
	char title[64];
	int key = 0;

	if (!watcher->view.selected_number || !draw_incident(watcher, text, sizeof(text)))
		return;
	snprintf(title, sizeof(title), "incident %" PRIu64, watcher->view.selected_number);
	timeout(-1);
	while (key != 'q' && key != '\r' && key != KEY_ENTER && key != KEY_LEFT && key != ERR) {
		lines = top_screen__text(title, text, first);
		fit = top_screen__text_lines();
		key = getch();
		if ((key == KEY_DOWN || key == 'j') && first + fit < lines)
			first++;
		else if ((key == KEY_UP || key == 'k') && first)
			first--;
		else if (key == KEY_NPAGE && first + fit < lines)
			first += lines - first - fit < fit ? lines - first - fit : fit;
		else if (key == KEY_PPAGE)
			first -= first < fit ? first : fit;
	}
}

/* Returns false: quit. */
static bool take_key(struct watcher *watcher, int key)
{
	static const unsigned int verdicts[] = {0,
						THPRACE_ESCAPE,
						THPRACE_UNATTRIBUTED,
						THPRACE_REMAINED,
						THPRACE_UNPROVEN,
						THPRACE_CONTAINED};
	struct top_view *view = &watcher->view;
	unsigned int i = 0;

	switch (key) {
	case 'q':
		return false;
	case 's':
		view->order = (view->order + 1) % TOP_ORDER_MAX;
		break;
	case 'f':
		while (verdicts[i] != view->verdict)
			i++;
		view->verdict = verdicts[(i + 1) % (sizeof(verdicts) / sizeof(verdicts[0]))];
		view->selected = 0;
		break;
	case ' ':
		view->frozen = !view->frozen;
		break;
	case KEY_DOWN:
	case 'j':
		view->selected++;
		break;
	case KEY_UP:
	case 'k':
		view->selected -= view->selected > 0;
		break;
	case '\r':
	case KEY_ENTER:
		read_incident(watcher);
		break;
	default:
		break;
	}
	return true;
}

static void watch(struct watcher *watcher)
{
	uint64_t asked = clock__now(), now;
	int key;

	do {
		now = clock__now();
		if (!watcher->view.frozen && now - asked >= watcher->interval) {
			ask(watcher);
			asked = now = clock__now();
		}
		top_screen__draw(&watcher->top, &watcher->view);
		timeout(watcher->view.frozen
				? -1
				: (int)((asked + watcher->interval - now) / 1000000) + 1);
		key = getch();
		/* No key in time; or no terminal any more. */
	} while (take_key(watcher, key) && !(key == ERR && watcher->view.frozen));
}

int cmd_top(int argc, char **argv)
{
	struct watcher *watcher = calloc(1, sizeof(*watcher));
	int status = CLI_FAILED;

	if (!watcher)
		return cli__fail("top", NULL, strerror(ENOMEM));
	watcher->socket = CLIENT_SOCKET;
	watcher->interval = 2 * TIMESPAN_SECOND;
	cli__parse(&argp, argc, argv, 0, watcher);
	watcher->top.utf8 = cli__utf8();
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		cli__fail("top", NULL,
			  "it needs a terminal; 'thprace status' prints the same once");
	} else if (ask(watcher)) {
		cli__fail("top", NULL, watcher->view.trouble);
	} else {
		top_screen__begin(cli__colour(stdout));
		watch(watcher);
		top_screen__end();
		status = CLI_DONE;
	}
	free(watcher);
	return status;
}
