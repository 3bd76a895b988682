/* SPDX-License-Identifier: GPL-2.0-only */
/* For verbs that continue until they are told to end, and then complete their work. */
#ifndef THPRACE_INTERRUPT_H
#define THPRACE_INTERRUPT_H

#include <stdbool.h>

/*
 * From now on SIGINT (Ctrl-C), SIGTERM and SIGHUP (the terminal has gone) do not end the process.
 * An ignored SIGHUP, as under nohup(1), stays ignored.
 */
void interrupt__catch(void);

/* Has one of them arrived? */
bool interrupt__came(void);

#endif
