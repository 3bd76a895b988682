// SPDX-License-Identifier: GPL-2.0-only
#include "namer.h"

#include <errno.h>
#include <stdlib.h>

#define LINES 2048 /* of kallsyms, at once: about 1 ms */

struct wish {
	struct wish *next;
	struct symbols *symbols;
	void (*done)(void *ctx);
	void *ctx;
};

struct namer {
	sd_event_source *source;
	struct wish *first;
};

/* One piece of the first wish. What else waits in the loop comes in between, by turns: nobody starves this. */
static int on_turn(sd_event_source *source, void *ctx)
{
	struct namer *namer = ctx;
	struct wish *wish = namer->first;

	if (wish && symbols__step(wish->symbols, LINES)) {
		namer->first = wish->next;
		if (wish->done)
			wish->done(wish->ctx);
		free(wish);
	}
	if (!namer->first)
		return 0;
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

struct namer *namer__new(sd_event *event)
{
	struct namer *namer = calloc(1, sizeof(*namer));

	if (!namer)
		return NULL;
	if (sd_event_add_defer(event, &namer->source, on_turn, namer) < 0 ||
	    sd_event_source_set_enabled(namer->source, SD_EVENT_OFF) < 0) {
		namer__free(namer);
		return NULL;
	}
	return namer;
}

int namer__want(struct namer *namer, struct symbols *symbols, void (*done)(void *ctx), void *ctx)
{
	struct wish **end = &namer->first;

	for (; *end; end = &(*end)->next)
		if ((*end)->symbols == symbols)
			return 0;
	*end = calloc(1, sizeof(**end));
	if (!*end)
		return -ENOMEM;
	(*end)->symbols = symbols;
	(*end)->done = done;
	(*end)->ctx = ctx;
	return sd_event_source_set_enabled(namer->source, SD_EVENT_ONESHOT);
}

void namer__forget(struct namer *namer, const struct symbols *symbols)
{
	struct wish **link = &namer->first, *wish;

	while (*link) {
		wish = *link;
		if (wish->symbols != symbols) {
			link = &wish->next;
			continue;
		}
		*link = wish->next;
		free(wish);
	}
}

void namer__free(struct namer *namer)
{
	struct wish *wish;

	if (!namer)
		return;
	sd_event_source_disable_unref(namer->source);
	while ((wish = namer->first)) {
		namer->first = wish->next;
		free(wish);
	}
	free(namer);
}
