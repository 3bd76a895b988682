/* SPDX-License-Identifier: GPL-2.0-only */
/* thprace report of many traces: finds the files, and sums them up. */
#ifndef THPRACE_REPORT_MANY_H
#define THPRACE_REPORT_MANY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "report/render_text.h"

struct report_many {
	char *const *
		paths; /* files, and folders, of which all *.thpr are read, also in folders below */
	size_t nr;
	FILE *out;
	bool json;
	struct render_options render;
};

/* Returns enum cli_exit. */
int report_many__run(const struct report_many *many);

/* Is path a folder? */
bool report_many__is_folder(const char *path);

#endif
