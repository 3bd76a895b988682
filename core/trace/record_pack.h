/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The records of one block, packed: only what cannot be predicted from the records before it is
 * stored. docs/trace-format.md ("Packed records") describes the bytes.
 */
#ifndef THPRACE_RECORD_PACK_H
#define THPRACE_RECORD_PACK_H

#include <stddef.h>
#include <stdint.h>
#include <thprace/record.h>

/*
 * Bytes that record_pack__unpack() may read after the packed ones: the caller's buffer must have
 * them.
 */
#define RECORD_PACK_SLACK 8

/* Space that record_pack__pack() needs before it packs one more record. */
#define RECORD_PACK_ROOM 112

/*
 * What both directions know about the records so far. Large: allocated once, used for every block.
 */
struct record_pack;

/* Returns a new object, to be freed with record_pack__free(), or NULL. */
struct record_pack *record_pack__new(void);
void record_pack__free(struct record_pack *pack);

/*
 * Pack count records into `to`, at most room bytes. Returns the number of bytes; 0: it needs more,
 * or a record has a type that cannot be packed.
 */
size_t record_pack__pack(struct record_pack *pack, void *to, size_t room,
			 const struct thprace_record *records, uint32_t count);

/*
 * Unpack exactly count records from size bytes at `from`, after which RECORD_PACK_SLACK more may be
 * read. Whatever the bytes are, nothing else is touched. Returns 0, or -EBADMSG if they are not
 * exactly count records.
 */
int record_pack__unpack(struct record_pack *pack, struct thprace_record *records, uint32_t count,
			const void *from, size_t size);

#endif
