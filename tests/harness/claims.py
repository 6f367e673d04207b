"""Steps in which money goes back, or is said to: refunds, disputes, warnings."""

from . import stripe
from .ahead import have
from .happenings import newest, step
from .stripe import OLD
from .till import AMOUNT

OPEN = ("needs_response", "under_review", "appeal_needs_response",
        "appeal_under_review")
POLICY = "refunds, disputes and fraud warnings by policy"


def weight(number):
    return number if have(POLICY) else 0


def charge(till, invoice):
    fields = {"invoice": invoice.id} if till.api == OLD else {}
    return {"id": invoice.charge, "object": "charge", "amount": AMOUNT,
            "amount_captured": AMOUNT, "amount_refunded": invoice.refunded,
            "customer": till.customer, "disputed": bool(invoice.disputes),
            "livemode": False, "metadata": {}, "paid": True,
            "payment_intent": invoice.payment_intent,
            "refunded": invoice.refunded == AMOUNT, "status": "succeeded",
            **fields}


def paid_invoice(till, chance, current=False):
    """One that money came for; CURRENT: for the period that runs."""
    fit = [i for s in till.subs if not s.rebilled for i in s.invoices
           if i.status == "paid" and i.amount and i.reason != (
               "subscription_update") and (not current or i is newest(s))]
    return chance.choice(fit) if fit else None


def give_back(till, invoice, amount):
    before = charge(till, invoice)
    invoice.refunded += amount
    after = charge(till, invoice)
    till.tell("charge.refunded", after, {
        k: before[k] for k in before if before[k] != after[k]})
    till.tell("refund.created", {
        "id": stripe.new_id("re"), "object": "refund", "amount": amount,
        "charge": invoice.charge, "currency": "usd", "customer": None,
        "metadata": {}, "payment_intent": invoice.payment_intent,
        "reason": "requested_by_customer", "status": "succeeded"})


@step(weight(3))
def refund(till, chance):
    """All of what is left, of this period or of an older one."""
    invoice = paid_invoice(till, chance)
    if not invoice or invoice.refunded == AMOUNT:
        return False
    give_back(till, invoice, AMOUNT - invoice.refunded)


@step(weight(2))
def refund_in_part(till, chance):
    invoice = paid_invoice(till, chance)
    if not invoice or invoice.refunded:
        return False
    give_back(till, invoice, AMOUNT // 2)


def tell_dispute(till, invoice, name, status):
    before = invoice.disputes[-1:]
    invoice.disputes.append(status)
    till.tell("charge.dispute." + name, {
        "id": "du" + invoice.charge[2:], "object": "dispute",
        "amount": AMOUNT, "charge": invoice.charge, "currency": "usd",
        "created": till.clock, "evidence_details": {
            "due_by": till.clock + 7 * stripe.DAY, "has_evidence": False,
            "past_due": False, "submission_count": 0},
        "livemode": False, "metadata": {}, "status": status,
        "payment_intent": invoice.payment_intent, "reason": "fraudulent"},
        {"status": before[0]} if name == "updated" else None)


@step(weight(3))
def dispute(till, chance):
    invoice = paid_invoice(till, chance, current=True)
    if not invoice or invoice.disputes:
        return False
    tell_dispute(till, invoice, "created", chance.choice(
        ["needs_response", "needs_response", "warning_needs_response"]))


@step(weight(6))
def dispute_goes_on(till, chance):
    """A review, an end, and an end that is not the last word."""
    fit = [i for s in till.subs for i in s.invoices if i.disputes
           and i.disputes[-1] not in ("won", "warning_closed")]
    if not fit:
        return False
    invoice = chance.choice(fit)
    status = invoice.disputes[-1]
    if status == "lost":
        if "appeal_needs_response" in invoice.disputes:
            return False
        till.clock += 1
        return tell_dispute(till, invoice, "updated", "appeal_needs_response")
    kind = status.rpartition("needs_response")[0] if status.endswith(
        "needs_response") else status.rpartition("under_review")[0]
    if status.endswith("needs_response") and chance.random() < 0.5:
        return tell_dispute(till, invoice, "updated", kind + "under_review")
    tell_dispute(till, invoice, "closed", "warning_closed" if (
        kind == "warning_") else chance.choice(["won", "lost"]))


@step(weight(1))
def fraud_warning(till, chance):
    invoice = paid_invoice(till, chance, current=True)
    if not invoice or invoice.warned:
        return False
    invoice.warned = True
    till.tell("radar.early_fraud_warning.created", {
        "id": stripe.new_id("issfr"), "object": "radar.early_fraud_warning",
        "actionable": True, "charge": invoice.charge,
        "created": till.clock, "fraud_type": "made_with_stolen_card",
        "livemode": False, "payment_intent": invoice.payment_intent})
