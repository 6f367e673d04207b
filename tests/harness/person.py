"""Somebody of whom every table knows something, and what becomes of them."""

import hashlib
import json
import subprocess
from urllib.parse import quote

from harness import gumroad, stripe
from harness.stripe import Buyer
from harness.tap import same

DIGITS = str.maketrans("0123456789_", "ghijklmnopq")


class Person:
    """Somebody of whom every table knows something."""

    def __init__(self, shop, id=None):
        self.id = id or stripe.new_id("zid")
        self.email = stripe.new_id("w") + ".Wilma+Z'%_@Zwetschge.example"
        self.name = "Wilhelmina %s" % self.email.split(".")[0].translate(
            DIGITS)
        self.shop = shop
        self.sale = gumroad.sale(email=self.email, full_name=self.name)
        self.row = shop.account(external_id=self.id, email=self.email)
        self.buyer = Buyer(self.id, self.email)

    def live(self):
        """Buy a subscription and a licence, and do what leaves traces."""
        shop, buyer = self.shop, self.buyer
        shop.deliver(buyer.checkout(customer_details={
            "email": self.email, "name": self.name}))
        shop.deliver(buyer.created(), buyer.invoice_paid(
            customer_email=self.email, customer_name=self.name))
        failing = buyer.updated(quantity=-1, description=self.name)
        shop.deliver(failing, answer="handler_error")
        self.events = [failing["id"]]
        for event in buyer.audit_events():
            event["data"]["object"]["evidence"] = {
                "customer_email_address": self.email, "customer_name": self.name}
            shop.deliver(event)
        shop.deliver(buyer.event("checkout.session.expired", stripe.session(
            None, reference=self.id, customer_details={"name": self.name})))
        self.license = shop.sell(self.sale)
        shop.ping({**gumroad.sale(
            email=self.email, full_name=self.name, product_id="none==",
            permalink="none", short_product_id="NONE")},
            status="logged-no-mint")
        shop.sql("INSERT INTO billing.grants (account_id, plan, reason)"
                 " VALUES (%s, 'pro', %s)", self.row["id"],
                 "a present for " + self.email)
        shop.sql("INSERT INTO billing.credits (account_id, days, until, "
                 "reason, given_by) VALUES (%s, 3, now(), %s, 'ops')",
                 self.row["id"], "a bad week of " + self.email)
        shop.sql("""INSERT INTO billing.checkout_sessions
                 (account_id, request, facts, url) VALUES (%s, 'monthly', %s,
                 'https://checkout.example/x')""", self.row["id"],
                 self.email + " t")
        for role, other in (("referrer", "referred"), ("referred",
                                                       "referrer")):
            shop.sql("""INSERT INTO billing.referrals (code,
                     {0}_account_id, {1}_account_id) VALUES (%s, %s, %s)
                     """.format(role, other), self.row["referral_code"]
                     if role == "referrer" else "OTHERCODE", self.row["id"],
                     shop.account()["id"])
        shop.sql("""WITH run AS (INSERT INTO billing.reconciliations (fix)
                     VALUES (false) RETURNING id)
                 INSERT INTO billing.drift SELECT id, %s, 'account', NULL, %s
                 FROM run""", buyer.subscription, self.id)
        shop.sql("""INSERT INTO billing.purchases (account_id, source_id, plan,
                 account_ref, email, created_at) VALUES (%s, %s, 'pro', %s, %s,
                 now())""", self.row["id"], "cs_" + buyer.subscription,
                 self.id, self.email)
        shop.deliver(buyer.invoice_event(
            "payment_action_required", hosted_invoice_url="https://pay.test/"
            + quote(self.email)))
        shop.sql("""UPDATE billing.webhook_failures SET error = %s
                 WHERE id = %s""", "no such plan for " + self.email,
                 failing["id"])
        shop.request("POST", "/license/resend",
                     json.dumps({"email": self.email}),
                     {"Content-Type": "application/json"})
        return self

    def leave(self):
        self.shop.deliver(self.buyer.deleted())
        return self

    def needles(self):
        """The person, in every form in which they might still stand."""
        plain = [self.id, self.email, self.name, self.row["referral_code"]]
        return plain + [quote(text, safe="~") for text in plain] + [
            hashlib.sha256(self.email.lower().encode()).hexdigest()]


def account(shop, *arguments, user="paydesk_operator"):
    return shop.run(*arguments, program="account", environment={
        "DATABASE_URL": shop.conninfo if user is None else
        shop.program_conninfo(user=user)})


def export(shop, *arguments):
    done = account(shop, "export", *arguments)
    same(done.returncode, 0, done.stderr.decode())
    return json.loads(done.stdout)


def erase(shop, *arguments, status=0):
    done = account(shop, "erase", "--json", *arguments)
    same(done.returncode, status, done.stderr.decode())
    if status:
        return done.stderr.decode()
    return {row["what"]: row for row in json.loads(done.stdout)}


def dump(shop):
    done = subprocess.run(
        ["pg_dump", "--data-only", "-d", shop.conninfo],
        stdout=subprocess.PIPE, check=True, timeout=60)
    return done.stdout.decode()


def traces(shop, person):
    """The lines of a dump that name the person, by table."""
    needles = [n.lower() for n in person.needles()]
    table, found = None, {}
    for line in dump(shop).lower().splitlines():
        if line.startswith("copy billing."):
            table = line.split(".")[1].split()[0]
        if any(n in line for n in needles):
            found.setdefault(table, []).append(line[:150])
    return found
