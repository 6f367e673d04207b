/*
 * stripe_tools.h - commands around signed deliveries, for operators.
 */
#ifndef PAYDESK_STRIPE_TOOLS_H
#define PAYDESK_STRIPE_TOOLS_H

#include "program/serve.h"
#include "base/signature.h"

/*
 * `verify --header H [--at UNIXTIME] < BODY`: exit status 0 when a delivery
 * with that header and body would be accepted at that time, 1 and the reason
 * when not. Needs no database.
 */
int stripe_tools_verify(struct service *service,
    const struct signature_keys *keys, int argc, char **argv);

/*
 * `send [--url URL] [--account ID] [FILE…]`: signs each file, or a sample
 * event, with the first secret and delivers it. Exit status 1 when any delivery
 * was not answered with 200.
 */
int stripe_tools_send(struct service *service,
    const struct signature_keys *keys, int argc, char **argv);

#endif
