"""Stripe's own books of one customer, and the events that it tells of them.

A Till has a clock in seconds and subscriptions whose state is changed by the
steps of a life (happenings.py).  Every change is told as Stripe does: a whole
snapshot, in the old shape or the new one, `previous_attributes` that name all
that has changed, and a `created` in whole seconds.  Events that the wire does
not order do not occur: nothing goes back to a value that it had within the
same second.
"""

import contextlib

from . import stripe
from .ahead import have
from .stripe import MONTH, NEW, OLD, YEAR

AMOUNT = 1000

# price: product, interval.
PRICES = {
    "price_pro_monthly": ("prod_pro", "month"),
    "price_pro_annual": ("prod_pro", "year"),
    "price_pro_special": ("prod_pro", "month"),
    "price_team_monthly": ("prod_team", "month"),
    "price_team_annual": ("prod_team", "year"),
    "price_more": ("prod_more", "month"),
    "price_later": ("prod_later", "month"),
    "price_never": ("prod_never", "month"),
}
LENGTH = {"month": MONTH, "year": YEAR}
ENDED = ("canceled", "incomplete_expired")
LIVE = ("trialing", "active")


def changes(before, after):
    """previous_attributes: hashes by key, arrays whole."""
    found = {}
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            old = changes(old, new)
        found[key] = old
    return found


class Invoice:
    def __init__(self, sub, reason, amount, created):
        self.id = stripe.new_id("in")
        self.subscription = sub.id
        self.reason = reason
        self.amount = amount
        self.created = created
        self.status = "open"
        self.payment_intent = stripe.new_id("pi")
        self.charge = stripe.new_id("ch")
        self.refunded = 0
        self.disputes = []          # each the status that it has now
        self.warned = False

    def payment(self):
        """What says which payment it was that paid it."""
        return {"id": "inpay" + self.id[2:], "object": "invoice_payment",
                "amount_paid": self.amount, "amount_requested": self.amount,
                "currency": "usd", "invoice": self.id, "is_default": True,
                "livemode": False, "status": "paid", "payment": {
                    "type": "payment_intent",
                    "payment_intent": self.payment_intent}}


class Subscription:
    """What Stripe knows of one; and, below, what has happened to it."""

    def __init__(self, price, quantity, metadata, now):
        self.id = stripe.new_id("sub")
        self.start = now
        self.items = []
        self.add(price, quantity)
        self.begin(now)
        self.status = "active"
        self.metadata = metadata
        self.fields = {"cancel_at": None, "cancel_at_period_end": False,
                       "canceled_at": None, "ended_at": None,
                       "latest_invoice": None, "pause_collection": None,
                       "pending_update": None, "trial_end": None,
                       "trial_start": None}
        self.invoices = []
        self.session_id = stripe.new_id("cs_test")
        self.sessions = set()       # what Checkout has said of the payment
        self.was_live = False
        self.past_due_since = None
        self.priced_at = None       # when its prices changed
        self.price_sets = []        # the prices that it had, in order
        self.rebilled = False       # a period was begun by a change of plan
        self.pending = None         # the upgrade that waits for its payment

    def add(self, price, quantity):
        self.items.append({"id": stripe.new_id("si"), "price": price,
                           "quantity": quantity})

    def begin(self, at, end=None):
        """A period from AT on, of the first item's length."""
        self.period = (at, end or at + LENGTH[
            PRICES[self.items[0]["price"]][1]])

    def prices(self):
        return [item["price"] for item in self.items]

    def ended(self):
        return self.status in ENDED

    def render(self, customer, api):
        start, end = self.period
        items = []
        for item in self.items:
            product, interval = PRICES[item["price"]]
            line = stripe.item(item["price"], item["quantity"], interval,
                               start, end, api)
            line.update(id=item["id"], subscription=self.id)
            line["price"]["product"] = line["plan"]["product"] = product
            items.append(line)
        obj = stripe.subscription(
            self.id, customer, api, self.status, self.start, end,
            items=items, metadata=dict(self.metadata), **self.fields)
        if api == OLD:
            alone = len(items) == 1
            obj["current_period_start"] = start
            obj["plan"] = items[0]["plan"] if alone else None
            obj["quantity"] = items[0]["quantity"] if alone else None
        return obj

    def values(self):
        """Each thing that has a value, for telling a way back."""
        lines = {"status": self.status, "period": self.period,
                 "metadata": sorted(self.metadata.items()), **self.fields}
        lines["prices"] = self.prices()
        lines["quantities"] = [i["quantity"] for i in self.items]
        return {name: repr(value) for name, value in lines.items()}


class Till:
    def __init__(self, account, start=0, api=NEW):
        self.account = account
        self.customer = stripe.new_id("cus")
        self.clock = start
        self.api = api
        self.named_by = "bound"     # how the account is known: see life.py
        self.metadata = {}          # what checkout writes on a subscription
        self.session_metadata = {}
        self.unlisted = "price_never"
        self.subs = []
        self.gone = False           # the customer was deleted
        self.fetched = False        # Stripe hands its subscriptions out
        self.grant = None           # what a person has given: see told.py
        self.events = []
        self.log = []               # what happened, for people
        self._second = None
        self._had = {}

    # -------------------------------------------------------------- events

    def tell(self, type, obj, previous=None):
        self.events.append(stripe.event(type, obj, created=self.clock,
                                        api=self.api, previous=previous))

    def snapshot(self, sub, name, previous=None):
        sub.was_live |= sub.status in LIVE
        self.tell("customer.subscription." + name,
                  sub.render(self.customer, self.api), previous)

    def _way_back(self, sub, before, after):
        """Whether something would return, in this second, to what it was."""
        if self._second != self.clock:
            self._second, self._had = self.clock, {}
        new = {k: v for k, v in after.items() if before[k] != v}
        back = any(v in self._had.get((sub.id, k), ()) for k, v in new.items())
        if back or (self._had and not have(
                "several changes of a subscription in one second")):
            self.clock += 1
            self._second, self._had = self.clock, {}
        for name, value in new.items():
            self._had.setdefault((sub.id, name), set()).update(
                (before[name], value))

    def note(self, sub):
        """Keep what is asked at the end of what a subscription has been."""
        if not sub.price_sets or sub.price_sets[-1] != sub.prices():
            sub.price_sets.append(sub.prices())
            sub.priced_at = self.clock
        if sub.status != "past_due":
            sub.past_due_since = None
        elif sub.past_due_since is None:
            sub.past_due_since = self.clock

    @contextlib.contextmanager
    def change(self, sub, also=()):
        """The block's changes become one `updated`, and ALSO events that have
        no previous_attributes."""
        seen = sub.render(self.customer, self.api)
        before = sub.values()
        yield
        self._way_back(sub, before, sub.values())
        self.note(sub)
        said = changes(seen, sub.render(self.customer, self.api))
        if said:
            self.snapshot(sub, "updated", said)
        for name in also:
            self.snapshot(sub, name)

    def open(self, sub, status, amount):
        """A new subscription, with its first invoice."""
        sub.status = status
        self.subs.append(sub)
        self.note(sub)
        invoice = self.invoice(sub, "subscription_create", amount)
        sub.fields["latest_invoice"] = invoice.id
        self.snapshot(sub, "created")

    def end(self, sub):
        sub.status = "canceled"
        sub.fields.update(ended_at=self.clock, canceled_at=self.clock)
        sub.pending = None
        sub.fields["pending_update"] = None
        self.note(sub)
        self.snapshot(sub, "deleted")

    # ------------------------------------------------------------ invoices

    def invoice(self, sub, reason, amount=AMOUNT):
        """A new one; it is the latest once a change says so."""
        invoice = Invoice(sub, reason, amount, self.clock)
        sub.invoices.append(invoice)
        self.tell_invoice(invoice, "created")
        return invoice

    def tell_invoice(self, invoice, name):
        sub = next(s for s in self.subs if s.id == invoice.subscription)
        fields = {"id": invoice.id, "created": invoice.created,
                  "billing_reason": invoice.reason,
                  "status": invoice.status}
        if self.api == OLD:
            fields.update(payment_intent=invoice.payment_intent,
                          charge=invoice.charge)
        self.tell("invoice." + name, stripe.invoice(
            self.customer, sub.id, self.api, amount=invoice.amount,
            metadata=dict(sub.metadata), **fields))

    def pay(self, invoice):
        invoice.status = "paid"
        self.tell_invoice(invoice, "paid")
        self.tell_invoice(invoice, "payment_succeeded")
        if self.api == NEW and invoice.amount:
            self.tell("invoice_payment.paid", invoice.payment())

    def fail(self, invoice):
        self.tell_invoice(invoice, "finalized")
        self.tell_invoice(invoice, "payment_failed")
        if len(self.events) % 3 == 0:
            self.tell_invoice(invoice, "payment_action_required")

    def void(self, invoice):
        invoice.status = "void"
        self.tell_invoice(invoice, "voided")

    # ------------------------------------------------------------- session

    def session(self, name, sub, payment_status):
        """PAYMENT_STATUS, or `bounced` for what came of `unpaid`."""
        sub.sessions.add(payment_status)
        self.tell("checkout.session." + name, stripe.session(
            self.customer, sub.id, payment_status.replace(
                "bounced", "unpaid"), id=sub.session_id,
            reference=self.account, metadata=dict(self.session_metadata),
            payment_link=None))

