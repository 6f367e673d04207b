#include "program/site.h"

#include <string.h>
#include <strings.h>

#define URL_MAX 2048 /* bytes */

struct site {
	const char *url; /* SITE_URL without a slash at its end, or NULL */
	size_t url_len, origin_len;
	const char *allowed; /* origins, separated by blanks; or NULL */
};

/* origin_len - of scheme and host at the beginning of a URL */
static size_t
origin_len(const char *url)
{
	const char *host = strstr(url, "://") + 3;

	return (size_t)(host - url) + strcspn(host, "/");
}

/* site_new - from the settings */
struct site *
site_new(struct arena *arena, const struct config *config)
{
	struct site *site = arena_alloc(arena, sizeof *site);

	if (site == NULL)
		return NULL;
	site->allowed = config_string(config, ALLOWED_ORIGINS);
	site->url = config_string(config, SITE_URL);
	if (site->url == NULL)
		return site;
	site->origin_len = origin_len(site->url);
	site->url_len = strlen(site->url);
	while (site->url_len > site->origin_len &&
	    site->url[site->url_len - 1] == '/')
		site->url_len--;
	return site;
}

/* listed - whether ALLOWED_ORIGINS has that very origin */
static bool
listed(const struct site *site, const char *origin)
{
	const char *entry = site->allowed;
	size_t len;

	if (entry == NULL)
		return false;
	for (entry += strspn(entry, " "); *entry != '\0';
	     entry += len + strspn(entry + len, " ")) {
		len = strcspn(entry, " ");
		if (strlen(origin) == len &&
		    strncasecmp(origin, entry, len) == 0)
			return true;
	}
	return false;
}

/* site_cors - for pages of another origin that may call */
void
site_cors(const struct site *site, struct request *request)
{
	const char *origin = request_param(request, "HTTP_ORIGIN");

	if (site->allowed == NULL)
		return;
	request_header(request, "Vary", "Origin");
	if (origin == NULL || !listed(site, origin))
		return;
	request_header(request, "Access-Control-Allow-Origin", origin);
	request_header(request, "Access-Control-Allow-Credentials", "true");
	request_header(request, "Access-Control-Expose-Headers", "ETag");
}

/* site_preflight - may a page ask at all? */
enum rc
site_preflight(const struct site *site, struct request *request)
{
	if (site->allowed == NULL)
		return RC_NOT_FOUND;
	site_cors(site, request);
	request_header(
	    request, "Access-Control-Allow-Methods", "GET, POST, OPTIONS");
	request_header(request, "Access-Control-Allow-Headers",
	    "Authorization, Content-Type, Idempotency-Key, If-None-Match");
	request_header(request, "Access-Control-Max-Age", "600");
	return request_reply_empty(request, 204);
}

/* same_host - whether an Origin is the host that was called */
static bool
same_host(const char *origin, const char *host)
{
	const char *origin_host = strstr(origin, "://");

	return host != NULL && origin_host != NULL &&
	    strcasecmp(origin_host + 3, host) == 0;
}

/* site_trusts - no page of somebody else's */
bool
site_trusts(const struct site *site, const struct request *request)
{
	const char *origin = request_param(request, "HTTP_ORIGIN"),
		   *fetch = request_param(request, "HTTP_SEC_FETCH_SITE");

	if (origin == NULL)
		return fetch == NULL || strcmp(fetch, "cross-site") != 0;
	if (site->url != NULL && strlen(origin) == site->origin_len &&
	    strncasecmp(origin, site->url, site->origin_len) == 0)
		return true;
	if (same_host(origin, request_param(request, "HTTP_HOST")))
		return true;
	return listed(site, origin);
}

/* site_page - SITE_URL and a path */
const char *
site_page(const struct site *site, struct arena *arena, const char *path)
{
	if (site->url == NULL)
		return NULL;
	return arena_printf(
	    arena, "%.*s%s", (int)site->url_len, site->url, path);
}

/* begins - whether url is at or below the page of len bytes */
static bool
begins(const char *url, const char *page, size_t len)
{
	return strncmp(url, page, len) == 0 &&
	    (url[len] == '\0' || page[len - 1] == '/' ||
		strchr("/?#", url[len]) != NULL);
}

/* site_may_return - no open redirect */
bool
site_may_return(
    const struct site *site, const char *url, const char *const *allowed)
{
	const char *c;

	if (strlen(url) > URL_MAX)
		return false;
	for (c = url; *c != '\0'; c++) {
		if ((unsigned char)*c <= ' ' || *c == '\\' || *c == 0x7f)
			return false;
	}
	if (site->url != NULL && begins(url, site->url, site->url_len))
		return true;
	for (; allowed != NULL && *allowed != NULL; allowed++) {
		if (begins(url, *allowed, strlen(*allowed)))
			return true;
	}
	return false;
}
