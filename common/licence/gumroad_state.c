#include "licence/gumroad_state.h"

/* gumroad_state_books - from the state and the service's connection */
struct gumroad_books
gumroad_state_books(const struct service *service, int lease_s)
{
	const struct gumroad_state *state = service->state;

	return (struct gumroad_books){ service->db, state->issuer, lease_s };
}
