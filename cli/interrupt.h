/* SPDX-License-Identifier: GPL-2.0-only */
/* Verbs that go on until they are told to end, and then complete what they do. */
#ifndef THPRACE_INTERRUPT_H
#define THPRACE_INTERRUPT_H

#include <stdbool.h>

/*
 * From now on SIGINT (Ctrl-C), SIGTERM and SIGHUP (the terminal is gone) end nothing by themselves. A
 * SIGHUP that is ignored, as under nohup(1), stays so.
 */
void interrupt__catch(void);

/* Has one of them come? */
bool interrupt__came(void);

#endif
