// SPDX-License-Identifier: GPL-2.0-only
#include "image_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/names.h"
#include "check/check.h"
#include "check/check_source.h"
#include "report/summary.h"

/* "Linux version 6.1.0-56-amd64 (…": the third word. "" if the image does not say. */
static void read_release(struct image_check *check, const char *version)
{
	static const char start[] = "Linux version ";
	size_t length;

	check->release[0] = '\0';
	if (strncmp(version, start, sizeof(start) - 1) != 0)
		return;
	version += sizeof(start) - 1;
	length = strcspn(version, " \n");
	if (length < sizeof(check->release))
		names__clean(check->release, sizeof(check->release), version, length, 0);
}

int image_check__read(struct image_check *check, const char *path, char *why, size_t why_size)
{
	CLEANUP(check_source__release) struct check_source source = {0};
	const struct check_files files = {.kernel = path};
	struct check_result result;
	struct check_facts facts;
	unsigned int class;
	int err;

	memset(check, 0, sizeof(*check));
	err = check_source__open(&source, &files, why, why_size);
	if (err)
		return err;
	read_release(check, source.banner);
	check_facts__gather(&facts, &source);
	for (class = 1; class < race_class__end(); class ++) {
		check__judge(&facts, (enum thprace_class) class, &result);
		check->status[class] = result.status;
	}
	return 0;
}

int image_check__add(const struct image_check *check, struct summary *summary, char *why,
		     size_t why_size)
{
	unsigned int class;

	if (strcmp(check->release, summary->kernel) != 0) {
		snprintf(why, why_size, "it is a trace of Linux %s, and the image is Linux %s",
			 summary->kernel[0] ? summary->kernel : "(not named)",
			 check->release[0] ? check->release : "(not named)");
		return -EINVAL;
	}
	for (class = 1; class < race_class__end(); class ++) {
		summary->class[class].checked = 1;
		summary->class[class].check = check->status[class];
		if (check->status[class] == CHECK_CANNOT_HAPPEN)
			summary->class[class].cannot_happen = 1;
	}
	return 0;
}
