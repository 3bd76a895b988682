/* SPDX-License-Identifier: GPL-2.0-only */
/* META and TASKS of a recovered trace: as the engine described itself, and what the dump adds. */
#ifndef THPRACE_CRASH_JSON_H
#define THPRACE_CRASH_JSON_H

#include <stdbool.h>
#include <json-c/json.h>

#include "race_under_way.h"
#include "recovery.h"
#include "under_way.h"

struct crash_json {
	struct json_object *meta;
	struct json_object *tasks;
	struct json_object *complaints;
	char panic[256]; /* the kernel's last words; "": not known */
	uint32_t pid; /* of the task that the last complaint names; 0: none */
};

/*
 * meta: size bytes, META as the engine has it. Its races from files become classes of this run. Returns
 * 0 or negative errno.
 */
int crash_json__begin(struct crash_json *crash, const char *meta, size_t size);

/* META without what is known only later; valid until the next call. "": no memory. */
const char *crash_json__first(const struct crash_json *crash);

/* A task that has a slot. */
void crash_json__task(struct crash_json *crash, const struct thprace_slot *slot);

/* The complaints of the kernel's log. */
void crash_json__log(struct crash_json *crash, const struct memory *memory,
		     struct recovery *recovery);

/* Each returns malloc'd text, or NULL if out of memory, and can be called once. */
char *crash_json__meta(struct crash_json *crash, const struct under_way *under_way,
		       const struct race_under_way *races, struct recovery *recovery,
		       const char *format, uint64_t started, uint64_t crashed);
char *crash_json__tasks(struct crash_json *crash);

void crash_json__release(struct crash_json *crash);

#endif
