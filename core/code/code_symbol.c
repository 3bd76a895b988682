// SPDX-License-Identifier: GPL-2.0-only
/* The names of a function's parts and variants. */
#include "code_private.h"

#include <string.h>

bool code_symbol__belongs(const char *symbol, const char *name, size_t length)
{
	return !strncmp(symbol, name, length) && (!symbol[length] || symbol[length] == '.');
}

bool code_symbol__is_cold(const char *symbol)
{
	return strstr(symbol, ".cold") != NULL;
}

bool code_symbol__is_variant(const char *symbol, const char *name, size_t length)
{
	return code_symbol__belongs(symbol, name, length) && !code_symbol__is_cold(symbol);
}
