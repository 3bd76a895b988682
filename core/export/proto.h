/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Protobuf's encoding, as far as timelines need it: numbers, texts, and messages in messages. The
 * caller's buffer must be large enough.
 */
#ifndef THPRACE_PROTO_H
#define THPRACE_PROTO_H

#include <stdint.h>
#include <string.h>

#define PROTO_VARINT 0
#define PROTO_FIXED64 1
#define PROTO_BYTES 2

static inline unsigned char *proto__varint(unsigned char *at, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*at++ = (unsigned char)(value | 0x80);
	*at++ = (unsigned char)value;
	return at;
}

static inline unsigned char *proto__number(unsigned char *at, unsigned int field, uint64_t value)
{
	return proto__varint(proto__varint(at, field << 3 | PROTO_VARINT), value);
}

static inline unsigned char *proto__fixed64(unsigned char *at, unsigned int field, uint64_t value)
{
	at = proto__varint(at, field << 3 | PROTO_FIXED64);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static inline unsigned char *proto__text(unsigned char *at, unsigned int field, const char *text)
{
	size_t length = strlen(text);

	at = proto__varint(proto__varint(at, field << 3 | PROTO_BYTES), length);
	memcpy(at, text, length);
	return at + length;
}

/* Begins a message: keep the result, which is also where its first field goes, for proto__close(). */
static inline unsigned char *proto__open(unsigned char *at, unsigned int field)
{
	/* One byte for the length, which is nearly always enough. */
	return proto__varint(at, field << 3 | PROTO_BYTES) + 1;
}

static inline unsigned char *proto__close(unsigned char *begin, unsigned char *at)
{
	size_t length = (size_t)(at - begin), more = 0, rest;

	for (rest = length >> 7; rest; rest >>= 7)
		more++;
	if (more)
		memmove(begin + more, begin, length);
	proto__varint(begin - 1, length);
	return at + more;
}

#endif
