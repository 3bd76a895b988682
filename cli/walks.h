/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measures whether this kernel's walks visit all mappings of a page, with pages that a fork shares.
 */
#ifndef THPRACE_WALKS_H
#define THPRACE_WALKS_H

#include "check/check_defect.h"
#include "check/check_watch.h"
#include "probe/probe.h"

/*
 * Run the stressor's split-shared, which splits some huge pages that a fork shares, and watch the
 * walks. Takes about a second, at most 15. Returns 0 and *seen; or negative errno with a sentence
 * in why. verb: for messages.
 */
int walks__measure(struct check_watch *seen, const char *verb, const char *stressor,
		   enum probe_attach attach, char *why, size_t why_size);

/*
 * Walkers of a class failed, and nobody unmapped. Is that the known defect of some kernels
 * (core/check/check_defect.h)? Measures it if one is known for the class, and writes to buf, as a
 * separate sentence, that it is, or what was measured instead. Returns the defect if the kernel has
 * it; else NULL. "" in buf: none is known for this class.
 */
const struct check_defect *walks__explain(char *buf, size_t size, enum thprace_class class,
					  const char *verb, const char *stressor,
					  enum probe_attach attach);

#endif
