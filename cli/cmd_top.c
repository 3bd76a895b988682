// SPDX-License-Identifier: GPL-2.0-only
/* thprace top: what is observed now, on a terminal, again and again. */
#include "cli.h"

#include <curses.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "client.h"
#include "interrupt.h"
#include "progress.h"
#include "report/diagram.h"
#include "top.h"
#include "top_screen.h"
#include "top_source.h"

#define INTERVAL_LEAST (TIMESPAN_SECOND / 10)
#define INTERVAL_MOST (3600 * TIMESPAN_SECOND)
#define STEP_MS 100 /* between steps of a source that wants them */
#define NAMED_MAX 4 /* incidents whose names are asked for after a sample … */
#define NAMED_TRIES 16 /* … and how often for each: some addresses have none */
#define CONTROL(letter) ((letter)&0x1f)
#define UNUSABLE                                                                    \
	"this kind of terminal cannot be used (TERM in the environment names it); " \
	"'thprace status' works on all"

enum top_option {
	OPT_INTERVAL = 'i',
	OPT_SOCKET = 256,
};

static const struct argp_option options[] = {
	{"interval", OPT_INTERVAL, "T", 0, "new numbers every T: 2 (default), 500ms, 1min", 0},
	{"socket", OPT_SOCKET, "PATH", 0, "use this socket instead of " CLIENT_SOCKET, 0},
	{0},
};

/* What is on the screen. */
enum page {
	PAGE_MAIN,
	PAGE_INCIDENT,
	PAGE_HELP,
};

struct watcher {
	const char *socket;
	bool socket_given;
	uint64_t interval; /* ns */
	struct top *top;
	struct top_source *source;
	struct top_view view;
	uint64_t asked; /* ns CLOCK_MONOTONIC */
	enum page page;
	struct top_incident drawn; /* on PAGE_INCIDENT */
	char *text; /* of a page other than the main one */
	size_t first; /* line of it that is shown first */
	unsigned int silences; /* reads from the terminal, one after the other, without a key */
	bool changed; /* the screen has to be drawn */
	bool ended;
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
		watcher->socket_given = true;
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
	       "windows, loss, cost, the hottest pairs of stacks, and the latest incidents. If no "
	       "daemon runs, root watches the kernel itself, in light mode. Key ? lists the keys."
	       "\vExit status: 0 done, 1 failed, or there is no terminal, 2 wrong usage.",
};

static const char help[] =
	"  q        quit\n"
	"  s        sort the classes: as listed, by walkers a second, by\n"
	"           overlaps, by escapes\n"
	"  f        pairs and incidents of one verdict only: escape,\n"
	"           unattributed, remained, unproven, contained; then all again\n"
	"  space    freeze the screen; then go on\n"
	"  up, k    select a later incident\n"
	"  down, j  select an earlier incident\n"
	"  enter    draw the selected incident: opener left, walker right\n"
	"  ctrl-l   draw the screen again\n"
	"  ?, h     this help\n"
	"\n"
	"Counts are since the daemon started, rates since the last sample.\n"
	"OTHER: remained, unattributed and unproven, see thprace(1).\n"
	"TIMES: of the incidents that are listed, at most 1024.\n";

/* Ask for names of stacks that have none yet: of the hottest pairs first. */
static void find_names(struct watcher *watcher)
{
	const struct incident_group *list[TOP_PAIRS];
	size_t nr = top__pairs(watcher->top, watcher->view.verdict, list, TOP_PAIRS), i;
	unsigned int asked = 0;

	for (i = 0; i < nr && asked < NAMED_MAX; i++) {
		struct top_incident *example = top__find(watcher->top, list[i]->example.number);

		if (!example || example->asked >= NAMED_TRIES ||
		    !top__unnamed(watcher->top, &example->incident))
			continue;
		example->asked++;
		asked++;
		watcher->source->name(watcher->source, watcher->top, example);
	}
	if (asked)
		top__group(watcher->top);
}

static void note_trouble(struct watcher *watcher, const char *why)
{
	struct top_view *view = &watcher->view;

	if (!view->trouble[0])
		view->trouble_since = clock__now();
	snprintf(view->trouble, sizeof(view->trouble), "%.*s", (int)strcspn(why, "\n"), why);
	cli__fit(view->trouble, sizeof(view->trouble), view->trouble);
}

/* Returns 0, or negative errno with view.trouble. */
static int ask(struct watcher *watcher)
{
	char why[512] = "";
	int err = watcher->source->ask(watcher->source, watcher->top, why, sizeof(why));

	if (err)
		note_trouble(watcher, why);
	else
		watcher->view.trouble[0] = '\0';
	top__group(watcher->top);
	if (!err)
		find_names(watcher);
	watcher->asked = clock__now();
	watcher->changed = true;
	return err;
}

static void draw_page(struct watcher *watcher)
{
	char title[64] = "help";

	if (watcher->page == PAGE_MAIN) {
		top_screen__draw(watcher->top, &watcher->view);
		return;
	}
	if (watcher->page == PAGE_INCIDENT)
		snprintf(title, sizeof(title), "incident %" PRIu64, watcher->drawn.number);
	top_screen__text(title, watcher->text, watcher->first);
}

static void leave_page(struct watcher *watcher)
{
	free(watcher->text);
	watcher->text = NULL;
	watcher->page = PAGE_MAIN;
}

/* The text of a page, for the terminal as wide as it is now. */
static void write_page(struct watcher *watcher, enum page page)
{
	const struct diagram_options look = {
		.utf8 = watcher->top->utf8, .stacks = 1, .width = top_screen__columns()};
	size_t size;
	FILE *out;

	leave_page(watcher);
	out = open_memstream(&watcher->text, &size);
	if (!out)
		return;
	if (page == PAGE_HELP)
		fputs(help, out);
	else
		diagram__incident(out, watcher->top->names, watcher->drawn.number,
				  &watcher->drawn.incident, &look);
	if (fclose(out))
		leave_page(watcher);
	else
		watcher->page = page;
}

static void open_incident(struct watcher *watcher)
{
	struct top_incident *found;

	/* Drawing sets the number: an arrow may have come together with this key. */
	top_screen__draw(watcher->top, &watcher->view);
	found = top__find(watcher->top, watcher->view.selected_number);
	if (!found)
		return;
	if (top__unnamed(watcher->top, &found->incident))
		watcher->source->name(watcher->source, watcher->top, found);
	watcher->drawn = *found;
	watcher->first = 0;
	write_page(watcher, PAGE_INCIDENT);
}

static size_t count_lines(const char *text)
{
	size_t nr = 0;

	for (; *text; text++)
		nr += *text == '\n';
	return nr;
}

/* A key on another page than the main one. */
static void take_page_key(struct watcher *watcher, int key)
{
	size_t lines = count_lines(watcher->text), fit = top_screen__text_lines();
	size_t last = lines > fit ? lines - fit : 0, *first = &watcher->first;

	if (key == 'q' || key == '\r' || key == '\n' || key == KEY_ENTER || key == KEY_LEFT)
		leave_page(watcher);
	else if (key == KEY_DOWN || key == 'j')
		*first += *first < last;
	else if (key == KEY_UP || key == 'k')
		*first -= *first > 0;
	else if (key == KEY_NPAGE || key == ' ')
		*first = *first + fit < last ? *first + fit : last;
	else if (key == KEY_PPAGE)
		*first = *first > fit ? *first - fit : 0;
	else if (key == KEY_RESIZE)
		write_page(watcher, watcher->page);
}

static void take_filter_key(struct top_view *view)
{
	static const unsigned int verdicts[] = {0,
						THPRACE_ESCAPE,
						THPRACE_UNATTRIBUTED,
						THPRACE_REMAINED,
						THPRACE_UNPROVEN,
						THPRACE_CONTAINED};
	size_t i = 0;

	while (verdicts[i] != view->verdict)
		i++;
	view->verdict = verdicts[(i + 1) % (sizeof(verdicts) / sizeof(verdicts[0]))];
	view->selected = 0;
}

static void take_main_key(struct watcher *watcher, int key)
{
	struct top_view *view = &watcher->view;

	switch (key) {
	case 'q':
		watcher->ended = true;
		break;
	case 's':
		view->order = (view->order + 1) % TOP_ORDER_MAX;
		break;
	case 'f':
		take_filter_key(view);
		break;
	case ' ':
		view->frozen = !view->frozen;
		break;
	case KEY_DOWN:
	case 'j':
		/* Drawing looks for the number that is selected, so there is none for a moment. */
		view->selected++;
		view->selected_number = 0;
		break;
	case KEY_UP:
	case 'k':
		view->selected -= view->selected > 0;
		view->selected_number = 0;
		break;
	case '\r':
	case '\n':
	case KEY_ENTER:
		open_incident(watcher);
		break;
	case '?':
	case 'h':
		watcher->first = 0;
		write_page(watcher, PAGE_HELP);
		break;
	default:
		break;
	}
}

/* All keys that were pressed. Returns their number. */
static unsigned int take_keys(struct watcher *watcher)
{
	unsigned int nr = 0;
	int key;

	while (!watcher->ended && (key = getch()) != ERR) {
		nr++;
		if (key == CONTROL('l'))
			clearok(curscr, TRUE);
		else if (watcher->page == PAGE_MAIN)
			take_main_key(watcher, key);
		else
			take_page_key(watcher, key);
		watcher->changed = true;
	}
	return nr;
}

static int until_next(const struct watcher *watcher)
{
	uint64_t now = clock__now(), next = watcher->asked + watcher->interval;
	bool asks = watcher->page == PAGE_MAIN && !watcher->view.frozen;
	int ms = -1;

	if (asks)
		ms = next > now ? (int)((next - now) / 1000000) + 1 : 0;
	if (watcher->source->step && (ms < 0 || ms > STEP_MS))
		ms = STEP_MS;
	return ms;
}

/* Until a key comes, the source wants a step, or it is time for new numbers. */
static void wait_for_something(struct watcher *watcher)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			       {.fd = watcher->source->fd, .events = POLLIN}};
	int came = poll(fds, 2, until_next(watcher));
	char why[256];

	if (watcher->source->step && watcher->source->step(watcher->source, why, sizeof(why)))
		note_trouble(watcher, why);
	/* Also after a signal: the size may have changed. */
	if (take_keys(watcher) || came <= 0 || !fds[0].revents)
		watcher->silences = 0;
	else if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL) || ++watcher->silences > 100)
		watcher->ended = true; /* there is no terminal any more */
}

static void watch(struct watcher *watcher)
{
	nodelay(stdscr, TRUE);
	while (!watcher->ended && !interrupt__came()) {
		if (watcher->page == PAGE_MAIN && !watcher->view.frozen &&
		    clock__now() - watcher->asked >= watcher->interval)
			ask(watcher);
		if (watcher->changed)
			draw_page(watcher);
		watcher->changed = false;
		wait_for_something(watcher);
	}
	leave_page(watcher);
}

/* The daemon, or, if there is none, a session of our own. Returns 0 or negative errno with why. */
static int open_source(struct watcher *watcher, char *why, size_t size)
{
	int err;

	watcher->source = top_source__daemon(watcher->socket);
	if (!watcher->source) {
		snprintf(why, size, "out of memory");
		return -ENOMEM;
	}
	err = ask(watcher);
	if (!err)
		return 0;
	snprintf(why, size, "%s", watcher->view.trouble);
	if ((err != -ENOENT && err != -ECONNREFUSED) || watcher->socket_given || geteuid())
		return err;
	watcher->source->close(watcher->source);
	watcher->source = NULL;
	progress__show("no daemon runs: attaching to the kernel, which takes a few seconds");
	err = top_source__session(&watcher->source, watcher->top, why, size);
	progress__clear();
	return err ? err : ask(watcher);
}

static int run(struct watcher *watcher)
{
	char why[512];

	interrupt__catch();
	if (open_source(watcher, why, sizeof(why)))
		return cli__fail("top", NULL, why);
	if (!top_screen__begin(cli__colour(stdout)))
		return cli__fail("top", NULL, UNUSABLE);
	watch(watcher);
	top_screen__end();
	return CLI_DONE;
}

int cmd_top(int argc, char **argv)
{
	struct watcher watcher = {.socket = CLIENT_SOCKET, .interval = 2 * TIMESPAN_SECOND};
	int status = CLI_FAILED;

	cli__parse(&argp, argc, argv, 0, &watcher);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return cli__fail("top", NULL,
				 "it needs a terminal; 'thprace status' prints the same once");
	if (!top_screen__possible())
		return cli__fail("top", NULL, UNUSABLE);
	watcher.top = top__new(cli__utf8());
	if (!watcher.top)
		return cli__fail("top", NULL, strerror(ENOMEM));
	status = run(&watcher);
	if (watcher.source)
		watcher.source->close(watcher.source);
	top__free(watcher.top);
	return status;
}
