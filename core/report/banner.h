/* SPDX-License-Identifier: GPL-2.0-only */
/* The answer of a report, in one sentence: did a race let something through while this was recorded? */
#ifndef THPRACE_BANNER_H
#define THPRACE_BANNER_H

struct summary;

enum banner_kind {
	BANNER_ESCAPE, /* an escape is proved: exact or causal */
	BANNER_LIKELY, /* escapes are likely, none is proved */
	BANNER_NOT_TOLD, /* none was seen, but one may have been missed, or a failed walker has
			  * another cause, or the kernel's image shows that it has no fix */
	BANNER_NO_ESCAPE, /* both sides met, all of it was seen, and the kernel contained it */
	BANNER_MAX
};

/* Stable names, in JSON. */
#define BANNER_NAMES                                        \
	{                                                   \
		"escape", "likely", "not-told", "no-escape" \
	}

#define BANNER_LEN 768

struct banner {
	enum banner_kind kind;
	char text[BANNER_LEN]; /* one line of printable ASCII, without a full stop */
};

void banner__of(struct banner *banner, const struct summary *summary);

/* Append to its text; what does not fit is cut off. */
__attribute__((format(printf, 2, 3))) void banner__add(struct banner *banner, const char *format,
						       ...);

/* The stable name of a kind. */
const char *banner__name(enum banner_kind kind);

#endif
