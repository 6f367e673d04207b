/*
 * rc.h - the result of whatever can fail.
 *
 * A function that can fail returns one of these and nothing else; what went
 * wrong in detail is in the object it worked on (request, db, config).
 */
#ifndef PAYDESK_RC_H
#define PAYDESK_RC_H

enum rc {
	RC_OK,
	RC_BAD_REQUEST, /* the input is at fault, trying again is no use */
	RC_SIGNATURE,	/* the caller is not who it must be */
	RC_NOT_FOUND,
	RC_TOO_LARGE,
	RC_UPSTREAM,  /* another service failed or refused */
	RC_BUSY,      /* nothing was committed; trying again may help */
	RC_UNCERTAIN, /* the link died during COMMIT: it may have happened */
	RC_INTERNAL,  /* a defect or a broken installation */
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* The HTTP status that stands for a result. */
int rc_http_status(enum rc rc);

/* Its name in logs and messages, e.g. "busy". */
const char *rc_name(enum rc rc);

#endif
