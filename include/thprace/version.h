/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef THPRACE_VERSION_H
#define THPRACE_VERSION_H

#define THPRACE_VERSION "0.1"

#endif
