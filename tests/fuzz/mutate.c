#include "fuzz.h"

#include <string.h>

static uint64_t state;

/* fuzz_seed - begin anew */
void
fuzz_seed(uint64_t number)
{
	state = number;
}

/* fuzz_draw - splitmix64: the same on every machine */
size_t
fuzz_draw(size_t limit)
{
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (size_t)((z ^ z >> 31) % limit);
}

/* fuzz_draw_from - any of a list */
const struct fuzz_bytes *
fuzz_draw_from(const struct fuzz_bytes *list)
{
	size_t count = 0;

	while (list[count].bytes != NULL)
		count++;
	return &list[fuzz_draw(count)];
}

/* replace - old bytes at a place by others, as far as there is room */
static size_t
replace(uint8_t *input, size_t len, size_t at, size_t old_len,
    const char *bytes, size_t new_len)
{
	if (len - old_len + new_len > FUZZ_INPUT_MAX)
		return len;
	memmove(input + at + new_len, input + at + old_len, len - at - old_len);
	memcpy(input + at, bytes, new_len);
	return len - old_len + new_len;
}

/* value_len - bytes up to what ends a value: brackets and quotes are whole */
static size_t
value_len(const uint8_t *input, size_t len)
{
	size_t depth = 0, i;
	int in_string = 0;

	for (i = 0; i < len; i++) {
		if (in_string && input[i] == '\\')
			i++;
		else if (input[i] == '"')
			in_string = !in_string;
		else if (in_string)
			continue;
		else if (input[i] == '{' || input[i] == '[')
			depth++;
		else if (depth == 0 && memchr("}],:=\n", input[i], 6) != NULL)
			break;
		else if (input[i] == '}' || input[i] == ']')
			depth--;
	}
	return i < len ? i : len;
}

/* choose - a part of the input: mostly the value of some member */
static void
choose(const uint8_t *input, size_t len, size_t *at, size_t *part_len)
{
	*at = fuzz_draw(len + 1);
	*part_len = fuzz_draw(len - *at + 1);
	if (fuzz_draw(8) == 0)
		return;
	while (*at < len && memchr("[:=", input[*at], 3) == NULL)
		++*at;
	*at += *at < len;
	*part_len = value_len(input + *at, len - *at);
}

/* fuzz_mutate - one thing */
size_t
fuzz_mutate(uint8_t *input, size_t len)
{
	const struct fuzz_bytes *other = fuzz_draw_from(fuzz_seeds);
	const struct fuzz_bytes *word = fuzz_draw_from(fuzz_words);
	char copy[FUZZ_INPUT_MAX], byte = (char)fuzz_draw(256);
	size_t at, part_len, from, from_len;

	choose(input, len, &at, &part_len);
	choose((const uint8_t *)other->bytes, other->len, &from, &from_len);
	switch (fuzz_draw(20)) {
	case 0: /* a bit */
		if (at < len)
			input[at] ^= (uint8_t)(1 << fuzz_draw(8));
		return len;
	case 1: /* a byte */
		return replace(input, len, at, at < len, &byte, 1);
	case 2: /* one more */
		return replace(input, len, at, 0, &byte, 1);
	case 3: /* some less */
		return replace(input, len, at, part_len, "", 0);
	case 4: /* a part twice */
		memcpy(copy, input + at, part_len);
		return replace(input, len, at, 0, copy, part_len);
	case 5: /* a word more */
		return replace(input, len, at, 0, word->bytes, word->len);
	case 6:
	case 7:
	case 8:
	case 9:
	case 10: /* a part of a seed instead */
		return replace(
		    input, len, at, part_len, other->bytes + from, from_len);
	default: /* a word instead */
		return replace(
		    input, len, at, part_len, word->bytes, word->len);
	}
}
