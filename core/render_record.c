// SPDX-License-Identifier: GPL-2.0-only
#include "render_record.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>
#include "diagram.h"
#include "names.h"
#include "render_json.h"
#include "summary.h"

#define add render_json__add
#define number_of render_json__number

/* What a record's members mean, by its type: how dump shows them. */
enum shape {
	PLAIN,
	ADDRESS,
	TIME,
	COUNT,
};

struct meaning {
	const char *arg; /* NULL: not used */
	const char *arg2;
	const char *value;
	enum shape arg_as;
	enum shape arg2_as;
	int interval; /* entry is the begin of an interval that this record ends */
};

static const struct meaning meanings[THPRACE_REC_MAX] = {
	[THPRACE_REC_ZAP_OPEN] = {"mm", "address", NULL, ADDRESS, ADDRESS, 0},
	[THPRACE_REC_RMAP_PMD] = {NULL, NULL, NULL, PLAIN, PLAIN, 1},
	[THPRACE_REC_ZAP_CLOSE] = {"removed", "address", "result", TIME, ADDRESS, 1},
	[THPRACE_REC_RMAP_PTE] = {"page", NULL, "pages", ADDRESS, PLAIN, 0},
	[THPRACE_REC_WALK_ENTER] = {"ttu", NULL, NULL, ADDRESS, PLAIN, 0},
	[THPRACE_REC_WALK_RETURN] = {"ttu", NULL, "mapcount", ADDRESS, PLAIN, 1},
	[THPRACE_REC_SPLIT_ENTER] = {NULL, NULL, NULL, PLAIN, PLAIN, 0},
	[THPRACE_REC_SPLIT_RETURN] = {"walker", "walker_mapcount", "result", TIME, COUNT, 1},
	[THPRACE_REC_CHECK] = {NULL, NULL, "mapcount", PLAIN, PLAIN, 0},
	[THPRACE_REC_COLLAPSE_ENTER] = {"file", "offset", "foreign", ADDRESS, COUNT, 0},
	[THPRACE_REC_COLLAPSE_RETURN] = {"file", "offset", "result", ADDRESS, COUNT, 1},
	[THPRACE_REC_POISON_ENTER] = {"pfn", NULL, NULL, ADDRESS, PLAIN, 0},
	[THPRACE_REC_POISON_RETURN] = {"pfn", NULL, "result", ADDRESS, PLAIN, 1},
	[THPRACE_REC_LOST] = {"lost", NULL, "cause", COUNT, PLAIN, 1},
	[THPRACE_REC_HOLD_ENTER] = {NULL, NULL, NULL, PLAIN, PLAIN, 0},
	[THPRACE_REC_HOLD_RETURN] = {NULL, NULL, NULL, PLAIN, PLAIN, 1},
};

static const struct meaning *meaning_of(unsigned int type)
{
	static const struct meaning none;

	return type < THPRACE_REC_MAX ? &meanings[type] : &none;
}

int render_record__find_format(const char *name)
{
	static const char *const formats[] = {"text", "json", "csv"};
	int i;

	for (i = 0; name && i <= RENDER_CSV; i++) {
		if (!strcmp(name, formats[i]))
			return i;
	}
	return -ENOENT;
}

int render_record__header(const struct render_record *render,
			  const struct thprace_trace_header *header)
{
	struct json_object *object;

	if (render->format == RENDER_TEXT) {
		fprintf(render->out, "#%14s %5s %8s %8s  %-15s %-18s %s\n", "seconds", "cpu", "pid",
			"process", "record", "folio", "details");
		return 0;
	}
	if (render->format == RENDER_CSV) {
		fputs("row,number,time_ns,begin_ns,type,class,kind,cpu,pid,tgid,folio,value,flags,"
		      "arg,arg2,verdict,said,close_call,level,overlap_ns,comm,window_open_ns,"
		      "window_removed_ns,window_close_ns,window_cpu,window_pid,window_tgid,"
		      "window_comm,mm,address,pages\n",
		      render->out);
		return 0;
	}
	object = render_json__new("header");
	if (!object)
		return -ENOMEM;
	add(object, "started_ns", number_of(header->started));
	add(object, "started_wall_ns", number_of(header->started_wall));
	add(object, "all", json_object_new_boolean(header->flags & THPRACE_TF_ALL));
	return render_json__line(render->out, object);
}

static void text_value(const struct render_record *render, const char *name, enum shape shape,
		       uint64_t value)
{
	char text[NAMES_NUMBER_LEN];

	if (shape == TIME && !value)
		fprintf(render->out, " %s=unknown", name);
	else if (shape == TIME)
		fprintf(render->out, " %s=%s", name,
			names__offset(text, sizeof(text), (int64_t)(value - render->started)));
	else if (shape == ADDRESS)
		fprintf(render->out, " %s=0x%" PRIx64, name, value);
	else
		fprintf(render->out, " %s=%" PRIu64, name, value);
}

static void text_record(const struct render_record *render, const struct thprace_record *record,
			int context)
{
	const struct meaning *meaning = meaning_of(record->type);
	char text[NAMES_NUMBER_LEN];
	FILE *out = render->out;

	fprintf(out, "%15s %5u %8u %8u  %-15s 0x%016" PRIx64,
		names__offset(text, sizeof(text), (int64_t)(record->ts - render->started)),
		record->cpu, record->pid, record->tgid, names__record(record->type),
		(uint64_t)record->folio);
	if (record->class)
		fprintf(out, " class=%s", names__class(record->class));
	if (record->kind)
		fprintf(out, " kind=%s", names__kind(record->kind));
	if (meaning->interval && record->ts >= record->entry)
		fprintf(out, " %s=%s", record->type == THPRACE_REC_LOST ? "within" : "took",
			names__duration(text, sizeof(text), record->ts - record->entry,
					render->utf8));
	if (record->type == THPRACE_REC_LOST)
		fprintf(out, " cause=%s", names__loss((unsigned int)record->value));
	else if (meaning->value)
		fprintf(out, " %s=%d", meaning->value, record->value);
	if (record->flags & THPRACE_RF_OWN_FAILED)
		fputs(" own=still-mapped", out);
	else if (record->flags & THPRACE_RF_OWN)
		fputs(" own=unmapped", out);
	if (record->flags & THPRACE_RF_MIGRATE)
		fputs(" migrate", out);
	if (record->flags & THPRACE_RF_FAILED)
		fputs(" failed", out);
	if (record->flags & THPRACE_RF_AGAIN)
		fputs(" again", out);
	if (record->flags & THPRACE_RF_ELSEWHERE)
		fputs(" elsewhere", out);
	if (record->flags & THPRACE_RF_LOCKED)
		fputs(" locked", out);
	if (meaning->arg)
		text_value(render, meaning->arg, meaning->arg_as, record->arg);
	if (meaning->arg2)
		text_value(render, meaning->arg2, meaning->arg2_as, record->arg2);
	fprintf(out, "%s\n", context ? " context" : "");
}

/*
 * A record as JSON, composed in place: a trace has millions of them, and an object of json-c's for each
 * takes five times as long. Names are the program's own and need no quoting. The longest line has
 * some 450 bytes.
 */
#define LINE_MAX 1024
#define INLINED inline __attribute__((always_inline)) /* lengths of literals are known then */

static INLINED char *put_text(char *at, const char *text)
{
	size_t length = strlen(text);

	memcpy(at, text, length);
	return at + length;
}

static char *put_number(char *at, uint64_t number)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";
	char digits[20];
	size_t from = sizeof(digits);

	while (number >= 100) {
		from -= 2;
		memcpy(&digits[from], &pairs[number % 100 * 2], 2);
		number /= 100;
	}
	if (number >= 10) {
		from -= 2;
		memcpy(&digits[from], &pairs[number * 2], 2);
	} else {
		digits[--from] = (char)('0' + number);
	}
	memcpy(at, &digits[from], sizeof(digits) - from);
	return at + sizeof(digits) - from;
}

static char *put_signed(char *at, int32_t number)
{
	if (number < 0)
		*at++ = '-';
	return put_number(at, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

static char *put_address(char *at, uint64_t address)
{
	int digits = address ? (67 - __builtin_clzll(address)) / 4 : 1;

	at = put_text(at, "\"0x");
	while (digits--)
		*at++ = "0123456789abcdef"[address >> digits * 4 & 15];
	*at++ = '"';
	return at;
}

/* A member's name, with the comma before it. */
static INLINED char *put_name(char *at, const char *name, const char *unit)
{
	at = put_text(at, ",\"");
	at = put_text(at, name);
	at = put_text(at, unit);
	return put_text(at, "\":");
}

static INLINED char *put_word(char *at, const char *name, const char *word)
{
	at = put_name(at, name, "");
	*at++ = '"';
	at = put_text(at, word);
	*at++ = '"';
	return at;
}

static INLINED char *put_member(char *at, const char *name, uint64_t number)
{
	return put_number(put_name(at, name, ""), number);
}

static char *put_value(char *at, const char *name, enum shape shape, uint64_t value)
{
	at = put_name(at, name, shape == TIME ? "_ns" : "");
	if (shape == ADDRESS)
		return put_address(at, value);
	if (shape == TIME && !value)
		return put_text(at, "null");
	return put_number(at, value);
}

/* What the record's type gives a meaning to. */
static char *put_meaning(char *at, const struct thprace_record *record)
{
	const struct meaning *meaning = meaning_of(record->type);

	if (record->type == THPRACE_REC_LOST)
		at = put_word(at, "cause", names__loss((unsigned int)record->value));
	else if (meaning->value)
		at = put_signed(put_name(at, meaning->value, ""), record->value);
	if (meaning->arg)
		at = put_value(at, meaning->arg, meaning->arg_as, record->arg);
	if (meaning->arg2)
		at = put_value(at, meaning->arg2, meaning->arg2_as, record->arg2);
	return at;
}

static void json_record(const struct render_record *render, const struct thprace_record *record,
			int context)
{
	char line[LINE_MAX], *at = line;

	at = put_text(at, "{\"type\":\"record\"");
	at = put_word(at, "record", names__record(record->type));
	at = put_word(at, "source", context ? "context" : "stream");
	at = put_member(at, "time_ns", record->ts);
	at = put_member(at, "begin_ns", record->entry);
	at = put_member(at, "cpu", record->cpu);
	at = put_member(at, "pid", record->pid);
	at = put_member(at, "tgid", record->tgid);
	at = put_name(at, "folio", "");
	at = record->folio ? put_address(at, record->folio) : put_text(at, "null");
	at = put_word(at, "class", names__class(record->class));
	at = put_word(at, "kind", names__kind(record->kind));
	at = put_member(at, "flags", record->flags);
	at = put_meaning(at, record);
	at = put_text(at, "}\n");
	fwrite_unlocked(line, 1, (size_t)(at - line), render->out);
}

static void csv_record(const struct render_record *render, const struct thprace_record *record,
		       int context)
{
	fprintf(render->out,
		"%s,,%" PRIu64 ",%" PRIu64 ",%s,%s,%s,%u,%u,%u,0x%" PRIx64 ",%d,%u,0x%" PRIx64
		",0x%" PRIx64 ",,,,,,,,,,,,,,,,\n",
		context ? "context" : "record", (uint64_t)record->ts, (uint64_t)record->entry,
		names__record(record->type), names__class(record->class), names__kind(record->kind),
		record->cpu, record->pid, record->tgid, (uint64_t)record->folio, record->value,
		record->flags, (uint64_t)record->arg, (uint64_t)record->arg2);
}

int render_record__record(const struct render_record *render, const struct thprace_record *record,
			  int context)
{
	if (render->format == RENDER_JSON)
		json_record(render, record, context);
	else if (render->format == RENDER_CSV)
		csv_record(render, record, context);
	else
		text_record(render, record, context);
	return 0;
}

static void text_incident(const struct render_record *render, uint64_t number,
			  const struct thprace_incident *incident)
{
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walk = &incident->walk;
	char text[NAMES_NUMBER_LEN], comm[3 * THPRACE_COMM_LEN], proof[DIAGRAM_WORDS_LEN];
	uint64_t last = walk->leave ? walk->leave : walk->enter; /* a holder may wait still */
	FILE *out = render->out;

	fprintf(out,
		"%15s %5u %8u %8u  %-15s 0x%016" PRIx64 " number=%" PRIu64
		" class=%s kind=%s verdict=%s",
		names__offset(text, sizeof(text), (int64_t)(last - render->started)), walk->cpu,
		walk->pid, walk->tgid, "incident", (uint64_t)walk->folio, number,
		names__class(walk->class), names__kind(walk->kind),
		names__verdict(incident->verdict));
	if (incident->close_call)
		fputs(" close-call", out);
	fprintf(out, " walker=%s took=%s",
		names__clean(comm, sizeof(comm), walk->comm, THPRACE_COMM_LEN, render->utf8),
		names__duration(text, sizeof(text),
				walk->leave > walk->enter ? walk->leave - walk->enter : 0,
				render->utf8));
	if (summary__has_window(incident)) {
		fprintf(out, " level=%s overlap=%s", names__level(window->level),
			names__duration(text, sizeof(text), summary__overlap(incident),
					render->utf8));
		fprintf(out, " opener=%s/%u opener-cpu=%u",
			names__clean(comm, sizeof(comm), window->comm, THPRACE_COMM_LEN,
				     render->utf8),
			window->pid, window->cpu);
		text_value(render, "open", TIME, window->open);
		text_value(render, "removed", TIME, window->removed);
		text_value(render, "close", TIME, window->close);
	}
	fprintf(out, " proof: %s\n", diagram__proof(proof, sizeof(proof), incident));
}

/* A quoted field of CSV. */
static void csv_text(FILE *out, const char *text, size_t length)
{
	char clean[3 * THPRACE_COMM_LEN];
	const char *c;

	fputc('"', out);
	for (c = names__clean(clean, sizeof(clean), text, length, 1); *c; c++) {
		if (*c == '"')
			fputc('"', out);
		fputc(*c, out);
	}
	fputc('"', out);
}

static void csv_incident(const struct render_record *render, uint64_t number,
			 const struct thprace_incident *incident)
{
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walk = &incident->walk;
	FILE *out = render->out;

	fprintf(out,
		"incident,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%s,%s,%s,%u,%u,%u,0x%" PRIx64
		",%d,%u,0x%" PRIx64 ",,%s,%s,%u,",
		number, (uint64_t)walk->leave, (uint64_t)walk->enter,
		incident->type == THPRACE_MSG_CHECK ? "check" : "incident",
		names__class(walk->class), names__kind(walk->kind), walk->cpu, walk->pid,
		walk->tgid, (uint64_t)walk->folio, walk->residual, walk->flags, (uint64_t)walk->ttu,
		names__verdict(incident->verdict), names__verdict(incident->said),
		incident->close_call);
	if (summary__has_window(incident))
		fprintf(out, "%s,%" PRIu64 ",", names__level(window->level),
			summary__overlap(incident));
	else
		fputs(",,", out);
	csv_text(out, walk->comm, THPRACE_COMM_LEN);
	if (!summary__has_window(incident)) {
		fputs(",,,,,,,,,,\n", out);
		return;
	}
	fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%u,%u,%u,", (uint64_t)window->open,
		(uint64_t)window->removed, (uint64_t)window->close, window->cpu, window->pid,
		window->tgid);
	csv_text(out, window->comm, THPRACE_COMM_LEN);
	fprintf(out, ",0x%" PRIx64 ",0x%" PRIx64 ",%u\n", (uint64_t)window->mm,
		(uint64_t)window->address, window->pages);
}

int render_record__incident(const struct render_record *render, uint64_t number,
			    const struct thprace_incident *incident)
{
	if (render->format == RENDER_JSON)
		return render_json__line(render->out,
					 render_json__incident(NULL, number, incident, 1));
	if (render->format == RENDER_CSV)
		csv_incident(render, number, incident);
	else
		text_incident(render, number, incident);
	return 0;
}
