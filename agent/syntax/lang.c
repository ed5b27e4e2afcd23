/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/syntax/lang.h"

#include <string.h>

const TSLanguage *tree_sitter_c(void);
const TSLanguage *tree_sitter_python(void);
const TSLanguage *tree_sitter_javascript(void);

static const struct lang_kind javascript_kinds[] = {
	{ "function_declaration", C_FUNCTION | C_STATEMENT | C_DECLARATION },
	{ "generator_function_declaration", C_FUNCTION | C_STATEMENT | C_DECLARATION },
	{ "function_expression", C_FUNCTION },
	{ "generator_function", C_FUNCTION },
	{ "arrow_function", C_FUNCTION },
	{ "method_definition", C_FUNCTION },
	{ "program", C_BLOCK },
	{ "statement_block", C_BLOCK },
	{ "switch_case", C_BLOCK },
	{ "switch_default", C_BLOCK },
	{ "expression_statement", C_STATEMENT | C_EXPR_STATEMENT },
	{ "variable_declaration", C_STATEMENT | C_DECLARATION },
	{ "lexical_declaration", C_STATEMENT | C_DECLARATION },
	{ "class_declaration", C_STATEMENT | C_DECLARATION },
	{ "if_statement", C_STATEMENT | C_IF },
	{ "for_statement", C_STATEMENT | C_LOOP },
	{ "for_in_statement", C_STATEMENT | C_LOOP },
	{ "while_statement", C_STATEMENT | C_LOOP },
	{ "do_statement", C_STATEMENT | C_LOOP },
	{ "switch_statement", C_STATEMENT },
	{ "try_statement", C_STATEMENT | C_TRY },
	{ "return_statement", C_STATEMENT | C_RETURN | C_LEAVE },
	{ "throw_statement", C_STATEMENT | C_THROW | C_LEAVE },
	{ "break_statement", C_STATEMENT | C_LEAVE },
	{ "continue_statement", C_STATEMENT | C_LEAVE },
	{ "catch_clause", C_CATCH },
	{ "member_expression", C_MEMBER },
	{ "subscript_expression", C_INDEX },
	{ "call_expression", C_CALL },
	{ "new_expression", C_CALL },
	{ "identifier", C_NAME },
	{ "assignment_expression", C_ASSIGN },
	{ "augmented_assignment_expression", C_ASSIGN },
	{ "variable_declarator", C_ASSIGN },
	{ "binary_expression", C_BINARY },
	{ "unary_expression", C_NOT },
	{ "ternary_expression", C_TERNARY },
	{ "string", C_LITERAL | C_STRING },
	{ "template_string", C_STRING },
	{ "number", C_LITERAL },
	{ "true", C_LITERAL },
	{ "false", C_LITERAL },
	{ "null", C_NULL | C_LITERAL },
	{ "undefined", C_NULL | C_LITERAL },
	{ "array", C_LITERAL },
	{ "object", C_LITERAL },
	{ "comment", C_COMMENT },
	{ 0 },
};

static const struct lang_kind python_kinds[] = {
	{ "function_definition", C_FUNCTION | C_STATEMENT | C_DECLARATION },
	{ "lambda", C_FUNCTION },
	{ "module", C_BLOCK },
	{ "block", C_BLOCK },
	{ "expression_statement", C_STATEMENT | C_EXPR_STATEMENT },
	{ "class_definition", C_STATEMENT | C_DECLARATION },
	{ "decorated_definition", C_STATEMENT | C_DECLARATION },
	{ "if_statement", C_STATEMENT | C_IF },
	{ "for_statement", C_STATEMENT | C_LOOP },
	{ "while_statement", C_STATEMENT | C_LOOP },
	{ "with_statement", C_STATEMENT },
	{ "match_statement", C_STATEMENT },
	{ "try_statement", C_STATEMENT | C_TRY },
	{ "return_statement", C_STATEMENT | C_RETURN | C_LEAVE },
	{ "raise_statement", C_STATEMENT | C_THROW | C_LEAVE },
	{ "break_statement", C_STATEMENT | C_LEAVE },
	{ "continue_statement", C_STATEMENT | C_LEAVE },
	{ "pass_statement", C_STATEMENT },
	{ "delete_statement", C_STATEMENT },
	{ "assert_statement", C_STATEMENT | C_ASSERT },
	{ "import_statement", C_STATEMENT | C_DECLARATION },
	{ "import_from_statement", C_STATEMENT | C_DECLARATION },
	{ "global_statement", C_STATEMENT | C_DECLARATION },
	{ "nonlocal_statement", C_STATEMENT | C_DECLARATION },
	{ "except_clause", C_CATCH },
	{ "attribute", C_MEMBER },
	{ "subscript", C_INDEX },
	{ "call", C_CALL },
	{ "identifier", C_NAME },
	{ "assignment", C_ASSIGN },
	{ "augmented_assignment", C_ASSIGN },
	{ "comparison_operator", C_BINARY },
	{ "boolean_operator", C_BINARY },
	{ "binary_operator", C_BINARY },
	{ "not_operator", C_NOT },
	{ "conditional_expression", C_TERNARY },
	{ "string", C_LITERAL | C_STRING },
	{ "integer", C_LITERAL },
	{ "float", C_LITERAL },
	{ "true", C_LITERAL },
	{ "false", C_LITERAL },
	{ "none", C_NULL | C_LITERAL },
	{ "list", C_LITERAL },
	{ "dictionary", C_LITERAL },
	{ "tuple", C_LITERAL },
	{ "comment", C_COMMENT },
	{ 0 },
};

static const struct lang_kind c_kinds[] = {
	{ "function_definition", C_FUNCTION | C_DECLARATION },
	{ "translation_unit", C_BLOCK },
	{ "compound_statement", C_BLOCK },
	{ "case_statement", C_BLOCK },
	{ "expression_statement", C_STATEMENT | C_EXPR_STATEMENT },
	{ "declaration", C_STATEMENT | C_DECLARATION },
	{ "if_statement", C_STATEMENT | C_IF },
	{ "for_statement", C_STATEMENT | C_LOOP },
	{ "while_statement", C_STATEMENT | C_LOOP },
	{ "do_statement", C_STATEMENT | C_LOOP },
	{ "switch_statement", C_STATEMENT },
	{ "return_statement", C_STATEMENT | C_RETURN | C_LEAVE },
	{ "break_statement", C_STATEMENT | C_LEAVE },
	{ "continue_statement", C_STATEMENT | C_LEAVE },
	{ "goto_statement", C_STATEMENT | C_LEAVE },
	{ "field_expression", C_MEMBER | C_DEREF },
	{ "subscript_expression", C_INDEX | C_DEREF },
	{ "pointer_expression", C_DEREF },
	{ "call_expression", C_CALL },
	{ "identifier", C_NAME },
	{ "assignment_expression", C_ASSIGN },
	{ "init_declarator", C_ASSIGN },
	{ "binary_expression", C_BINARY },
	{ "unary_expression", C_NOT },
	{ "conditional_expression", C_TERNARY },
	{ "string_literal", C_LITERAL | C_STRING },
	{ "char_literal", C_LITERAL },
	{ "number_literal", C_LITERAL },
	{ "true", C_LITERAL },
	{ "false", C_LITERAL },
	{ "null", C_NULL | C_LITERAL },
	{ "comment", C_COMMENT },
	{ 0 },
};

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct lang langs[] = {
	{ .name = "javascript",
	  .suffixes = WORDS(".js", ".cjs", ".mjs", ".jsx"),
	  .grammar = tree_sitter_javascript,
	  .kinds = javascript_kinds,
	  .braces = true,
	  .terminator = ";",
	  .null = "null",
	  .and = "&&",
	  .or = "||",
	  .negate = "!(%s)",
	  .length = "%s.length",
	  .ternary = "%s ? %s : %s",
	  .ternary_order = { 0, 1, 2 },
	  .member_object = "object",
	  .member_name = "property",
	  .index_object = "object",
	  .index_key = "index",
	  .throw_word = "throw",
	  .line_comment = "//",
	  .asserting = WORDS("assert", "invariant", "expect"),
	  .guarding = WORDS("valid", "check", "auth", "permi", "allow", "sanit", "escape", "verify",
			    "guard", "require") },
	{ .name = "python",
	  .suffixes = WORDS(".py", ".pyi"),
	  .grammar = tree_sitter_python,
	  .kinds = python_kinds,
	  .terminator = "",
	  .null = "None",
	  .and = "and",
	  .or = "or",
	  .negate = "not (%s)",
	  .length = "len(%s)",
	  .ternary = "%s if %s else %s",
	  .ternary_order = { 1, 0, 2 },
	  .member_object = "object",
	  .member_name = "attribute",
	  .index_object = "value",
	  .index_key = "subscript",
	  .throw_word = "raise",
	  .line_comment = "#",
	  .asserting = WORDS("assert"),
	  .guarding = WORDS("valid", "check", "auth", "permi", "allow", "sanit", "escape", "verify",
			    "guard", "require") },
	{ .name = "c",
	  .suffixes = WORDS(".c", ".h"),
	  .grammar = tree_sitter_c,
	  .kinds = c_kinds,
	  .compiled = true,
	  .braces = true,
	  .terminator = ";",
	  .null = "NULL",
	  .and = "&&",
	  .or = "||",
	  .negate = "!(%s)",
	  .ternary = "%s ? %s : %s",
	  .ternary_order = { 0, 1, 2 },
	  .member_object = "argument",
	  .member_name = "field",
	  .index_object = "argument",
	  .index_key = "index",
	  .line_comment = "//",
	  .asserting = WORDS("assert"),
	  .guarding = WORDS("valid", "check", "auth", "permi", "allow", "sanit", "escape", "verify",
			    "guard") },
};
#define N_LANGS (sizeof(langs) / sizeof(langs[0]))

const struct lang *lang_at(unsigned i)
{
	return i < N_LANGS ? &langs[i] : NULL;
}

const struct lang *lang_by_name(const char *name)
{
	for (unsigned i = 0; name && i < N_LANGS; i++)
		if (strcmp(langs[i].name, name) == 0)
			return &langs[i];
	return NULL;
}

const struct lang *lang_by_path(const char *path)
{
	const size_t n = strlen(path);

	for (unsigned i = 0; i < N_LANGS; i++)
		for (const char *const *s = langs[i].suffixes; *s; s++)
			if (n > strlen(*s) && strcmp(path + n - strlen(*s), *s) == 0)
				return &langs[i];
	return NULL;
}

bool lang_listed(const char *list, const char *name)
{
	const size_t n = strlen(name);

	for (const char *p = list; p && (p = strstr(p, name)); p += n)
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return !list;
}

unsigned lang_classes(const struct lang *l, TSNode node)
{
	if (ts_node_is_null(node) || !ts_node_is_named(node))
		return 0;

	const char *type = ts_node_type(node);

	for (const struct lang_kind *k = l->kinds; k->type; k++)
		if (strcmp(k->type, type) == 0)
			return k->classes;
	return 0;
}

bool lang_is(const struct lang *l, TSNode node, unsigned classes)
{
	return (lang_classes(l, node) & classes) != 0;
}
