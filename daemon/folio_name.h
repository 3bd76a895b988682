/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names for folios in the log. Readers of the log (on Debian the group adm) must not learn kernel
 * addresses from it: the name is a keyed hash of the address, and the key is a secret of this
 * process.
 */
#ifndef THPRACE_DAEMON_FOLIO_NAME_H
#define THPRACE_DAEMON_FOLIO_NAME_H

#include <stddef.h>
#include <stdint.h>

#define FOLIO_NAME_LEN \
	13 /* 48 bits in hex: fewer than 16 digits, so that it does not look like an address */

/* A folio keeps its name until the process ends. Returns buf, "" if the kernel gives no key. */
const char *folio_name(char buf[FOLIO_NAME_LEN], uint64_t address);

/* SipHash-2-4 of one number; key: two words, as in the paper. */
uint64_t folio_name__hash(const uint64_t key[2], uint64_t number);

#endif
