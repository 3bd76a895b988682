// SPDX-License-Identifier: GPL-2.0-only
/* Alerts in words and fields. Syslog has no fields, so the important data is also in the text. */
#include "alert_message.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <thprace/verdict.h>

#include "report/diagram.h"
#include "folio_name.h"
#include "kernel_check.h"
#include "base/names.h"
#include "report/summary.h"
#include "classes/race_class.h"
#include "alert_who.h"

/* One line that grows; what does not fit is dropped. */
struct line {
	char text[1024];
	size_t length;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line->text + line->length, sizeof(line->text) - line->length, format,
			   args);
	va_end(args);
	line->length += (size_t)length;
	if (line->length >= sizeof(line->text))
		line->length = sizeof(line->text) - 1;
}

/* likely: an escape that is not proved. */
static int priority_of(unsigned int verdict, bool likely)
{
	switch (verdict) {
	case THPRACE_ESCAPE:
		return likely ? LOG_ERR : LOG_CRIT;
	case THPRACE_UNATTRIBUTED:
		return LOG_ERR;
	case THPRACE_UNPROVEN:
	case THPRACE_REMAINED:
		return LOG_WARNING;
	default:
		return LOG_INFO;
	}
}

static const char *id_of(unsigned int verdict, bool likely)
{
	switch (verdict) {
	case THPRACE_ESCAPE:
		return likely ? LOG_ID_LIKELY : LOG_ID_ESCAPE;
	case THPRACE_UNATTRIBUTED:
		return LOG_ID_UNATTRIBUTED;
	case THPRACE_UNPROVEN:
		return LOG_ID_UNPROVEN;
	case THPRACE_REMAINED:
		return LOG_ID_REMAINED;
	default:
		return LOG_ID_OVERLAP;
	}
}

static bool is_likely(const struct thprace_incident *incident)
{
	return incident->verdict == THPRACE_ESCAPE &&
	       !thprace_proved(incident->verdict, incident->attribution);
}

/* A race from a file has no level, and its walkers no kind. */
static bool is_file(unsigned int class)
{
	return race_class__shape(class) == RACE_FILE;
}

/* A comm need not end with a NUL. */
static void add_comm(struct line *line, const char comm[THPRACE_COMM_LEN])
{
	char clean[THPRACE_COMM_LEN + 1];

	add(line, "%s", names__clean(clean, sizeof(clean), comm, THPRACE_COMM_LEN, 0));
}

/* " [user 1000, web.service]" */
static void add_who(struct line *line, const struct thprace_stack *stack, struct cgroups *cgroups)
{
	char text[WHO_TEXT_LEN];

	if (*alert_who__text(text, sizeof(text), stack, cgroups))
		add(line, " [%s]", text);
}

static void add_sides(struct line *line, const struct thprace_incident *incident,
		      struct cgroups *cgroups)
{
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walk = &incident->walk;

	if (summary__has_window(incident)) {
		add(line, "opener ");
		add_comm(line, window->comm);
		add(line, "/%u on CPU%u", window->pid, window->cpu);
		add_who(line, &incident->opener_stack, cgroups);
		add(line, ", ");
	} else {
		add(line, incident->verdict == THPRACE_REMAINED ? "nobody unmapping, "
								: "no window seen, ");
	}
	add(line, "walker ");
	add_comm(line, walk->comm);
	add(line, "/%u on CPU%u", walk->pid, walk->cpu);
	if (!is_file(walk->class))
		add(line, " (%s)", names__origin(walk->origin));
	add_who(line, &incident->walker_stack, cgroups);
}

/* Of those that are counted together. */
static void add_source(struct line *line, uint64_t source, struct cgroups *cgroups)
{
	char text[WHO_TEXT_LEN];

	if (*alert_who__source(text, sizeof(text), source, cgroups))
		add(line, "; by %s", text);
}

static void add_show(struct line *line, const char *before, uint64_t number)
{
	if (number)
		add(line, "%sthprace show %" PRIu64, before, number);
}

static void add_incident(struct line *line, const struct alert_evidence *evidence, bool first)
{
	const struct thprace_incident *incident = &evidence->incident;
	char proof[DIAGRAM_TEXT_LEN], length[NAMES_NUMBER_LEN];

	add(line, "%s%s: %s", is_likely(incident) ? "likely " : "",
	    names__verdict(incident->verdict), names__class(incident->walk.class));
	if (summary__has_window(incident) && !is_file(incident->walk.class))
		add(line, ", %s level", names__level(incident->window.level));
	if (first)
		add(line, ", the first since the start");
	add(line, ": ");
	add_sides(line, incident, evidence->cgroups);
	if (summary__overlap_known(incident))
		add(line, "; overlap %s",
		    names__duration(length, sizeof(length), summary__overlap(incident), 0));
	add(line, "; proof: %s", diagram__proof(proof, sizeof(proof), incident));
	if (is_likely(incident))
		add(line, is_file(incident->walk.class)
				  ? "; it is not proved which of those that it met was the reason"
				  : "; it is not proved that this zap was the reason");
	if (incident->verdict == THPRACE_REMAINED)
		add(line, "; nobody was unmapping: the kernel failed by itself, this is no race");
	if (incident->verdict == THPRACE_UNPROVEN)
		add(line, "; a record was lost in this interval, so no statement is made");
	add_show(line, "; ", evidence->number);
}

static void field_comm(struct log_message *message, const char *name,
		       const char comm[THPRACE_COMM_LEN])
{
	log__field(message, name, "%.*s", THPRACE_COMM_LEN, comm);
}

static void fields_of_window(struct log_message *message, const struct thprace_incident *incident)
{
	const struct thprace_window *window = &incident->window;

	if (!summary__has_window(incident))
		return;
	if (!is_file(incident->walk.class))
		log__field(message, "THPRACE_LEVEL", "%s", names__level(window->level));
	log__field(message, "THPRACE_OPENER_PID", "%u", window->pid);
	log__field(message, "THPRACE_OPENER_TGID", "%u", window->tgid);
	field_comm(message, "THPRACE_OPENER_COMM", window->comm);
	log__field(message, "THPRACE_OPENER_CPU", "%u", window->cpu);
	/* A range that began before anybody looked has no start. */
	if (window->open)
		log__field(message, "THPRACE_OPEN_NS", "%" PRIu64, (uint64_t)window->open);
	if (window->close)
		log__field(message, "THPRACE_CLOSE_NS", "%" PRIu64, (uint64_t)window->close);
	if (summary__overlap_known(incident))
		log__field(message, "THPRACE_OVERLAP_NS", "%" PRIu64, summary__overlap(incident));
	if (window->open && window->close >= window->open)
		log__field(message, "THPRACE_WINDOW_NS", "%" PRIu64,
			   (uint64_t)(window->close - window->open));
}

static void fields_of_walker(struct log_message *message, const struct thprace_walk *walk)
{
	char folio[FOLIO_NAME_LEN];

	log__field(message, "THPRACE_WALKER_PID", "%u", walk->pid);
	log__field(message, "THPRACE_WALKER_TGID", "%u", walk->tgid);
	field_comm(message, "THPRACE_WALKER_COMM", walk->comm);
	log__field(message, "THPRACE_WALKER_CPU", "%u", walk->cpu);
	if (is_file(walk->class)) {
		log__field(message, "THPRACE_KEY", "0x%" PRIx64, (uint64_t)walk->folio);
	} else {
		log__field(message, "THPRACE_WALKER_KIND", "%s", names__origin(walk->origin));
		log__field(message, "THPRACE_RESIDUAL", "%d", walk->residual);
		log__field(message, "THPRACE_FOLIO", "%s", folio_name(folio, walk->folio));
	}
	if (walk->leave && walk->leave >= walk->enter)
		log__field(message, "THPRACE_WALKER_NS", "%" PRIu64,
			   (uint64_t)(walk->leave - walk->enter));
}

static void fields_of_evidence(struct log_message *message, uint64_t number, const char *file)
{
	if (!number)
		return;
	log__field(message, "THPRACE_ID", "%" PRIu64, number);
	if (*file)
		log__field(message, "THPRACE_FILE", "%s", file);
}

static void fields_of_incident(struct log_message *message, const struct alert_evidence *evidence)
{
	const struct thprace_incident *incident = &evidence->incident;
	char text[DIAGRAM_TEXT_LEN];

	log__field(message, "THPRACE_CLASS", "%s", names__class(incident->walk.class));
	log__field(message, "THPRACE_VERDICT", "%s", names__verdict(incident->verdict));
	if (incident->attribution)
		log__field(message, "THPRACE_ATTRIBUTION", "%s",
			   names__attribution(incident->attribution));
	log__field(message, "THPRACE_MODE", "%s", names__mode(incident->mode));
	fields_of_evidence(message, evidence->number, evidence->file);
	fields_of_window(message, incident);
	fields_of_walker(message, &incident->walk);
	if (summary__has_window(incident))
		alert_who__fields(message, "OPENER", &incident->opener_stack, evidence->cgroups);
	alert_who__fields(message, "WALKER", &incident->walker_stack, evidence->cgroups);
	log__field(message, "THPRACE_PROOF", "%s", diagram__proof(text, sizeof(text), incident));
	log__field(message, "THPRACE_WORDS", "%s",
		   diagram__verdict(text, sizeof(text), incident, 0));
	log__field(message, "THPRACE_CLOSE_CALL", "%d", incident->close_call);
}

void alert_message__incident(struct log_message *message, const struct alert_evidence *evidence,
			     bool first)
{
	struct line line = {0};

	add_incident(&line, evidence, first);
	log__begin(message, priority_of(evidence->incident.verdict, is_likely(&evidence->incident)),
		   id_of(evidence->incident.verdict, is_likely(&evidence->incident)), "%s",
		   line.text);
	fields_of_incident(message, evidence);
	log__field(message, "THPRACE_FIRST", "%d", first);
}

/* That the kernel waited once is only reassuring if its code shows that it always does. */
static const char *status_text(enum check_status status)
{
	switch (status) {
	case CHECK_FIXED:
		return "the kernel's code has the fix";
	case CHECK_VULNERABLE:
		return "the kernel's code lacks the fix: it was luck, and the next one may escape";
	case CHECK_CANNOT_HAPPEN:
		return "according to the kernel's code, no overlap of this class can escape";
	default:
		return "whether the kernel's code has the fix is not known: thprace check";
	}
}

void alert_message__overlap(struct log_message *message, const struct alert_evidence *evidence,
			    enum check_status status)
{
	struct line line = {0};

	add_incident(&line, evidence, true);
	add(&line, "; %s", status_text(status));
	if (status == CHECK_UNKNOWN && is_file(evidence->incident.walk.class))
		add(&line, " --race %s", names__class(evidence->incident.walk.class));
	log__begin(message, priority_of(evidence->incident.verdict, is_likely(&evidence->incident)),
		   id_of(evidence->incident.verdict, is_likely(&evidence->incident)), "%s",
		   line.text);
	fields_of_incident(message, evidence);
	log__field(message, "THPRACE_FIRST", "1");
	log__field(message, "THPRACE_CHECK", "%s", kernel_check__status_name(status));
	log__field(message, "THPRACE_CHECK_WORDS", "%s", status_text(status));
}

/*
 * What a complaint names of its incident: at least one of page and task, and none of another
 * incident.
 */
static void add_named(struct line *line, const struct thprace_incident *incident,
		      const struct complaint *complaint, bool same_page)
{
	add(line, "it names %s", same_page ? "this page" : "");
	if (complaint->pid)
		add(line, "%sthe %s's task", same_page ? " and " : "",
		    complaint->pid == incident->walk.pid ? "walker" : "opener");
}

static void fields_of_complaint(struct log_message *message, const struct complaint *complaint)
{
	log__field(message, "THPRACE_KERNEL_LINE", "%s", complaint->text);
	if (complaint->pid)
		log__field(message, "THPRACE_KERNEL_PID", "%u", complaint->pid);
	if (complaint->has_pfn)
		log__field(message, "THPRACE_KERNEL_PFN", "0x%" PRIx64, complaint->pfn);
}

void alert_message__confirmed(struct log_message *message, const struct alert_evidence *evidence,
			      const struct complaint *complaint, bool same_page)
{
	struct line line = {0};

	add(&line, "confirmed by the kernel: \"%s\" (", complaint->text);
	add_named(&line, &evidence->incident, complaint, same_page);
	add(&line, "): ");
	add_incident(&line, evidence, false);
	log__begin(message, LOG_CRIT, LOG_ID_CONFIRMED, "%s", line.text);
	fields_of_incident(message, evidence);
	fields_of_complaint(message, complaint);
}

void alert_message__complaint(struct log_message *message, const struct complaint *complaint)
{
	struct line line = {0};
	const char *before = "";
	unsigned int c;

	add(&line, "the kernel complained, and no incident explains it: \"%s\"", complaint->text);
	if (complaint->pid)
		add(&line, ", PID %u", complaint->pid);
	add(&line, "; it may belong to ");
	for (c = 1; c < race_class__end(); c++) {
		if (!(complaint->classes & 1U << c))
			continue;
		add(&line, "%s%s", before, names__class(c));
		before = ", ";
	}
	log__begin(message, LOG_ERR, LOG_ID_COMPLAINT, "%s", line.text);
	/* A field may occur several times in a journal entry. */
	for (c = 1; c < race_class__end(); c++) {
		if (complaint->classes & 1U << c)
			log__field(message, "THPRACE_CLASS", "%s", names__class(c));
	}
	fields_of_complaint(message, complaint);
}

static void fields_of_last(struct log_message *message, const struct alert_dedup_last *last)
{
	fields_of_evidence(message, last->number, last->file);
	log__field(message, "THPRACE_FROM_NS", "%" PRIu64, last->from);
	log__field(message, "THPRACE_TO_NS", "%" PRIu64, last->to);
}

void alert_message__folded(struct log_message *message, const struct alert_dedup_group *group,
			   struct cgroups *cgroups)
{
	const struct alert_dedup_key *key = &group->key;
	char length[NAMES_NUMBER_LEN];
	struct line line = {0};

	add(&line, "%" PRIu64 " more: %s%s: %s", group->count, key->likely ? "likely " : "",
	    names__verdict(key->verdict), names__class(key->class));
	/* A window has an opener, and only a window has a level. */
	if (!*key->opener) {
		add(&line, ": ");
	} else {
		if (!is_file(key->class))
			add(&line, ", %s level", names__level(key->level));
		add(&line, ": opener ");
		add_comm(&line, key->opener);
		add(&line, ", ");
	}
	add(&line, "walker ");
	add_comm(&line, key->walker);
	if (!is_file(key->class))
		add(&line, " (%s)", names__origin(key->origin));
	add_source(&line, key->source, cgroups);
	add(&line, "; within %s",
	    names__duration(length, sizeof(length), group->last.to - group->last.from, 0));
	add_show(&line, "; the last: ", group->last.number);
	log__begin(message, priority_of(key->verdict, key->likely), LOG_ID_FOLDED, "%s", line.text);
	log__field(message, "THPRACE_CLASS", "%s", names__class(key->class));
	log__field(message, "THPRACE_VERDICT", "%s", names__verdict(key->verdict));
	log__field(message, "THPRACE_COUNT", "%" PRIu64, group->count);
	if (*key->opener) {
		if (!is_file(key->class))
			log__field(message, "THPRACE_LEVEL", "%s", names__level(key->level));
		field_comm(message, "THPRACE_OPENER_COMM", key->opener);
	}
	field_comm(message, "THPRACE_WALKER_COMM", key->walker);
	if (!is_file(key->class))
		log__field(message, "THPRACE_WALKER_KIND", "%s", names__origin(key->origin));
	alert_who__source_fields(message, key->source, cgroups);
	fields_of_last(message, &group->last);
}

void alert_message__withheld(struct log_message *message, unsigned int class,
			     const struct alert_dedup_limit *withheld, uint64_t limit,
			     struct cgroups *cgroups)
{
	struct line line = {0}, parts = {0};
	int priority = LOG_INFO;
	unsigned int verdict;
	uint64_t count = 0;

	for (verdict = 0; verdict < THPRACE_VERDICT_MAX; verdict++) {
		if (!withheld->withheld[verdict])
			continue;
		count += withheld->withheld[verdict];
		if (priority_of(verdict, false) < priority)
			priority = priority_of(verdict, false);
		add(&parts, "%s%" PRIu64 " %s", parts.length ? ", " : "",
		    withheld->withheld[verdict], names__verdict(verdict));
	}
	add(&line, "%" PRIu64 " more, above the limit of %s a minute: %s: %s", count,
	    COUNTED(limit, "message"), names__class(class), parts.text);
	add_source(&line, withheld->source, cgroups);
	add_show(&line, "; the last: ", withheld->last.number);
	log__begin(message, priority, LOG_ID_FOLDED, "%s", line.text);
	log__field(message, "THPRACE_CLASS", "%s", names__class(class));
	alert_who__source_fields(message, withheld->source, cgroups);
	log__field(message, "THPRACE_COUNT", "%" PRIu64, count);
	for (verdict = 0; verdict < THPRACE_VERDICT_MAX; verdict++) {
		if (withheld->withheld[verdict])
			log__field(message, "THPRACE_VERDICT", "%s", names__verdict(verdict));
	}
	fields_of_last(message, &withheld->last);
}

void alert_message__withheld_complaints(struct log_message *message, unsigned int kind,
					const struct alert_dedup_limit *withheld, uint64_t limit)
{
	uint64_t count = withheld->withheld[ALERT_DEDUP_COMPLAINTS_VERDICT];

	log__begin(message, LOG_ERR, LOG_ID_FOLDED,
		   "%" PRIu64 " more of the kernel's complaints (%s), above the limit of %" PRIu64
		   " messages a minute",
		   count, complaint__kind_name(kind), limit);
	log__field(message, "THPRACE_COUNT", "%" PRIu64, count);
	fields_of_last(message, &withheld->last);
}

/* "120 incident, 3 slot"; returns the sum. */
static uint64_t add_causes(struct line *line, const struct alert_loss *loss)
{
	const char *before = "";
	unsigned int cause;
	uint64_t sum = 0;

	for (cause = 0; cause < THPRACE_LOSS_MAX; cause++) {
		if (!loss->count[cause])
			continue;
		add(line, "%s%" PRIu64 " %s", before, loss->count[cause], names__loss(cause));
		before = ", ";
		sum += loss->count[cause];
	}
	return sum;
}

static void fields_of_loss(struct log_message *message, const struct alert_loss *loss, uint64_t sum)
{
	unsigned int cause;

	for (cause = 0; cause < THPRACE_LOSS_MAX; cause++) {
		if (loss->count[cause])
			log__field(message, "THPRACE_CAUSE", "%s", names__loss(cause));
	}
	log__field(message, "THPRACE_COUNT", "%" PRIu64, sum);
	log__field(message, "THPRACE_FROM_NS", "%" PRIu64, loss->from);
	log__field(message, "THPRACE_TO_NS", "%" PRIu64, loss->to);
}

void alert_message__loss_began(struct log_message *message, const struct alert_loss *loss)
{
	struct line line = {0};
	uint64_t sum;

	add(&line, "records are being lost, first ");
	sum = add_causes(&line, loss);
	add(&line, ": incidents in such an interval are unproven");
	log__begin(message, LOG_WARNING, LOG_ID_LOSS_BEGAN, "%s", line.text);
	fields_of_loss(message, loss, sum);
}

void alert_message__loss_ended(struct log_message *message, const struct alert_loss *loss,
			       bool stopping)
{
	char length[NAMES_NUMBER_LEN];
	struct line line = {0};
	uint64_t sum;

	add(&line, "%s; lost: ",
	    stopping ? "records were being lost when thpraced ended"
		     : "no more records are being lost");
	sum = add_causes(&line, loss);
	add(&line, ", within %s",
	    names__duration(length, sizeof(length),
			    loss->to > loss->from ? loss->to - loss->from : 0, 0));
	log__begin(message, LOG_NOTICE, LOG_ID_LOSS_ENDED, "%s", line.text);
	fields_of_loss(message, loss, sum);
}
