"""Money that was paid, and what becomes of it afterwards."""

from . import stripe
from .stripe import OLD, new_id


class Payment:
    """The money of one paid invoice, and what becomes of it."""

    def __init__(self, buyer, at=60, amount=1000, **fields):
        self.buyer = buyer
        self.intent = new_id("pi")
        self.charge = new_id("ch")
        self.invoice = new_id("in")
        self.at = at
        self.amount = amount
        if buyer.api == OLD:
            fields = {"payment_intent": self.intent, "charge": self.charge,
                      **fields}
        self.fields = fields

    def paid(self):
        """Its events: in the new shape another one names the payment."""
        invoice = self.buyer.invoice_paid(
            self.at, id=self.invoice, amount=self.amount,
            created=self.buyer.start + self.at, **self.fields)
        if self.buyer.api == OLD:
            return [invoice]
        return [invoice, self.buyer.event("invoice_payment.paid", {
            "id": new_id("inpay"), "object": "invoice_payment",
            "invoice": self.invoice, "status": "paid",
            "payment": {"type": "payment_intent",
                        "payment_intent": self.intent}}, self.at)]

    def at_stripe(self, desk, status="paid", **fields):
        """What Stripe answers about it; no event of it ever came."""
        desk.stripe.put(stripe.invoice(
            self.buyer.customer, self.buyer.subscription, status=status,
            id=self.invoice, amount=self.amount,
            created=self.buyer.start + self.at,
            status_transitions={"paid_at": self.buyer.start + self.at},
            **fields))
        desk.stripe.put({
            "id": new_id("inpay"), "object": "invoice_payment",
            "invoice": self.invoice, "status": "paid",
            "payment": {"type": "payment_intent",
                        "payment_intent": self.intent}})

    def refunded(self, at=600, amount=None, **fields):
        return self.buyer.event("charge.refunded", {
            "id": self.charge, "object": "charge", "amount": self.amount,
            "amount_refunded": amount or self.amount,
            "refunded": amount is None, "customer": self.buyer.customer,
            "payment_intent": self.intent, **fields}, at)

    def refund_failed(self, at=700):
        return self.buyer.event("refund.failed", {
            "id": new_id("re"), "object": "refund", "amount": self.amount,
            "charge": self.charge, "payment_intent": self.intent,
            "status": "failed"}, at)

    def dispute(self, name, status, at=600, id="du_1"):
        return self.buyer.event("charge.dispute." + name, {
            "id": id + self.charge, "object": "dispute",
            "amount": self.amount, "charge": self.charge,
            "payment_intent": self.intent, "status": status,
            "evidence_details": {"due_by": self.buyer.start + 86400 * 9},
            }, at)

    def warning(self, at=600):
        return self.buyer.event("radar.early_fraud_warning.created", {
            "id": new_id("issfr"), "object": "radar.early_fraud_warning",
            "charge": self.charge, "payment_intent": self.intent,
            "actionable": True, "fraud_type": "misc"}, at)
