// SPDX-License-Identifier: GPL-2.0-only
#include "crosscheck.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include "detector.h"
#include "base/json.h"
#include "base/names.h"
#include "classes/race_class.h"
#include "report/summary.h"
#include "report/summary_private.h"
#include "trace/trace_reader.h"

/* Differences that are printed in full. */
#define SHOWN_MAX 10

/* The compared part of an incident. */
struct entry {
	uint64_t open;
	uint64_t enter;
	uint64_t removed;
	uint32_t window_pid;
	uint32_t walk_pid;
	uint8_t class;
	uint8_t level; /* enum thprace_level, or NO_WINDOW */
	uint8_t verdict;
	uint8_t attribution; /* enum thprace_attribution */
};

#define NO_WINDOW 0xff

struct side {
	struct entry *entries;
	size_t nr;
	size_t room;
};

struct difference {
	int in_kernel;
	int in_detector;
	struct entry kernel;
	struct entry detector;
};

struct crosscheck {
	struct crosscheck_result result;
	struct thprace_trace_header header;
	struct summary facts; /* META and STATS only */
	struct detector *engine;
	struct side kernel;
	struct side detector;
	/* Classes of which the kernel fails by itself: the session then lowers its attributions. */
	int remained[THPRACE_CLASS_MAX];
	struct difference shown[SHOWN_MAX];
	unsigned int nr_shown;
	int err; /* of the detector's callback */
};

static int append(struct crosscheck *crosscheck, struct side *side,
		  const struct thprace_incident *incident)
{
	struct entry *grown, *entry;

	if (side->nr == side->room) {
		size_t room = side->room ? 2 * side->room : 256;

		grown = reallocarray(side->entries, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		side->entries = grown;
		side->room = room;
	}
	entry = &side->entries[side->nr++];
	memset(entry, 0, sizeof(*entry));
	entry->enter = incident->walk.enter;
	entry->walk_pid = incident->walk.pid;
	entry->class = incident->walk.class;
	entry->verdict = incident->verdict;
	if (incident->verdict == THPRACE_REMAINED)
		crosscheck->remained[incident->walk.class] = 1;
	entry->attribution = incident->attribution;
	entry->level = NO_WINDOW;
	if (!summary__has_window(incident))
		return 0;
	entry->level = incident->window.level;
	if (entry->level == THPRACE_LEVEL_PTE) {
		entry->removed = incident->window.close;
	} else {
		entry->open = incident->window.open;
		entry->window_pid = incident->window.pid;
	}
	return 0;
}

static void on_incident(void *ctx, const struct thprace_incident *incident)
{
	struct crosscheck *crosscheck = ctx;

	if (!crosscheck->err)
		crosscheck->err = append(crosscheck, &crosscheck->detector, incident);
}

#define ORDER(x, y)                                \
	do {                                       \
		if ((x) != (y))                    \
			return (x) < (y) ? -1 : 1; \
	} while (0)

/* Is it the same pair, or the same walker alone? */
static int compare_keys(const struct entry *x, const struct entry *y)
{
	ORDER(x->enter, y->enter);
	ORDER(x->walk_pid, y->walk_pid);
	ORDER(x->class, y->class);
	ORDER(x->level, y->level);
	ORDER(x->open, y->open);
	ORDER(x->window_pid, y->window_pid);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = compare_keys(x, y);

	if (order)
		return order;
	ORDER(x->removed, y->removed);
	ORDER(x->verdict, y->verdict);
	ORDER(x->attribution, y->attribution);
	return 0;
}

static void show(struct crosscheck *crosscheck, const struct entry *kernel,
		 const struct entry *detector)
{
	struct difference *difference;

	if (crosscheck->nr_shown == SHOWN_MAX)
		return;
	difference = &crosscheck->shown[crosscheck->nr_shown++];
	difference->in_kernel = kernel != NULL;
	difference->in_detector = detector != NULL;
	if (kernel)
		difference->kernel = *kernel;
	if (detector)
		difference->detector = *detector;
}

static int unproven(const struct entry *entry)
{
	return entry && entry->verdict == THPRACE_UNPROVEN;
}

/*
 * A race from a file: one way has a walker that met an interval without an end, or a pair of which something was lost, and the
 * other has nothing. No statement is made there.
 */
static int is_unended(const struct entry *one, const struct entry *other)
{
	return one && !other && one->verdict == THPRACE_UNPROVEN &&
	       race_class__shape(one->class) == RACE_FILE;
}

/* One step of the merge: a side that has no such entry is NULL. */
static void judge(struct crosscheck *crosscheck, const struct entry *kernel,
		  const struct entry *detector)
{
	struct crosscheck_result *result = &crosscheck->result;

	if ((result->lost && (unproven(kernel) || unproven(detector))) ||
	    is_unended(kernel, detector) || is_unended(detector, kernel)) {
		result->left_out++;
		return;
	}
	if (kernel && detector && kernel->verdict == detector->verdict &&
	    (kernel->attribution == detector->attribution || crosscheck->remained[kernel->class]) &&
	    kernel->removed == detector->removed) {
		result->equal++;
		return;
	}
	if (kernel && detector)
		result->differs++;
	else if (kernel)
		result->only_kernel++;
	else
		result->only_detector++;
	show(crosscheck, kernel, detector);
}

static void merge(struct crosscheck *crosscheck)
{
	struct side *k = &crosscheck->kernel, *d = &crosscheck->detector;
	size_t i = 0, j = 0;
	int order;

	if (k->nr)
		qsort(k->entries, k->nr, sizeof(*k->entries), compare);
	if (d->nr)
		qsort(d->entries, d->nr, sizeof(*d->entries), compare);
	while (i < k->nr || j < d->nr) {
		if (i == k->nr)
			order = 1;
		else if (j == d->nr)
			order = -1;
		else
			order = compare_keys(&k->entries[i], &d->entries[j]);
		if (order < 0)
			judge(crosscheck, &k->entries[i++], NULL);
		else if (order > 0)
			judge(crosscheck, NULL, &d->entries[j++]);
		else
			judge(crosscheck, &k->entries[i++], &d->entries[j++]);
	}
}

/* The detector is created when the first records come: META is before them. */
static int start(struct crosscheck *crosscheck, char *why, size_t why_size)
{
	struct detector_options options = {.incident = on_incident, .ctx = crosscheck};

	if (crosscheck->facts.mode < 0) {
		snprintf(why, why_size,
			 "the file does not say in which mode it was recorded (no META block "
			 "before its records)");
		return -ENODATA;
	}
	options.mode = (enum thprace_mode)crosscheck->facts.mode;
	crosscheck->engine = detector__new(&options);
	return crosscheck->engine ? 0 : -ENOMEM;
}

static int feed(struct crosscheck *crosscheck, const struct trace_block *block, char *why,
		size_t why_size)
{
	const struct thprace_record *records = block->data;
	uint32_t i;
	int err = 0;

	if (!crosscheck->engine)
		err = start(crosscheck, why, why_size);
	for (i = 0; i < block->count && !err; i++) {
		err = detector__feed(crosscheck->engine, &records[i]);
		crosscheck->result.records++;
		if (!err)
			err = crosscheck->err;
	}
	return err;
}

static int take(struct crosscheck *crosscheck, const struct trace_block *block, char *why,
		size_t why_size)
{
	const struct thprace_incident *incidents = block->data;
	uint32_t i;
	int err = 0;

	switch (block->type) {
	case THPRACE_BLOCK_RECORDS:
		return feed(crosscheck, block, why, why_size);
	case THPRACE_BLOCK_INCIDENTS:
		for (i = 0; i < block->count && !err; i++) {
			err = append(crosscheck, &crosscheck->kernel, &incidents[i]);
			crosscheck->result.settled_otherwise += incidents[i].first_verdict !=
								incidents[i].verdict;
			crosscheck->result.kernel_close_calls += incidents[i].close_call != 0;
		}
		return err;
	case THPRACE_BLOCK_META:
	case THPRACE_BLOCK_STATS:
		err = summary_json__take(&crosscheck->facts, block->type, block->data, block->size);
		if (err == -EINVAL) {
			crosscheck->result.complete = 0;
			err = 0;
		}
		if (err == -E2BIG)
			snprintf(why, why_size, "thprace does not write such a file: %s",
				 crosscheck->facts.beyond);
		return err;
	default:
		return 0;
	}
}

static int finish(struct crosscheck *crosscheck, char *why, size_t why_size)
{
	struct crosscheck_result *result = &crosscheck->result;
	const struct detector_stats *stats;
	int err = 0;

	if (!crosscheck->engine)
		err = start(crosscheck, why, why_size);
	if (!err)
		err = detector__finish(crosscheck->engine);
	if (!err)
		err = crosscheck->err;
	if (err)
		return err;
	stats = detector__stats(crosscheck->engine);
	result->close_calls = stats->close_calls;
	result->touching = stats->touching;
	result->orphans = stats->orphans;
	result->late = stats->late;
	result->kernel_touching = crosscheck->facts.touching;
	result->lost = crosscheck->facts.lost[THPRACE_LOSS_STREAM];
	result->kernel = crosscheck->kernel.nr;
	result->detector = crosscheck->detector.nr;
	merge(crosscheck);
	result->same = result->complete && !result->lost && !result->differs &&
		       !result->only_kernel && !result->only_detector;
	return 0;
}

int crosscheck__run(struct crosscheck **result, struct trace_reader *reader, char *why,
		    size_t why_size)
{
	struct crosscheck *crosscheck;
	struct trace_block block;
	int err = 0, got;

	snprintf(why, why_size, "out of memory");
	if (!(trace_reader__header(reader)->flags & THPRACE_TF_ALL)) {
		snprintf(why, why_size,
			 "the file holds only the records around incidents: record with --all");
		return -ENODATA;
	}
	if (trace_reader__header(reader)->version < 3) {
		snprintf(why, why_size,
			 "the file is of format version %u: its records lack what a walker left "
			 "mapped, which both verdicts need",
			 trace_reader__header(reader)->version);
		return -ENODATA;
	}
	crosscheck = calloc(1, sizeof(*crosscheck));
	if (!crosscheck)
		return -ENOMEM;
	crosscheck->header = *trace_reader__header(reader);
	summary_json__defaults(&crosscheck->facts);
	crosscheck->result.complete = 1;
	while (!err && (got = trace_reader__next(reader, &block)) != 0) {
		if (got == -ENOMEM || got == -E2BIG) {
			snprintf(why, why_size, "%s", trace_reader__why(reader));
			err = got;
		} else if (got < 0)
			crosscheck->result.complete = 0;
		else
			err = take(crosscheck, &block, why, why_size);
	}
	if (!trace_reader__ended(reader))
		crosscheck->result.complete = 0;
	if (!err)
		err = finish(crosscheck, why, why_size);
	if (err == -EOVERFLOW)
		snprintf(why, why_size,
			 "thprace does not write such records: "
			 "more windows and walkers overlap on a folio than any kernel has");
	if (err) {
		crosscheck__free(crosscheck);
		return err;
	}
	*result = crosscheck;
	return 0;
}

const struct crosscheck_result *crosscheck__result(const struct crosscheck *crosscheck)
{
	return &crosscheck->result;
}

void crosscheck__free(struct crosscheck *crosscheck)
{
	if (!crosscheck)
		return;
	detector__free(crosscheck->engine);
	summary_json__release(&crosscheck->facts);
	free(crosscheck->kernel.entries);
	free(crosscheck->detector.entries);
	free(crosscheck);
}

static void print_entry(const struct crosscheck *crosscheck, const char *who, int present,
			const struct entry *entry, FILE *out)
{
	uint64_t started = crosscheck->header.started;
	char text[NAMES_NUMBER_LEN];

	if (!present) {
		fprintf(out, "    %-9s nothing\n", who);
		return;
	}
	fprintf(out, "    %-9s %s%s%s %s, walker %" PRIu32 " at %s s", who,
		names__attribution(entry->attribution), entry->attribution ? " " : "",
		names__verdict(entry->verdict), names__class(entry->class), entry->walk_pid,
		names__offset(text, sizeof(text), (int64_t)(entry->enter - started)));
	if (entry->level == NO_WINDOW)
		fputs(", no window", out);
	else if (entry->level == THPRACE_LEVEL_PTE)
		fprintf(out, ", pte level, ended at %s s",
			names__offset(text, sizeof(text), (int64_t)(entry->removed - started)));
	else
		fprintf(out, ", opener %" PRIu32 " at %s s", entry->window_pid,
			names__offset(text, sizeof(text), (int64_t)(entry->open - started)));
	fputc('\n', out);
}

static void print_count(FILE *out, const char *what, uint64_t value)
{
	char text[NAMES_NUMBER_LEN];

	fprintf(out, "  %-34s %14s\n", what, names__count(text, sizeof(text), value));
}

void crosscheck__print(const struct crosscheck *crosscheck, FILE *out)
{
	const struct crosscheck_result *result = &crosscheck->result;
	unsigned int i;

	print_count(out, "records", result->records);
	print_count(out, "incidents of the kernel", result->kernel);
	print_count(out, "incidents of the detector", result->detector);
	print_count(out, "equal", result->equal);
	print_count(out, "only the kernel's", result->only_kernel);
	print_count(out, "only the detector's", result->only_detector);
	print_count(out, "verdict, attribution or removal differs", result->differs);
	print_count(out, "close calls, kernel", result->kernel_close_calls);
	print_count(out, "close calls, detector", result->close_calls);
	print_count(out, "touching, kernel", result->kernel_touching);
	print_count(out, "touching, detector", result->touching);
	print_count(out, "orphans", result->orphans);
	print_count(out, "late records", result->late);
	print_count(out, "provisional, settled otherwise", result->settled_otherwise);
	if (result->left_out)
		print_count(out, "unproven, left out", result->left_out);
	for (i = 0; i < crosscheck->nr_shown; i++) {
		const struct difference *shown = &crosscheck->shown[i];

		fprintf(out, "  difference %u\n", i + 1);
		print_entry(crosscheck, "kernel", shown->in_kernel, &shown->kernel, out);
		print_entry(crosscheck, "detector", shown->in_detector, &shown->detector, out);
	}
	if (result->lost)
		fprintf(out, "cannot compare: %s lost; proven ones only above\n",
			COUNTED(result->lost, "record"));
	if (!result->complete)
		fputs("cannot compare: the file is damaged or cut off\n", out);
	fprintf(out, "crosscheck: %s\n", result->same ? "equal" : "DIFFERENT");
}

static struct json_object *entry_object(int present, const struct entry *entry)
{
	struct json_object *object = present ? json_object_new_object() : NULL;

	if (!object)
		return NULL;
	json__add_name(object, "verdict", names__verdict(entry->verdict));
	json__add(object, "attribution",
		  entry->attribution
			  ? json_object_new_string(names__attribution(entry->attribution))
			  : NULL);
	json__add_name(object, "class", names__class(entry->class));
	json__add(object, "level",
		  entry->level == NO_WINDOW ? NULL
					    : json_object_new_string(names__level(entry->level)));
	json__add_number(object, "walker_pid", entry->walk_pid);
	json__add_number(object, "enter_ns", entry->enter);
	json__add_number(object, "opener_pid", entry->window_pid);
	json__add_number(object, "open_ns", entry->open);
	json__add_number(object, "removed_ns", entry->removed);
	return object;
}

int crosscheck__print_json(const struct crosscheck *crosscheck, FILE *out)
{
	const struct crosscheck_result *result = &crosscheck->result;
	const struct {
		const char *name;
		uint64_t value;
	} counts[] = {
		{"records", result->records},
		{"kernel", result->kernel},
		{"detector", result->detector},
		{"equal", result->equal},
		{"only_kernel", result->only_kernel},
		{"only_detector", result->only_detector},
		{"differs", result->differs},
		{"left_out", result->left_out},
		{"settled_otherwise", result->settled_otherwise},
		{"kernel_close_calls", result->kernel_close_calls},
		{"close_calls", result->close_calls},
		{"kernel_touching", result->kernel_touching},
		{"touching", result->touching},
		{"orphans", result->orphans},
		{"late", result->late},
		{"lost", result->lost},
	};
	struct json_object *object = json__new("crosscheck");
	unsigned int i;
	int err;

	if (!object)
		return -ENOMEM;
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		json__add_number(object, counts[i].name, counts[i].value);
	json__add_bool(object, "complete", result->complete);
	json__add_bool(object, "same", result->same);
	err = json__print(out, object);
	for (i = 0; i < crosscheck->nr_shown && !err; i++) {
		const struct difference *shown = &crosscheck->shown[i];

		object = json__new("difference");
		if (!object)
			return -ENOMEM;
		json__add(object, "kernel", entry_object(shown->in_kernel, &shown->kernel));
		json__add(object, "detector", entry_object(shown->in_detector, &shown->detector));
		err = json__print(out, object);
	}
	return err;
}
