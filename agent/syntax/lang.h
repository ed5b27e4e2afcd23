/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <tree_sitter/api.h>

/*
 * What the engine knows about a language: one row of a table each, data only.
 * Everything else in agent/syntax is written against these classes and words,
 * so a language is added by a row here and, where it needs any, its own operators.
 */
enum node_class {
	C_FUNCTION = 1 << 0,
	C_BLOCK = 1 << 1,     /* holds statements */
	C_STATEMENT = 1 << 2, /* can stand in a block */
	C_IF = 1 << 3,	      /* fields condition, consequence, alternative */
	C_RETURN = 1 << 4,
	C_LOOP = 1 << 5,
	C_MEMBER = 1 << 6,  /* reads or writes a member of an object */
	C_INDEX = 1 << 7,   /* subscript */
	C_CALL = 1 << 8,    /* fields function, arguments */
	C_NAME = 1 << 9,    /* a variable's name */
	C_ASSIGN = 1 << 10, /* gives a name a value */
	C_BINARY = 1 << 11, /* comparison, logic, arithmetic */
	C_CATCH = 1 << 12,
	C_TRY = 1 << 13,
	C_THROW = 1 << 14,
	C_LITERAL = 1 << 15, /* a number, string, true, false, empty object */
	C_NULL = 1 << 16,
	C_COMMENT = 1 << 17,
	C_EXPR_STATEMENT = 1 << 18,
	C_LEAVE = 1 << 19, /* return, throw, break, continue, goto */
	C_TERNARY = 1 << 20,
	C_DEREF = 1 << 21, /* reads memory through a pointer */
	C_ASSERT = 1 << 22,
	C_DECLARATION = 1 << 23,
	C_STRING = 1 << 24,
	C_NOT = 1 << 25,
};

struct lang_kind {
	const char *type; /* as the grammar calls it */
	unsigned classes;
};

struct lang {
	const char *name;
	const char *const *suffixes;
	const TSLanguage *(*grammar)(void);
	const struct lang_kind *kinds;
	bool compiled;		/* trying a change means a build */
	bool braces;		/* blocks by braces, else by indentation */
	const char *terminator; /* ends a simple statement */
	const char *null;	/* the null literal */
	const char *and, * or ; /* logical operators */
	const char *negate;	/* printf format with one %s */
	const char *length;	/* printf format: how many elements; NULL: not known at run time */
	const char *ternary;	/* printf format with three %s */
	int ternary_order[3];	/* which of condition 0, then 1, else 2 stands where */
	const char *member_object, *member_name; /* field names of C_MEMBER */
	const char *index_object, *index_key;	 /* of C_INDEX */
	const char *throw_word;			 /* statement that raises, or NULL */
	const char *line_comment;
	const char *const *asserting; /* names of calls that check something, for weakening */
	const char *const *guarding;  /* parts of names of calls that decide who may do what */
};

const struct lang *lang_by_name(const char *name);
const struct lang *lang_by_path(const char *path); /* by suffix; NULL when none knows it */
/* Rows in order; NULL after the last. */
const struct lang *lang_at(unsigned i);
/* Is the language one of these names, separated by blanks?  NULL lists all. */
bool lang_listed(const char *list, const char *name);
/* The classes of a node, 0 for one that has none (or is not named). */
unsigned lang_classes(const struct lang *l, TSNode node);
bool lang_is(const struct lang *l, TSNode node, unsigned classes);
