/*
 * site.h - the host application's pages: which may call, where one may return.
 *
 * Pages of SITE_URL and of ALLOWED_ORIGINS may call with a browser's cookies;
 * those of ALLOWED_ORIGINS also from another origin (CORS). Without that
 * setting there is no CORS at all.
 */
#ifndef PAYDESK_SITE_H
#define PAYDESK_SITE_H

#include <stdbool.h>

#include "base/arena.h"
#include "program/config.h"
#include "base/rc.h"
#include "program/request.h"

struct site;

#define SITE_SETTINGS SITE_URL, ALLOWED_ORIGINS

/* All of it lives in the arena; NULL when that is used up. */
struct site *site_new(struct arena *arena, const struct config *config);

/*
 * Tells a browser that the page may read the reply, when it may. To be called
 * before anything that can fail.
 */
void site_cors(const struct site *site, struct request *request);

/* Answers OPTIONS; RC_NOT_FOUND without a reply: no page may ask. */
enum rc site_preflight(
    const struct site *site, struct request *request) MUST_CHECK;

/*
 * Whether a request that carries what a browser adds by itself (a cookie, a
 * password) was made by a page that may: its Origin is ours or allowed. A
 * caller that is no browser sends none.
 */
bool site_trusts(const struct site *site, const struct request *request);

/*
 * The page at path, e.g. "/settings?upgraded=1"; NULL when there is no SITE_URL
 * or no memory.
 */
const char *site_page(
    const struct site *site, struct arena *arena, const char *path);

/*
 * Whether a customer may be sent to url afterwards: a page of SITE_URL, or one
 * that begins with an entry of the NULL-terminated list allowed.
 */
bool site_may_return(
    const struct site *site, const char *url, const char *const *allowed);

#endif
