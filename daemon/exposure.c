// SPDX-License-Identifier: GPL-2.0-only
#include "exposure.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "session/session.h"
#include "classes/race_class.h"

#define NS_PER_S 1e9
#define SECONDS_PER_DAY 86400.0

#define HPAGE_SIZE_FILE "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"
#define HPAGE_SIZE (2UL << 20)

void exposure__sample(struct exposure_sample *sample, const struct session_totals *totals,
		      uint64_t when)
{
	const struct thprace_counters *sum = &totals->counters.sum;
	const struct thprace_phase_lengths *second = &sum->phase[THPRACE_PHASE_2];
	unsigned int i;

	memset(sample, 0, sizeof(*sample));
	sample->when = when;
	sample->windows = totals->windows;
	sample->window_ns = sum->phase[THPRACE_PHASE_WHOLE].sum;
	for (i = 0; i < THPRACE_BUCKETS; i++)
		sample->phase2 += second->bucket[i];
	sample->phase2_ns = second->sum;
	sample->collapses_failed = sum->collapses_failed;
	for (i = 0; i < THPRACE_CLASS_MAX; i++) {
		sample->walkers[i] = sum->walkers[i];
		sample->of_race[i] = sum->windows[i];
		sample->of_race_ns[i] = totals->counters.race[i].window.sum;
		sample->walker_ns[i] = sum->walker_ns[i];
		sample->overlaps[i] = totals->classes[i].overlaps;
	}
}

/* The difference between two counts. Counters do not go backwards; if one did, nothing is known. */
static double grown(uint64_t from, uint64_t to)
{
	return to > from ? (double)(to - from) : 0;
}

static double mean(double sum, double count)
{
	return count > 0 ? sum / count : 0;
}

/* The windows that walkers of a class can overlap: their rate and mean length. */
static void windows_of(struct exposure_class *out, enum thprace_class class,
		       const struct exposure_sample *from, const struct exposure_sample *to,
		       double seconds)
{
	double windows = grown(from->windows, to->windows);
	double phase2 = grown(from->phase2, to->phase2);

	/* They need not be about huge pages, so nothing is known of how many keys there are. */
	if (race_class__shape(class) == RACE_FILE) {
		windows = grown(from->of_race[class], to->of_race[class]);
		out->windows_per_s = windows / seconds;
		out->window_ns =
			mean(grown(from->of_race_ns[class], to->of_race_ns[class]), windows);
		return;
	}
	switch (race_class__of(class)->windows) {
	case RACE_WINDOWS_UNCOUNTED:
		return;
	case RACE_WINDOWS_COLLAPSE:
		out->windows_per_s = grown(from->collapses_failed, to->collapses_failed) / seconds;
		return;
	case RACE_WINDOWS_PHASE_2:
		out->window_ns = phase2 > 0 ? grown(from->phase2_ns, to->phase2_ns) / phase2
					    : mean(grown(from->window_ns, to->window_ns), windows);
		break;
	case RACE_WINDOWS_ZAP:
		out->window_ns = mean(grown(from->window_ns, to->window_ns), windows);
		break;
	}
	out->windows_per_s = windows / seconds;
	out->estimated = out->observable;
}

static void class_between(struct exposure *exposure, enum thprace_class class,
			  const struct exposure_sample *from, const struct exposure_sample *to)
{
	struct exposure_class *out = &exposure->classes[class];
	double walkers = grown(from->walkers[class], to->walkers[class]);
	double overlaps = grown(from->overlaps[class], to->overlaps[class]);
	double reach;

	windows_of(out, class, from, to, exposure->seconds);
	out->walkers_per_s = walkers / exposure->seconds;
	out->walker_ns = mean(grown(from->walker_ns[class], to->walker_ns[class]), walkers);
	out->overlaps_per_day = overlaps / exposure->seconds * SECONDS_PER_DAY;
	if (!out->estimated)
		return;
	/*
	 * A walker overlaps a window that opens less than the walker's length after it, or less
	 * than the window's length before it. A split must find the window open.
	 */
	reach = race_class__shape(class) == RACE_SPLIT ? out->window_ns
						       : out->window_ns + out->walker_ns;
	out->expected_per_day = out->windows_per_s * out->walkers_per_s * (reach / NS_PER_S) /
				exposure->folios * SECONDS_PER_DAY;
}

void exposure__between(struct exposure *exposure, const struct exposure_sample *from,
		       const struct exposure_sample *to, double folios,
		       const bool observable[THPRACE_CLASS_MAX])
{
	unsigned int class;

	memset(exposure, 0, sizeof(*exposure));
	/* Not ">": that is false for NaN. */
	exposure->folios = folios >= 1 ? folios : 1;
	if (from->when && to->when > from->when)
		exposure->seconds = (double)(to->when - from->when) / NS_PER_S;
	for (class = 1; class < race_class__foreign_end(); class ++) {
		exposure->classes[class].observable = observable[class];
		if (exposure->seconds > 0)
			class_between(exposure, class, from, to);
	}
}

static double huge_page_size(void)
{
	unsigned long size = 0;
	FILE *file = fopen(HPAGE_SIZE_FILE, "re");

	if (file) {
		if (fscanf(file, "%lu", &size) != 1)
			size = 0;
		fclose(file);
	}
	return (double)(size ? size : HPAGE_SIZE);
}

double exposure__folios(const char *path)
{
	static const char *const names[] = {"AnonHugePages", "ShmemHugePages", "FileHugePages"};
	char line[256], name[64];
	uint64_t kib;
	double bytes = 0, folios;
	FILE *file = fopen(path, "re");
	size_t i;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63[^:]: %" SCNu64 " kB", name, &kib) != 2)
			continue;
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			if (!strcmp(name, names[i]))
				bytes += (double)kib * 1024;
		}
	}
	if (file)
		fclose(file);
	folios = bytes / huge_page_size();
	return folios >= 1 ? folios : 1;
}
