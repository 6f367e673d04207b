#include "base/rc.h"

static const struct {
	const char *name;
	int http_status;
} results[] = {
	[RC_OK] = { "ok", 200 },
	[RC_BAD_REQUEST] = { "bad_request", 400 },
	[RC_SIGNATURE] = { "signature", 400 },
	[RC_NOT_FOUND] = { "not_found", 404 },
	[RC_TOO_LARGE] = { "payload_too_large", 413 },
	[RC_UPSTREAM] = { "upstream", 502 },
	[RC_BUSY] = { "busy", 503 },
	[RC_UNCERTAIN] = { "uncertain", 503 },
	[RC_INTERNAL] = { "internal", 500 },
};

/* rc_http_status - status of the reply for a result */
int
rc_http_status(enum rc rc)
{
	return results[rc].http_status;
}

/* rc_name - word for logs */
const char *
rc_name(enum rc rc)
{
	return results[rc].name;
}
