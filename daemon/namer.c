// SPDX-License-Identifier: GPL-2.0-only
#include "namer.h"

#include <errno.h>
#include <stdlib.h>

#define LINES 2048 /* of kallsyms at a time: about 1 ms */

struct naming {
	struct naming *next;
	struct symbols *symbols;
	void (*done)(void *ctx);
	void *ctx;
};

struct namer {
	sd_event_source *source;
	struct naming *first;
};

/* One piece of the first request. Other event sources run in between, so nothing is blocked. */
static int on_turn(sd_event_source *source, void *ctx)
{
	struct namer *namer = ctx;
	struct naming *naming = namer->first;

	if (naming && symbols__step(naming->symbols, LINES)) {
		namer->first = naming->next;
		if (naming->done)
			naming->done(naming->ctx);
		free(naming);
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
	struct naming **end = &namer->first;

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
	struct naming **link = &namer->first, *naming;

	while (*link) {
		naming = *link;
		if (naming->symbols != symbols) {
			link = &naming->next;
			continue;
		}
		*link = naming->next;
		free(naming);
	}
}

void namer__free(struct namer *namer)
{
	struct naming *naming;

	if (!namer)
		return;
	sd_event_source_disable_unref(namer->source);
	while ((naming = namer->first)) {
		namer->first = naming->next;
		free(naming);
	}
	free(namer);
}
