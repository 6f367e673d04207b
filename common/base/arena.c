#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define BLOCK_BYTES 32768

struct block {
	struct block *next;
	size_t size, used;
	max_align_t bytes[];
};

struct deferred {
	struct deferred *next;
	void (*release)(void *);
	void *object;
};

struct arena {
	size_t max, handed_out;
	struct block *blocks; /* the last in the list is kept over resets */
	struct deferred *deferred;
};

/* block_new - room for at least size bytes */
static struct block *
block_new(size_t size)
{
	struct block *block;

	if (size < BLOCK_BYTES)
		size = BLOCK_BYTES;
	block = malloc(sizeof *block + size);
	if (block == NULL)
		return NULL;
	block->next = NULL;
	block->size = size;
	block->used = 0;
	return block;
}

/* arena_new - make one before the first request */
struct arena *
arena_new(size_t max)
{
	struct arena *arena = calloc(1, sizeof *arena);

	if (arena == NULL || (arena->blocks = block_new(0)) == NULL)
		memory_exhausted();
	arena->max = max;
	return arena;
}

/* arena_alloc - zeroed memory until the next reset */
void *
arena_alloc(struct arena *arena, size_t size)
{
	struct block *block = arena->blocks;
	void *bytes;

	if (size > arena->max)
		return NULL;
	size = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	if (size > arena->max - arena->handed_out)
		return NULL;
	if (size > block->size - block->used) {
		block = block_new(size);
		if (block == NULL)
			return NULL;
		block->next = arena->blocks;
		arena->blocks = block;
	}
	bytes = (char *)block->bytes + block->used;
	block->used += size;
	arena->handed_out += size;
	return memset(bytes, 0, size);
}

/* arena_copy - bytes with a NUL after them */
char *
arena_copy(struct arena *arena, const void *bytes, size_t len)
{
	char *copy;

	if (len == SIZE_MAX || (copy = arena_alloc(arena, len + 1)) == NULL)
		return NULL;
	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

/* arena_printf - formatted string */
char *
arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *string;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0 || (string = arena_alloc(arena, (size_t)len + 1)) == NULL)
		return NULL;
	va_start(args, format);
	vsnprintf(string, (size_t)len + 1, format, args);
	va_end(args);
	return string;
}

/* arena_defer - release a foreign object with the arena */
int
arena_defer(struct arena *arena, void (*release)(void *), void *object)
{
	struct deferred *deferred = arena_alloc(arena, sizeof *deferred);

	if (deferred == NULL) {
		release(object);
		return -1;
	}
	deferred->release = release;
	deferred->object = object;
	deferred->next = arena->deferred;
	arena->deferred = deferred;
	return 0;
}

/* arena_reset - wipe and give back all but the first block */
void
arena_reset(struct arena *arena)
{
	struct deferred *deferred;
	struct block *block;

	for (deferred = arena->deferred; deferred; deferred = deferred->next)
		deferred->release(deferred->object);
	arena->deferred = NULL;
	for (;;) {
		block = arena->blocks;
		explicit_bzero(block->bytes, block->used);
		if (block->next == NULL)
			break;
		arena->blocks = block->next;
		free(block);
	}
	block->used = 0;
	arena->handed_out = 0;
}

/* arena_free - the end of an arena */
void
arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;
	arena_reset(arena);
	free(arena->blocks);
	free(arena);
}
