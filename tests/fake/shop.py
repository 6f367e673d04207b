"""What a shop has set up at Stripe: prices, portal, where events are sent."""

import time

# What stripe-webhook handles, as its manual lists it.
EVENTS = """
    checkout.session.completed checkout.session.async_payment_succeeded
    checkout.session.async_payment_failed checkout.session.expired
    customer.deleted customer.updated
    customer.subscription.created customer.subscription.deleted
    customer.subscription.paused customer.subscription.resumed
    customer.subscription.trial_will_end customer.subscription.updated
    invoice.paid invoice.payment_action_required invoice.payment_failed
    invoice.payment_succeeded invoice.overdue invoice.voided
    invoice.marked_uncollectible invoice_payment.paid
    customer.subscription.pending_update_applied
    customer.subscription.pending_update_expired
    charge.dispute.closed charge.dispute.created charge.dispute.updated
    charge.refund.updated charge.refunded
    refund.created refund.failed refund.updated
    radar.early_fraud_warning.created
    subscription_schedule.aborted subscription_schedule.canceled
    subscription_schedule.completed subscription_schedule.created
    subscription_schedule.released subscription_schedule.updated""".split()


def price(id, interval, **changes):
    return {
        "id": id, "object": "price", "active": True, "created": 1795200000,
        "currency": "eur", "livemode": False, "product": "prod_sample",
        "recurring": {"interval": interval, "interval_count": 1,
                      "trial_period_days": None, "usage_type": "licensed"},
        "type": "recurring", "unit_amount": 900, **changes}


def endpoint(id, url, **changes):
    return {
        "id": id, "object": "webhook_endpoint", "api_version": None,
        "application": None, "created": int(time.time()),
        "description": None, "enabled_events": EVENTS, "livemode": False,
        "metadata": {}, "status": "enabled", "url": url, **changes}


def destination(id, url, **changes):
    return {
        "id": id, "object": "v2.core.event_destination", "name": "paydesk",
        "type": "webhook_endpoint", "event_payload": "thin",
        "created": int(time.time()), "livemode": False, "status": "enabled",
        "enabled_events": ["v1." + type for type in EVENTS],
        "webhook_endpoint": {"url": url}, **changes}


def portal(id="bpc_sample", **changes):
    return {
        "id": id, "object": "billing_portal.configuration", "active": True,
        "created": 1795200000, "is_default": True, "livemode": False,
        **changes}


def taxes(status):
    return {
        "id": "tax_settings", "object": "tax.settings", "livemode": False,
        "status": status}


def open_shop(store, url):
    for obj in (price("price_pro_monthly", "month"),
                price("price_pro_annual", "year"), portal(),
                endpoint("we_sample", url)):
        store.put(obj["id"], obj)
