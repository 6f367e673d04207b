"""Steps that a customer or a shop takes: switches, pauses, cancellations."""

from .ahead import have
from .happenings import HOUR, newest, next_price, pick, step
from .stripe import DAY
from .till import PRICES


def base(sub):
    """The item that is not an add-on; the only one, if it is one."""
    return next((i for i in sub.items if i["price"] != "price_more"),
                sub.items[0])


@step(5)
def switch(till, chance):
    """Another price of the same interval; an invoice for the difference."""
    sub = pick(till, chance)
    if not sub or sub.pending or base(sub)["price"] == "price_more":
        return False
    with till.change(sub):
        base(sub)["price"] = next_price(till, sub, chance)
        invoice = None
        if chance.random() < 0.5:
            invoice = till.invoice(sub, "subscription_update")
            sub.fields["latest_invoice"] = invoice.id
    if invoice:
        till.pay(invoice)


@step(2)
def switch_interval(till, chance):
    """To the year or back: the period begins anew."""
    sub = pick(till, chance, "active")
    pair = {"price_pro_monthly": "price_pro_annual",
            "price_team_monthly": "price_team_annual"}
    pair.update({v: k for k, v in pair.items()})
    if not sub or sub.pending or len(sub.items) > 1 or (
            sub.items[0]["price"] not in pair):
        return False
    with till.change(sub):
        sub.items[0]["price"] = pair[sub.items[0]["price"]]
        sub.begin(till.clock)
        sub.rebilled = True
        if sub.fields["cancel_at"]:
            sub.fields.update(cancel_at=None, canceled_at=None)


@step(4)
def seats(till, chance):
    sub = pick(till, chance, "active", "trialing", "past_due")
    if not sub:
        return False
    with till.change(sub):
        base(sub)["quantity"] = chance.randrange(1, 9)


@step(2)
def addon(till, chance):
    """An add-on comes, or goes."""
    sub = pick(till, chance)
    if not sub or sub.pending or (
            PRICES[sub.items[0]["price"]][1] != "month"
            or base(sub)["price"] == "price_more") or (
            base(sub)["price"] == till.unlisted and not have(
                "an add-on beside a price that nobody knows")):
        return False
    with till.change(sub):
        if len(sub.items) > 1:
            sub.items.remove(next(i for i in sub.items
                                  if i["price"] == "price_more"))
            return True
        sub.add("price_more", chance.randrange(1, 4))
        if chance.random() < 0.5:
            sub.items.reverse()


@step(3)
def cancel(till, chance):
    """At the end of the period, at a day, or undone."""
    sub = pick(till, chance)
    if not sub:
        return False
    with till.change(sub):
        fields = sub.fields
        if fields["cancel_at"] or fields["cancel_at_period_end"]:
            fields.update(cancel_at=None, cancel_at_period_end=False,
                          canceled_at=None)
            return True
        kind = chance.choice(["classic", "end", "flexible"] + ["day"] * (
            sub.status != "trialing" or have(
                "a day to cancel at that comes before the end of a trial")))
        fields["canceled_at"] = till.clock
        fields["cancel_at_period_end"] = kind in ("classic", "end")
        if kind in ("classic", "flexible"):
            fields["cancel_at"] = sub.period[1]
        elif kind == "day":
            fields["cancel_at"] = till.clock + chance.randrange(
                1, 40) * DAY + HOUR


@step(1)
def delete(till, chance):
    sub = pick(till, chance, "active", "trialing", "past_due", "unpaid",
               "paused")
    if not sub:
        return False
    till.end(sub)


@step(0.5)
def delete_customer(till, chance):
    """Which ends all that they have."""
    if till.gone or not have(
            "the end of a customer, told before that of what they had"):
        return False
    for sub in till.subs:
        if not sub.ended():
            till.end(sub)
    till.gone = True
    till.tell("customer.deleted", {
        "id": till.customer, "object": "customer", "email": None,
        "livemode": False, "metadata": {}})


@step(2)
def pause_collection(till, chance):
    sub = pick(till, chance)
    if not sub:
        return False
    with till.change(sub):
        sub.fields["pause_collection"] = None if (
            sub.fields["pause_collection"]) else {
                "behavior": chance.choice(["void", "keep_as_draft"]),
                "resumes_at": None}


@step(2)
def pause(till, chance):
    """Service and invoices stop, or begin again."""
    sub = pick(till, chance, "active", "past_due", "paused")
    if not sub or sub.pending:
        return False
    if sub.status == "paused":
        with till.change(sub, also=["resumed"]):
            sub.status = "active"
            sub.begin(till.clock)
        return True
    with till.change(sub, also=["paused"]):
        sub.status = "paused"


@step(1)
def trial_will_end(till, chance):
    sub = pick(till, chance, "trialing")
    if not sub:
        return False
    till.snapshot(sub, "trial_will_end")


@step(1)
def rename(till, chance):
    """Metadata that means nothing here."""
    sub = pick(till, chance)
    if not sub:
        return False
    with till.change(sub):
        sub.metadata["note"] = str(chance.randrange(1000))


# -------------------------------------------------- invoices of other kinds

@step(1)
def manual_invoice(till, chance):
    """A bill of the shop's own that nobody pays at once."""
    sub = pick(till, chance)
    if not sub:
        return False
    invoice = till.invoice(sub, "manual")
    till.fail(invoice)
    sub.invoices.remove(invoice)


@step(2)
def upgrade_waits(till, chance):
    """pending_if_incomplete: the payment of an upgrade fails."""
    sub = pick(till, chance, "active")
    if not sub or sub.pending or base(sub)["price"] == "price_more":
        return False
    with till.change(sub):
        invoice = till.invoice(sub, "subscription_update")
        until = till.clock + 23 * HOUR
        sub.pending = {"invoice": invoice, "until": until,
                       "price": next_price(till, sub, chance)}
        sub.fields["latest_invoice"] = invoice.id
        sub.fields["pending_update"] = {
            "expires_at": until, "billing_cycle_anchor": None,
            "subscription_items": [{"price": sub.pending["price"]}]}
    till.fail(invoice)


@step(2)
def upgrade_is_paid(till, chance):
    waiting = [s for s in till.subs if s.pending and s.status == "active"]
    if not waiting:
        return False
    sub = chance.choice(waiting)
    pending, sub.pending = sub.pending, None
    till.pay(pending["invoice"])
    with till.change(sub, also=["pending_update_applied"]):
        base(sub)["price"] = pending["price"]
        sub.fields["pending_update"] = None


@step(1 if have("an overdue change of plan beside a cycle that is paid") else 0)
def upgrade_is_overdue(till, chance):
    """allow_incomplete: the plan has changed, its payment fails; or is made."""
    sub = pick(till, chance, "active", "past_due")
    if not sub or sub.pending or base(sub)["price"] == "price_more" or (
            newest(sub).status != "paid"):
        return False
    last = sub.invoices[-1]
    if sub.status == "active":
        with till.change(sub):
            base(sub)["price"] = next_price(till, sub, chance)
            invoice = till.invoice(sub, "subscription_update")
            sub.fields["latest_invoice"] = invoice.id
            sub.status = "past_due"
        till.fail(invoice)
    elif last.reason == "subscription_update" and last.status == "open":
        till.pay(last)
        with till.change(sub):
            sub.status = "active"
    else:
        return False
