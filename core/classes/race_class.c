// SPDX-License-Identifier: GPL-2.0-only
#include "race_class.h"

#include <stddef.h>

/* The Makefile lists the files of this folder there. */
#define RACE_CLASS(name) extern const struct race_class race_class_##name;
#include "race_classes.h"
#undef RACE_CLASS

const struct race_class *race_class__of(unsigned int class)
{
	static const struct race_class *const classes[] = {
#define RACE_CLASS(name) &race_class_##name,
#include "race_classes.h"
	};
	size_t i;

	for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (classes[i]->id == class)
			return classes[i];
	return NULL;
}

enum race_shape race_class__shape(unsigned int class)
{
	const struct race_class *of = race_class__of(class);

	return of ? of->shape : RACE_WALK;
}

enum thprace_class race_class__with(enum race_shape shape)
{
	unsigned int class = 1;

	while (class < THPRACE_CLASS_MAX && race_class__shape(class) != shape)
		class ++;
	return class < THPRACE_CLASS_MAX ? (enum thprace_class) class : THPRACE_CLASS_NONE;
}

bool race_class__deletes(unsigned int class)
{
	const struct race_class *of = race_class__of(class);

	return of && of->deletes;
}
