"""The pages of the fake Stripe: a customer pays, changes, cancels.

What happens there is told to the webhook as Stripe would, signed; so the whole
story works offline.
"""

import html
import os
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                os.pardir))

from harness import stripe

PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>%(title)s</title>
<style>body { font: 16px sans-serif; max-width: 36em; margin: 4em auto }
button { font: inherit; padding: .4em 1.2em; margin-right: .6em }</style>
<h1>%(title)s</h1>
%(body)s
<p><small>A fake Stripe for development: no money moves.</small></p>
"""


def page(title, *lines):
    return PAGE % {"title": html.escape(title),
                   "body": "\n".join("<p>%s" % line for line in lines)}


def link(url, text):
    return '<a href="%s">%s</a>' % (html.escape(url, True), html.escape(text))


def buttons(**actions):
    return '<form method="post">%s</form>' % "".join(
        '<button name="do" value="%s">%s</button>' % (name, html.escape(text))
        for name, text in actions.items())


class Webhook:
    """Where events go; without a URL or a secret they go nowhere."""

    def __init__(self, url):
        self.url = url
        self.secret = os.environ.get("STRIPE_WEBHOOK_SECRET")
        path = os.environ.get("STRIPE_WEBHOOK_SECRET_FILE")
        if not self.secret and path:
            with open(path) as file:
                self.secret = file.read()
        self.secret = (self.secret or "").split()[0:1]

    def send(self, store, *events):
        """Deliver the events; one line each on what came of it."""
        return [self._deliver(store.put(e["id"], e)) for e in events]

    def _deliver(self, event):
        if not self.url or not self.secret:
            return event["type"] + ": not sent, there is no webhook"
        body = stripe.encode(event)
        request = urllib.request.Request(self.url, body, {
            "Content-Type": "application/json",
            "Stripe-Signature": stripe.sign(body, self.secret[0])})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                said = answer.read().decode()
        except urllib.error.HTTPError as error:
            said = "%d %s" % (error.code, error.read().decode())
        except OSError as error:
            said = str(error)
        return "%s: %s" % (event["type"], said)


# -------------------------------------------------------------- checkout

def begun_subscription(session, form):
    """What the session's form asks for, begun now."""
    metadata = {k[len("subscription_data[metadata]["):-1]: v
                for k, v in form.items()
                if k.startswith("subscription_data[metadata][")}
    price = form["line_items[0][price]"]
    annual = "annual" in (metadata.get("period"), *price.split("_"))
    now = int(time.time())
    trial = int(form.get("subscription_data[trial_period_days]", 0))
    end = now + (trial * stripe.DAY if trial else
                 stripe.YEAR if annual else stripe.MONTH)
    return stripe.subscription(
        stripe.new_id("sub"), session["customer"], price=price,
        interval="year" if annual else "month", start=now, end=end,
        quantity=int(form.get("line_items[0][quantity]", 1)),
        status="trialing" if trial else "active",
        trial_start=now if trial else None,
        trial_end=end if trial else None, metadata=metadata)


def pay(store, webhook, session):
    """The customer has paid: Stripe's objects, then its events."""
    form = session["_form"]
    if not session["customer"]:
        session["customer"] = stripe.new_id("cus")
        store.put(session["customer"], stripe.expanded(
            session["customer"], "customer", email=form.get("customer_email"),
            created=int(time.time())))
    subscription = begun_subscription(session, form)
    trial = subscription["status"] == "trialing"
    session.update(
        status="complete", url=None, subscription=subscription["id"],
        payment_status="no_payment_required" if trial else "paid",
        customer_details={"email": form.get("customer_email")})
    store.put(subscription["id"], subscription)
    store.put(session["id"], session)
    told = {k: v for k, v in session.items() if not k.startswith("_")}
    return webhook.send(
        store,
        stripe.event("customer.subscription.created", subscription),
        stripe.event("checkout.session.completed", told),
        stripe.event("invoice.paid", stripe.invoice(
            session["customer"], subscription["id"],
            amount=0 if trial else 1000,
            metadata=subscription["metadata"])))


def checkout(store, webhook, method, id, fields):
    session = store.get(id, "checkout.session")
    form = session["_form"]
    if session["status"] == "open" and session["expires_at"] < time.time():
        session["status"] = "expired"
    if session["status"] != "open":
        return page("This page is no longer open",
                    "The session is %s." % session["status"])
    if method == "POST" and fields.get("do", "pay") == "pay":
        said = pay(store, webhook, session)
        return page("Paid", *map(html.escape, said),
                    link(session["success_url"], "Back to the application"))
    return page(
        "Checkout",
        html.escape("%s × %s for %s" % (
            form.get("line_items[0][quantity]", 1),
            form["line_items[0][price]"],
            form.get("customer_email") or form.get("customer") or
            "a new customer")),
        buttons(pay="Pay"),
        link(form.get("cancel_url", "/"), "Cancel"))


# ---------------------------------------------------------------- portal

def change(store, webhook, subscription, what):
    """One button of the portal, and the event that follows from it."""
    before = {"cancel_at_period_end": subscription["cancel_at_period_end"]}
    kind = "customer.subscription.updated"
    if what == "end":
        now = int(time.time())
        kind, before = "customer.subscription.deleted", None
        subscription.update(status="canceled", ended_at=now, canceled_at=now)
    else:
        subscription["cancel_at_period_end"] = what == "cancel"
    store.put(subscription["id"], subscription)
    return webhook.send(store, stripe.event(kind, subscription,
                                            previous=before))


def portal(store, webhook, method, id, fields):
    session = store.get(id, "billing_portal.session")
    live = [s for s in store.all("subscription")
            if s["customer"] == session["customer"]
            and s["status"] != "canceled"]
    said = []
    if method == "POST" and live:
        said = change(store, webhook, live[0], fields.get("do"))
        live = [s for s in live if s["status"] != "canceled"]
    lines = [html.escape("%s: %s%s" % (
        s["items"]["data"][0]["price"]["id"], s["status"],
        ", ends with its period" if s["cancel_at_period_end"] else ""))
        for s in live] or ["There is no subscription."]
    if live:
        lines.append(buttons(
            **({"resume": "Do not cancel"} if live[0]["cancel_at_period_end"]
               else {"cancel": "Cancel at the end of the period"}),
            end="Cancel now"))
    return page("Your subscription", *map(html.escape, said), *lines,
                link(session["return_url"] or "/", "Back"))


PAGES = {"c/pay": checkout, "p/session": portal}
APPLICATION = {"settings": "Settings", "pricing": "Pricing", "": "Home"}


def answer(store, webhook, method, path, fields):
    """The page at a path; KeyError: there is none."""
    if path.strip("/") in APPLICATION:
        return page(APPLICATION[path.strip("/")],
                    "Here the host application (SITE_URL) would be.")
    place, _, id = path.strip("/").rpartition("/")
    return PAGES[place](store, webhook, method, id, fields)
