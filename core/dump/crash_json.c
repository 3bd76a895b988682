// SPDX-License-Identifier: GPL-2.0-only
#include "crash_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_bounds.h"
#include "base/names.h"
#include "classes/race_class.h"
#include "complaint/complaint.h"
#include "kernel_text.h"
#include "trace/trace_classes.h"

#define TASKS_MAX 1024
#define COMPLAINTS_MAX 32 /* that are listed */
#define LISTED_MAX 32 /* windows, and zaps of ranges */
#define NOTE_LEN 256

/* The engine was of this very build, so its ids are these; races from files follow in their order. */
static int take_classes(const char *meta, size_t size)
{
	struct trace_classes classes;
	unsigned int id;

	trace_classes__init(&classes);
	if (trace_classes__take(&classes, meta, size))
		return -EINVAL;
	for (id = 0; id < THPRACE_CLASS_MAX; id++)
		if (classes.of[id] != THPRACE_CLASS_MAX && classes.of[id] != id)
			return -EINVAL;
	return 0;
}

int crash_json__begin(struct crash_json *crash, const char *meta, size_t size)
{
	char *text = malloc(size + 1);
	int err;

	crash->tasks = json_object_new_array();
	crash->complaints = json_object_new_array();
	if (!text || !crash->tasks || !crash->complaints) {
		free(text);
		return -ENOMEM;
	}
	names__clean(text, size + 1, meta, size, 0);
	size = strlen(text);
	err = json_bounds__check(text, size, NULL) ? -E2BIG : json__parse(&crash->meta, text, size);
	if (!err)
		err = take_classes(text, size);
	free(text);
	if (err)
		return err;
	if (!json_object_is_type(crash->meta, json_type_object))
		return -EINVAL;
	json__add(crash->meta, "classes", trace_classes__json());
	return 0;
}

const char *crash_json__first(const struct crash_json *crash)
{
	size_t length;
	const char *text = json__line_of(crash->meta, &length);

	return text ? text : "";
}

void crash_json__task(struct crash_json *crash, const struct thprace_slot *slot)
{
	struct json_object *item;

	if (!slot->windows || json__length(crash->tasks) == TASKS_MAX)
		return;
	item = json_object_new_object();
	json__add_number(item, "pid", (uint32_t)slot->task);
	json__add_number(item, "tgid", slot->task >> 32);
	json__add(item, "comm", json__text(slot->opener.window.comm, THPRACE_COMM_LEN));
	json__add_number(item, "windows", slot->windows);
	json_object_array_add(crash->tasks, item);
}

/* The kernel's log, message by message. */
struct log {
	struct crash_json *crash;
	struct recovery *recovery;
	struct complaint_parser *parser;
	uint64_t latest;
};

static void on_complaint(void *ctx, const struct complaint *complaint)
{
	struct json_object *item, *classes;
	struct log *log = ctx;
	unsigned int class;

	log->recovery->complaints++;
	log->recovery->naming += complaint->classes != 0;
	if (complaint->pid)
		log->crash->pid = complaint->pid;
	if (json__length(log->crash->complaints) == COMPLAINTS_MAX)
		return;
	item = json_object_new_object();
	classes = json_object_new_array();
	for (class = 1; class < race_class__end(); class ++)
		if (complaint->classes >> class & 1)
			json_object_array_add(classes, json_object_new_string(names__class(class)));
	json__add_name(item, "kind", complaint__kind_name(complaint->kind));
	json__add(item, "classes", classes);
	json__add_text(item, "reason", complaint->reason);
	json__add_text(item, "text", complaint->text);
	json__add(item, "pid", complaint->pid ? json__number(complaint->pid) : NULL);
	json_object_array_add(log->crash->complaints, item);
}

static void on_text(void *ctx, const char *text, size_t length, const char *caller, uint64_t when)
{
	static const char panic[] = "Kernel panic - not syncing: ";
	struct log *log = ctx;
	size_t line;

	/* The stamps of different CPUs may be out of order. */
	if (when > log->latest)
		log->latest = when;
	complaint_parser__record(log->parser, text, length, *caller ? caller : NULL, log->latest);
	if (length < sizeof(panic) || memcmp(text, panic, sizeof(panic) - 1))
		return;
	line = strnlen(text, length);
	if (memchr(text, '\n', line))
		line = (size_t)((const char *)memchr(text, '\n', line) - text);
	names__clean(log->crash->panic, sizeof(log->crash->panic), text, line, 0);
}

void crash_json__log(struct crash_json *crash, const struct memory *memory,
		     struct recovery *recovery)
{
	const char *release = json__get_text(crash->meta, "kernel");
	struct complaint_kernel kernel = {0};
	struct log log = {.crash = crash, .recovery = recovery};

	snprintf(recovery->kernel, sizeof(recovery->kernel), "%s", release);
	snprintf(kernel.release, sizeof(kernel.release), "%s", release);
	log.parser = complaint_parser__new(&kernel, on_complaint, &log);
	if (!log.parser) {
		recovery->log_error = -ENOMEM;
		return;
	}
	recovery->log_error = kernel_text__read(memory, on_text, &log);
	complaint_parser__finish(log.parser);
	complaint_parser__free(log.parser);
}

/* A sentence for readers, and in the report. */
__attribute__((format(printf, 2, 3))) static void note(struct json_object *notes,
						       const char *format, ...)
{
	char text[NOTE_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_object_array_add(notes, json__text(text, sizeof(text)));
}

static void add_times(struct json_object *item, const char *name, uint64_t since, uint64_t crashed,
		      char *text, size_t size)
{
	char length[NAMES_NUMBER_LEN];

	json__add(item, name, since ? json__number(since) : NULL);
	if (since && since <= crashed)
		snprintf(text, size, "for %s",
			 names__duration(length, sizeof(length), crashed - since, 0));
	else
		snprintf(text, size, "since when is not known");
}

static struct json_object *zap_json(const struct thprace_window *window, const char *what,
				    uint64_t crashed, struct json_object *notes)
{
	struct json_object *item = json_object_new_object();
	char since[64], folio[40] = "";

	if (window->folio)
		snprintf(folio, sizeof(folio), ", folio 0x%" PRIx64, (uint64_t)window->folio);
	json__add_number(item, "pid", window->pid);
	json__add_number(item, "tgid", window->tgid);
	json__add(item, "comm", json__text(window->comm, THPRACE_COMM_LEN));
	json__add_address(item, "folio", window->folio);
	json__add_address(item, "address", window->address);
	add_times(item, "open_ns", window->open, crashed, since, sizeof(since));
	note(notes, "under way at the crash: %s, %.15s/%u, %s%s", what, window->comm, window->pid,
	     since, folio);
	return item;
}

static struct json_object *walker_json(const struct thprace_walk *walk, uint64_t crashed,
				       struct json_object *notes)
{
	struct json_object *item = json_object_new_object();
	char since[64];

	json__add_number(item, "pid", walk->pid);
	json__add_number(item, "tgid", walk->tgid);
	json__add(item, "comm", json__text(walk->comm, THPRACE_COMM_LEN));
	json__add_address(item, "folio", walk->folio);
	json__add_name(item, "class", names__class(walk->class));
	json__add_name(item, "kind", names__origin(walk->origin));
	add_times(item, "enter_ns", walk->enter, crashed, since, sizeof(since));
	note(notes, "under way at the crash: walker of %s, %.15s/%u, %s, folio 0x%" PRIx64,
	     names__class(walk->class), walk->comm, walk->pid, since, (uint64_t)walk->folio);
	return item;
}

static struct json_object *race_json(const struct race_side *side, uint64_t crashed,
				     struct json_object *notes)
{
	const struct thprace_race_end *report = &side->report;
	const char *role = report->side == THPRACE_RACE_WINDOW ? "window" : "walker";
	struct json_object *item = json_object_new_object();
	char since[64];

	json__add_number(item, "pid", report->pid);
	json__add_number(item, "tgid", report->tgid);
	json__add(item, "comm", json__text(report->comm, THPRACE_COMM_LEN));
	json__add_name(item, "class", names__class(report->class));
	json__add_name(item, "side", role);
	json__add_address(item, "key", report->key);
	add_times(item, "begin_ns", report->begin, crashed, since, sizeof(since));
	note(notes, "under way at the crash: %s of %s, %.15s%s%u, %s, key 0x%" PRIx64, role,
	     names__class(report->class), report->comm[0] ? report->comm : "task",
	     report->comm[0] ? "/" : " ", report->pid, since, (uint64_t)report->key);
	return item;
}

static void note_log(struct json_object *notes, const struct crash_json *crash,
		     const struct recovery *recovery)
{
	struct json_object *item, *classes;
	size_t i;

	if (recovery->log_error)
		note(notes, recovery->log_error == -ENOENT
				    ? "the kernel's log: the dump does not say where it is"
				    : "the kernel's log: it is not in the dump, or damaged");
	else if (crash->panic[0])
		note(notes, "the kernel's last words: %s", crash->panic);
	for (i = 0; i < json__length(crash->complaints); i++) {
		item = json__at(crash->complaints, i);
		classes = json__get_array(item, "classes");
		note(notes, "the kernel's log: %.120s (%s%.90s)", json__get_text(item, "text"),
		     json__length(classes) ? "" : "of no class: ",
		     json__length(classes) ? json_object_get_string(json__at(classes, 0))
					   : json__get_text(item, "reason"));
	}
}

static void note_messages(struct json_object *notes, const struct recovery *recovery)
{
	const struct messages_counts *messages = &recovery->messages;

	if (recovery->no_messages) {
		note(notes, "the incident ring is not in the dump, or damaged: there are no "
			    "incidents from before the crash");
		return;
	}
	note(notes,
	     "incidents are from %zu message%s that were still in memory, %zu not read "
	     "before%s",
	     messages->read + messages->unread, messages->read + messages->unread == 1 ? "" : "s",
	     messages->unread,
	     messages->overwritten ? "; earlier ones are only in what thprace itself wrote" : "");
	if (messages->unfinished || messages->refused)
		note(notes, "%zu message%s being written, and %zu damaged", messages->unfinished,
		     messages->unfinished == 1 ? " was" : "s were", messages->refused);
}

static void note_streams(struct json_object *notes, const struct recovery *recovery)
{
	const struct streams *streams = &recovery->streams;

	if (!recovery->all)
		return;
	note(notes,
	     "records are from the streams of --all: %zu that were still in memory, %zu not "
	     "read before%s",
	     streams->counts.read + streams->counts.unread, streams->counts.unread,
	     streams->counts.overwritten ? "; earlier ones are only in what thprace itself wrote"
					 : "");
	if (streams->missing)
		note(notes, "the streams of %s are not in the dump, or damaged",
		     COUNTED(streams->missing, "CPU"));
}

static void note_damage(struct json_object *notes, const struct recovery *recovery)
{
	if (recovery->cut_off)
		note(notes, "the crash cut off %zu run%s of a program, which %s not counted",
		     recovery->cut_off, recovery->cut_off == 1 ? "" : "s",
		     recovery->cut_off == 1 ? "is" : "are");
	if (recovery->cpus_missing)
		note(notes, "the counters and the flight recorders of %u CPU%s are not in the dump",
		     recovery->cpus_missing, recovery->cpus_missing == 1 ? "" : "s");
	if (recovery->no_races)
		note(notes,
		     "the table of races from files is not in the dump, so what was under way "
		     "of them is not known");
	if (recovery->records_refused)
		note(notes, "%zu damaged record%s left out", recovery->records_refused,
		     recovery->records_refused == 1 ? " was" : "s were");
	if (recovery->others)
		note(notes,
		     "%u other recording%s under way, and not recovered: this is the one "
		     "that began last",
		     recovery->others, recovery->others == 1 ? " was" : "s were");
}

char *crash_json__meta(struct crash_json *crash, const struct under_way *under_way,
		       const struct race_under_way *races, struct recovery *recovery,
		       const char *format, uint64_t started, uint64_t crashed)
{
	struct json_object *object = json_object_new_object(), *notes = json_object_new_array();
	struct json_object *windows = json_object_new_array(), *ranges = json_object_new_array();
	struct json_object *walkers = json_object_new_array(), *sides = json_object_new_array();
	struct json_object *meta = crash->meta;
	size_t i;

	note(notes,
	     "recovered from a crash dump (%s); the last stamp is %.3f s after recording "
	     "started",
	     format, (double)(crashed - started) / 1e9);
	note_log(notes, crash, recovery);
	for (i = 0; i < under_way->nr_walkers; i++)
		json_object_array_add(walkers, walker_json(&under_way->walkers[i], crashed, notes));
	for (i = 0; i < under_way->nr_windows && i < LISTED_MAX; i++)
		json_object_array_add(windows, zap_json(&under_way->windows[i],
							"window at PMD level", crashed, notes));
	for (i = 0; i < under_way->nr_ranges && i < LISTED_MAX; i++)
		json_object_array_add(ranges, zap_json(&under_way->ranges[i].window,
						       "zap of a part of a vma", crashed, notes));
	for (i = 0; i < races->nr && i < LISTED_MAX; i++)
		json_object_array_add(sides, race_json(&races->sides[i], crashed, notes));
	if (under_way->nr_waiting)
		note(notes, "%s waited for zaps to end",
		     COUNTED(under_way->nr_waiting, "failed walker"));
	note_messages(notes, recovery);
	note_streams(notes, recovery);
	note_damage(notes, recovery);
	json__add_name(object, "format", format);
	json__add_number(object, "crashed", crashed);
	json__add_text(object, "panic", crash->panic);
	json__add(object, "complaints", json_object_get(crash->complaints));
	json__add(object, "windows", windows);
	json__add(object, "ranges", ranges);
	json__add(object, "walkers", walkers);
	json__add(object, "races", sides);
	json__add_number(object, "waiting", under_way->nr_waiting);
	json__add_number(object, "messages_read", recovery->messages.read);
	json__add_number(object, "messages_unread", recovery->messages.unread);
	json__add_number(object, "messages_unfinished", recovery->messages.unfinished);
	json__add_number(object, "messages_damaged", recovery->messages.refused);
	json__add_number(object, "overwritten_bytes", recovery->messages.overwritten);
	json__add_number(object, "stream_records_read", recovery->streams.counts.read);
	json__add_number(object, "stream_records_unread", recovery->streams.counts.unread);
	json__add_number(object, "cut_off", recovery->cut_off);
	json__add(object, "notes", notes);
	json__add(meta, "recovered", object);
	crash->meta = NULL;
	return json__take_text(meta);
}

char *crash_json__tasks(struct crash_json *crash)
{
	struct json_object *tasks = crash->tasks;

	crash->tasks = NULL;
	return json__take_text(tasks);
}

void crash_json__release(struct crash_json *crash)
{
	json_object_put(crash->meta);
	json_object_put(crash->tasks);
	json_object_put(crash->complaints);
}
