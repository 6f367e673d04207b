"""Stripe's side of the wire: signed events of a buyer's life.

Builders write both API shapes.  OLD has the period on the subscription and
`invoice.subscription`; NEW has the period on the items and
`invoice.parent.subscription_details` (the change of 2025-03-31).
"""

import hashlib
import hmac
import itertools
import json
import os
import time

OLD = "2025-02-24.acacia"
NEW = "2026-07-29.dahlia"
SHAPES = (OLD, NEW)

DAY = 86400
MONTH = 30 * DAY
YEAR = 365 * DAY

PRO_MONTHLY = "price_pro_monthly"
PRO_ANNUAL = "price_pro_annual"
TEAM_MONTHLY = "price_team_monthly"

CATALOG = {
    "default_plan": "pro",
    "plans": {
        "pro": {"monthly": {"price": PRO_MONTHLY},
                "annual": {"price": PRO_ANNUAL, "trial_days": 14}},
        "team": {"monthly": {"price": TEAM_MONTHLY}},
    },
    "gumroad": {"32-nPAicqbLj8B_WswVlMw==": {"tier": "core"}},
}

_run = os.urandom(4).hex()
_numbers = itertools.count(1)


def new_id(prefix):
    """An id that no other test, nor another run of this one, will make."""
    return "%s_%s%06d" % (prefix, _run, next(_numbers))


# ------------------------------------------------------------- signature

def hmac_hex(body, secret, t):
    message = str(t).encode() + b"." + body
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def sign(body, secret, t=None):
    """The Stripe-Signature header of BODY, as Stripe sends it."""
    t = int(time.time()) if t is None else t
    return "t=%s,v1=%s" % (t, hmac_hex(body, secret, t))


def encode(event, indent=None):
    """The bytes of an event; what is bytes already stays as it is.

    Stripe indents by 2; without it the tests are quicker.
    """
    if isinstance(event, bytes):
        return event
    return json.dumps(event, indent=indent, ensure_ascii=False).encode()


# --------------------------------------------------------------- objects

def event(type, obj, created=None, api=NEW, previous=None, **envelope):
    data = {"object": obj}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": new_id("evt"),
        "object": "event",
        "api_version": api,
        "created": int(time.time()) if created is None else created,
        "data": data,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": type,
        **envelope,
    }


def thin_event(type="v1.customer.subscription.updated", **fields):
    """A notification without the object, from an event destination."""
    return {
        "id": new_id("evt"),
        "object": "v2.core.event",
        "type": type,
        "livemode": False,
        "created": "2026-11-05T19:06:42.330Z",
        "context": None,
        "related_object": {"id": "sub_thin", "type": "subscription",
                           "url": "/v1/subscriptions/sub_thin"},
        **fields,
    }


def notification_of(event, **fields):
    """The thin event beside a snapshot event: what it is about is a path."""
    obj = event["data"]["object"]
    kind = obj["object"]
    path = {"checkout.session": "checkout/sessions"}.get(kind, kind + "s")
    return thin_event(**{
        "type": "v1." + event["type"],
        "snapshot_event": event["id"],
        "related_object": {"id": obj["id"], "type": kind,
                           "url": "/v1/%s/%s" % (path, obj["id"])},
        **fields})


def item(price=PRO_MONTHLY, quantity=1, interval="month", start=None,
         end=None, api=NEW):
    line = {
        "id": new_id("si"),
        "object": "subscription_item",
        "metadata": {},
        "price": {"id": price, "object": "price", "active": True,
                  "recurring": {"interval": interval, "interval_count": 1},
                  "unit_amount": 1000, "metadata": {}},
        "plan": {"id": price, "object": "plan", "interval": interval},
        "quantity": quantity,
    }
    if api == NEW:
        line["current_period_start"] = start
        line["current_period_end"] = end
    return line


def subscription(id, customer, api=NEW, status="active", start=0, end=0,
                 price=PRO_MONTHLY, interval="month", quantity=1, items=None,
                 metadata=None, **fields):
    obj = {
        "id": id,
        "object": "subscription",
        "application": None,
        "automatic_tax": {"enabled": False, "liability": None},
        "billing_cycle_anchor": start,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": start,
        "currency": "usd",
        "customer": customer,
        "discounts": [],
        "ended_at": None,
        "items": {
            "object": "list",
            "data": items or [item(price, quantity, interval, start, end,
                                   api)],
            "has_more": False,
            "url": "/v1/subscription_items?subscription=" + id,
        },
        "latest_invoice": new_id("in"),
        "livemode": False,
        "metadata": metadata or {},
        "start_date": start,
        "status": status,
        "trial_end": None,
        "trial_start": None,
    }
    if api == OLD:
        obj["current_period_start"] = start
        obj["current_period_end"] = end
    obj.update(fields)
    return obj


def invoice(customer, subscription=None, api=NEW, status="paid", amount=1000,
            metadata=None, **fields):
    obj = {
        "id": new_id("in"),
        "object": "invoice",
        "amount_due": amount,
        "amount_paid": amount if status == "paid" else 0,
        "amount_remaining": 0 if status == "paid" else amount,
        "attempt_count": 1,
        "billing_reason": "subscription_cycle",
        "currency": "usd",
        "customer": customer,
        "customer_email": "buyer@example.com",
        "lines": {"object": "list", "data": [], "has_more": False},
        "livemode": False,
        "metadata": {},
        "status": status,
        "total": amount,
    }
    details = {"metadata": metadata or {}, "subscription": subscription}
    if api == OLD:
        obj["paid"] = status == "paid"
        obj["subscription"] = subscription
        obj["subscription_details"] = {"metadata": metadata or {}}
    else:
        obj["parent"] = None if subscription is None else {
            "type": "subscription_details", "quote_details": None,
            "subscription_details": details}
    obj.update(fields)
    return obj


def session(customer, subscription=None, payment_status="paid", email=None,
            reference=None, metadata=None, **fields):
    obj = {
        "id": new_id("cs_test"),
        "object": "checkout.session",
        "amount_total": 1000,
        "client_reference_id": reference,
        "currency": "usd",
        "customer": customer,
        "customer_details": {"address": None, "email": email,
                             "name": "Buyer Example", "tax_ids": []},
        "customer_email": None,
        "livemode": False,
        "metadata": metadata or {},
        "mode": "subscription",
        "payment_status": payment_status,
        "status": "complete",
        "subscription": subscription,
        "ui_mode": "hosted_page",
        "url": None,
    }
    obj.update(fields)
    return obj


def expanded(id, kind, **fields):
    """An id as Stripe sends it when somebody asked to expand it."""
    return {"id": id, "object": kind, "livemode": False, "metadata": {},
            **fields}


# ----------------------------------------------------------------- buyer

class Buyer:
    """One customer with one subscription, and the events of their life.

    Every method makes one event; `at` is its time in seconds after the
    beginning of the subscription.  Other keywords are fields of the object.
    """

    def __init__(self, account=None, email=None, api=NEW, customer=None,
                 subscription=None, metadata=None, start=None):
        self.account = account
        self.email = email
        self.api = api
        self.customer = customer or new_id("cus")
        self.subscription = subscription or new_id("sub")
        self.start = int(time.time()) - DAY if start is None else start
        self.end = self.start + MONTH
        if metadata is None:
            metadata = {"account": account} if account else {}
        self.metadata = metadata

    def event(self, type, obj, at=0, **envelope):
        return event(type, obj, created=self.start + at, api=self.api,
                     **envelope)

    def snapshot(self, **fields):
        fields = {"start": self.start, "end": self.end,
                  "metadata": dict(self.metadata), **fields}
        return subscription(self.subscription, fields.pop(
            "customer", self.customer), api=self.api, **fields)

    def subscription_event(self, name, at=0, previous=None, envelope=None,
                           **fields):
        return self.event("customer.subscription." + name,
                          self.snapshot(**fields), at, previous=previous,
                          **(envelope or {}))

    def created(self, at=0, **fields):
        return self.subscription_event("created", at, **fields)

    def updated(self, at=60, **fields):
        fields.setdefault("previous", {"metadata": {}})
        return self.subscription_event("updated", at, **fields)

    def deleted(self, at=3600, **fields):
        fields = {"status": "canceled", "ended_at": self.start + at,
                  "canceled_at": self.start + at, **fields}
        return self.subscription_event("deleted", at, **fields)

    def paused(self, at=60, **fields):
        return self.subscription_event("paused", at, **{
            "status": "paused", **fields})

    def resumed(self, at=120, **fields):
        return self.subscription_event("resumed", at, **fields)

    def trial_will_end(self, at=60, **fields):
        return self.subscription_event("trial_will_end", at, **{
            "status": "trialing", **fields})

    def invoice_event(self, name, at=60, envelope=None, **fields):
        unpaid = name in ("payment_failed", "payment_action_required")
        fields = {"status": "open" if unpaid else "paid",
                  "subscription": self.subscription,
                  "metadata": dict(self.metadata), **fields}
        return self.event("invoice." + name, invoice(fields.pop(
            "customer", self.customer), api=self.api, **fields), at,
            **(envelope or {}))

    def invoice_paid(self, at=60, **fields):
        return self.invoice_event("paid", at, **fields)

    def invoice_failed(self, at=60, **fields):
        return self.invoice_event("payment_failed", at, **fields)

    def checkout_event(self, name, at=0, envelope=None, **fields):
        fields = {"subscription": self.subscription, "email": self.email,
                  "reference": self.account,
                  "metadata": dict(self.metadata), **fields}
        return self.event("checkout.session." + name, session(
            fields.pop("customer", self.customer), **fields), at,
            **(envelope or {}))

    def checkout(self, at=0, **fields):
        return self.checkout_event("completed", at, **fields)

    def payment_arrived(self, at=300, **fields):
        return self.checkout_event("async_payment_succeeded", at, **fields)

    def payment_bounced(self, at=300, **fields):
        return self.checkout_event("async_payment_failed", at, **{
            "payment_status": "unpaid", **fields})

    def audit_events(self, at=600):
        """One of each kind that is written down and changes no state."""
        charge = {"id": new_id("ch"), "object": "charge", "amount": 1000,
                  "amount_refunded": 1000, "refunded": True, "metadata": {},
                  "customer": self.customer, "payment_intent": new_id("pi")}
        refund = {"id": new_id("re"), "object": "refund", "amount": 1000,
                  "charge": charge["id"], "status": "succeeded",
                  "customer": None, "metadata": {}}
        dispute = {"id": new_id("du"), "object": "dispute", "amount": 1000,
                   "charge": charge["id"], "status": "needs_response",
                   "reason": "fraudulent", "metadata": {}}
        return [
            self.event("charge.refunded", charge, at),
            self.event("charge.dispute.created", dispute, at),
            self.event("charge.dispute.closed",
                       {**dispute, "status": "lost"}, at + 1),
            self.event("refund.created", refund, at),
            self.event("refund.updated", refund, at + 1),
            self.event("refund.failed", {**refund, "status": "failed"},
                       at + 2),
        ]

    def customer_event(self, name, at=600, **fields):
        obj = {"id": self.customer, "object": "customer",
               "email": self.email, "metadata": {}, "livemode": False,
               **fields}
        return self.event("customer." + name, obj, at)
