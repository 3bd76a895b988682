// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shows a race class by its name alone: show_class NAME FOLDER makes these files of what the programs' parts make of it.
 *   trace.thpr   a recording with a walker of the class, one incident and its counts
 *   metrics      the daemon's metrics, with the class' id + 1000 walkers
 *   status       the daemon's answer to `status`
 *   alert        the message of an escape, and its fields
 *   complaints   the complaints in the kernel's log on standard input
 *   kernel.btf   the BTF of a small kernel that has try_to_migrate
 */
#include "btf_support.h"

#include <json-c/json.h>
#include "alert.h"
#include "base/names.h"
#include "build_incident.h"
#include "complaint/complaint.h"
#include "log.h"
#include "metrics_support.h"
#include "status_json.h"
#include "trace/trace_classes.h"
#include "trace/trace_writer.h"

#define START 1000000000000ULL

static const char *folder;

static FILE *make(const char *name)
{
	char name_of[256];
	FILE *file;

	snprintf(name_of, sizeof(name_of), "%s/%s", folder, name);
	file = fopen(name_of, "we");
	if (!file) {
		perror(name_of);
		exit(1);
	}
	return file;
}

static void check(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "show_class: %s: %s\n", what, strerror(-err));
	exit(1);
}

static void show_trace(unsigned int class)
{
	const struct thprace_record record = {.ts = START + 1000,
					      .entry = START + 1000,
					      .folio = 0xffea8000,
					      .pid = 21,
					      .type = THPRACE_REC_WALK_ENTER,
					      .class = (uint8_t) class,
					      .origin = THPRACE_ORIGIN_OTHER};
	struct thprace_incident incident = build_race(class, THPRACE_CONTAINED, START);
	struct json_object *meta = json_object_new_object();
	struct trace_writer *writer;
	char name_of[256], stats[256];

	json_object_object_add(meta, "mode", json_object_new_string("precise"));
	json_object_object_add(meta, "classes", trace_classes__json());
	snprintf(name_of, sizeof(name_of), "%s/trace.thpr", folder);
	snprintf(stats, sizeof(stats), "{\"classes\":{\"%s\":{\"walkers\":77}}}",
		 names__class(class));
	check(trace_writer__open(&writer, name_of, START, START, THPRACE_TF_ALL), "trace");
	check(trace_writer__json(writer, THPRACE_BLOCK_META, json_object_to_json_string(meta)),
	      "META");
	check(trace_writer__record(writer, THPRACE_BLOCK_RECORDS, &record), "record");
	check(trace_writer__incident(writer, &incident), "incident");
	check(trace_writer__flush(writer), "flush");
	check(trace_writer__json(writer, THPRACE_BLOCK_STATS, stats), "STATS");
	check(trace_writer__close(writer), "close");
	json_object_put(meta);
}

static void show_state(void)
{
	struct json_object *status;
	struct world world;
	FILE *out;

	make_full(&world);
	out = make("metrics");
	fputs(text_of(&world), out);
	fclose(out);
	out = make("status");
	status = status_json__new(&world.state);
	fprintf(out, "%s\n", json_object_to_json_string_ext(status, JSON_C_TO_STRING_PLAIN));
	fclose(out);
	json_object_put(status);
}

static int send_message(const struct log_message *message)
{
	FILE *out = make("alert");
	size_t i;

	fprintf(out, "%s\n", message->text);
	for (i = 0; i < message->nr_fields; i++)
		fprintf(out, "%s=%s\n", message->fields[i].name, message->fields[i].value);
	fclose(out);
	return 0;
}

static void show_alert(unsigned int class)
{
	struct thprace_incident incident = build_race(class, THPRACE_ESCAPE, START);
	struct config config;
	struct alert *alert;

	incident.attribution = THPRACE_EXACT;
	incident.walk.residual = 1;
	config__defaults(&config);
	alert = alert__new(&config, send_message);
	alert__incident(alert, &incident, 1, NULL, START);
	alert__free(alert);
}

static void show_complaint(void *ctx, const struct complaint *complaint)
{
	unsigned int class;

	fprintf(ctx, "%s:", complaint__kind_name(complaint->kind));
	for (class = 1; class < race_class__end(); class ++)
		if (complaint->classes & 1U << class)
			fprintf(ctx, " %s", names__class(class));
	fprintf(ctx, " %s\n", complaint->reason);
}

static void show_complaints(void)
{
	const struct complaint_kernel kernel = {.known = false};
	FILE *out = make("complaints");
	struct complaint_parser *parser = complaint_parser__new(&kernel, show_complaint, out);
	char line[512];

	while (fgets(line, sizeof(line), stdin))
		complaint_parser__line(parser, line, strcspn(line, "\n"));
	complaint_parser__finish(parser);
	complaint_parser__free(parser);
	fclose(out);
}

static void show_btf(void)
{
	struct btf *btf = kernel_btf();

	add_function(btf, "try_to_migrate", "page flags");
	snprintf(path, sizeof(path), "%s/kernel.btf", folder);
	write_btf(btf, 0);
	btf__free(btf);
}

int main(int argc, char **argv)
{
	unsigned int class = argc == 3 ? race_class__find(argv[1]) : 0;

	if (!class) {
		fprintf(stderr, "usage: show_class CLASS FOLDER\n");
		return 2;
	}
	folder = argv[2];
	show_trace(class);
	show_state();
	show_alert(class);
	show_complaints();
	show_btf();
	return 0;
}
