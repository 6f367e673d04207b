"""The routes of the API: the object that answers a request."""

import re
import time

from lists import (list_events, list_invoice_payments, list_subscriptions,
                   page)
from store import ApiError, new_id


def require(form, *names):
    for name in names:
        if not form.get(name):
            raise ApiError(400, "Missing required param: %s." % name,
                           code="parameter_missing", param=name)


def metadata_of(form):
    return {k[len("metadata["):-1]: v for k, v in form.items()
            if k.startswith("metadata[")}


def create_session(store, form, base):
    require(form, "mode", "success_url", "line_items[0][price]")
    id = new_id("cs_test")
    return store.put(id, {
        "id": id,
        "object": "checkout.session",
        "client_reference_id": form.get("client_reference_id"),
        "created": int(time.time()),
        "customer": form.get("customer"),
        "customer_email": form.get("customer_email"),
        "cancel_url": form.get("cancel_url"),
        "expires_at": int(form.get("expires_at", time.time() + 86400)),
        "livemode": False,
        "metadata": metadata_of(form),
        "mode": form["mode"],
        "payment_status": "unpaid",
        "status": "open",
        "subscription": None,
        "success_url": form["success_url"],
        "url": "%s/c/pay/%s" % (base, id),
        "_form": form,  # what the page needs besides
    })


def expire_session(store, id):
    session = store.get(id, "checkout.session")
    if session["status"] != "open":
        raise ApiError(400, "Only Checkout Sessions with a status in "
                       "[\"open\"] can be expired. This Checkout Session has "
                       "a status of %s." % session["status"])
    return store.put(id, {**session, "status": "expired", "url": None})


def create_portal_session(store, form, base):
    require(form, "customer")
    id = new_id("bps")
    return store.put(id, {
        "id": id,
        "object": "billing_portal.session",
        "created": int(time.time()),
        "customer": form["customer"],
        "livemode": False,
        "locale": form.get("locale"),
        "return_url": form.get("return_url"),
        "url": "%s/p/session/%s" % (base, id),
    })


def create_customer(store, form, base):
    id = new_id("cus")
    return store.put(id, {
        "id": id,
        "object": "customer",
        "created": int(time.time()),
        "email": form.get("email"),
        "livemode": False,
        "metadata": metadata_of(form),
        "name": form.get("name"),
    })


def api(store, method, path, query, form, base):
    """The object that answers one request."""
    routes = [
        ("GET", r"/v1/subscriptions",
         lambda: list_subscriptions(store, query)),
        ("GET", r"/v1/subscriptions/(\w+)",
         lambda id: store.get(id, "subscription")),
        ("GET", r"/v1/invoices/(\w+)", lambda id: store.get(id, "invoice")),
        ("GET", r"/v1/customers/(\w+)", lambda id: store.get(id, "customer")),
        ("GET", r"/v1/charges/(\w+)", lambda id: store.get(id, "charge")),
        ("GET", r"/v1/refunds/(\w+)", lambda id: store.get(id, "refund")),
        ("GET", r"/v1/disputes/(\w+)", lambda id: store.get(id, "dispute")),
        ("GET", r"/v1/subscription_schedules/(\w+)",
         lambda id: store.get(id, "subscription_schedule")),
        ("GET", r"/v1/invoice_payments/(\w+)",
         lambda id: store.get(id, "invoice_payment")),
        ("GET", r"/v1/invoice_payments",
         lambda: list_invoice_payments(store, query)),
        ("GET", r"/v1/events", lambda: list_events(store, query)),
        ("GET", r"/v1/events/(\w+)", lambda id: store.get(id, "event")),
        ("GET", r"/v1/tax/settings",
         lambda: (store.all("tax.settings") or [
             {"object": "tax.settings", "status": "pending"}])[0]),
        ("GET", r"/v1/billing_portal/configurations",
         lambda: page(store.all("billing_portal.configuration"), query,
                      "/v1/billing_portal/configurations")),
        ("GET", r"/v1/prices/(\w+)", lambda id: store.get(id, "price")),
        ("GET", r"/v2/core/event_destinations",
         lambda: page(store.all("v2.core.event_destination"), query,
                      "/v2/core/event_destinations")),
        ("GET", r"/v1/webhook_endpoints",
         lambda: page(store.all("webhook_endpoint"), query,
                      "/v1/webhook_endpoints")),
        ("GET", r"/v1/checkout/sessions/(\w+)",
         lambda id: store.get(id, "checkout.session")),
        ("POST", r"/v1/checkout/sessions/(\w+)/expire",
         lambda id: expire_session(store, id)),
        ("POST", r"/v1/checkout/sessions",
         lambda: create_session(store, form, base)),
        ("POST", r"/v1/billing_portal/sessions",
         lambda: create_portal_session(store, form, base)),
        ("POST", r"/v1/customers",
         lambda: create_customer(store, form, base)),
    ]
    for verb, pattern, answer in routes:
        found = re.fullmatch(pattern, path)
        if verb == method and found:
            return answer(*found.groups())
    raise ApiError(404, "Unrecognized request URL (%s: %s)." % (method, path))
