/*
 * json_grammar.h - whether a text is JSON (RFC 8259), and nothing beside it.
 *
 * json-c takes more than the standard does, and each release takes something
 * else. What passes here means the same to every one of them.
 */
#ifndef PAYDESK_JSON_GRAMMAR_H
#define PAYDESK_JSON_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>

/* The document itself is the first level, what is in it the second. */
#define JSON_DEPTH_MAX 64

/*
 * Whether all len bytes are one JSON object or array in valid UTF-8, nested at
 * most JSON_DEPTH_MAX levels deep, with or without blanks around it. Half a
 * surrogate pair as a \u escape passes: the grammar has it. If not, *wrong_at is
 * how many bytes could have begun such a text.
 */
bool json_grammar(const char *text, size_t len, size_t *wrong_at);

#endif
