/*
 * arena.h - memory that lives as long as one request.
 *
 * Handlers free nothing: what they take from the arena, and the foreign objects
 * that they hand to arena_defer(), goes when the skeleton resets it after the
 * reply. All memory is wiped before it is given back.
 */
#ifndef PAYDESK_ARENA_H
#define PAYDESK_ARENA_H

#include <stddef.h>

struct arena;

/*
 * A new arena that will hand out no more than max bytes between two resets.
 * Ends the program when there is no memory: it is made before the first request.
 */
struct arena *arena_new(size_t max);
void arena_free(struct arena *arena);

/*
 * size bytes, zeroed and aligned for any type. NULL when that would pass the
 * arena's maximum or the system has no memory.
 */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of len bytes with a NUL after them; NULL as for arena_alloc(). */
char *arena_copy(struct arena *arena, const void *bytes, size_t len);

/* A formatted string; NULL as for arena_alloc(). */
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Has release(object) called at the next reset, last deferred first. When it
 * cannot be noted, release is called at once and -1 returned; 0 otherwise.
 */
int arena_defer(struct arena *arena, void (*release)(void *), void *object)
    __attribute__((warn_unused_result));

/* Releases everything; the arena can be used again. */
void arena_reset(struct arena *arena);

#endif
