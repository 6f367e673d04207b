"""Customers of the desk: who calls /checkout, /portal and /account."""

import json
import os
import tempfile

from . import jwt, stripe
from .desk import Desk
from .tap import same

SITE = "https://app.example.com"
CHECKOUT = "/v1/checkout/sessions"
PORTAL = "/v1/billing_portal/sessions"

ENVIRONMENT = {"AUTH_JWT_SECRET": jwt.SECRET, "SITE_URL": SITE}


class Shop(Desk):
    """A desk whose customers bring bearer tokens."""

    def __init__(self, workers=2, environment=None, catalog=None,
                 programs=("account", "checkout", "portal", "fake-stripe")):
        self._catalog = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump(catalog or stripe.CATALOG, self._catalog)
        self._catalog.flush()
        os.chmod(self._catalog.name, 0o644)
        super().__init__(workers, {
            "CATALOG": self._catalog.name, **ENVIRONMENT,
            **(environment or {})}, programs=programs)

    def customer(self, **columns):
        """Somebody with an account; columns as for account()."""
        row = self.account(**columns)
        return Customer(self, row["external_id"])

    def stranger(self, email=None, role=None):
        """Somebody who has none."""
        return Customer(self, stripe.new_id("user"), email, role)

    def asked(self, path, method="POST"):
        """The requests that Stripe got for that path."""
        return [r for r in self.stripe.requests()
                if r["method"] == method and r["path"].split("?")[0] == path]


class Customer:
    def __init__(self, desk, id, email=None, role=None):
        self.desk = desk
        self.id = id
        self.email = email
        self.role = role

    def token(self):
        return jwt.token(self.id, email=self.email, role=self.role)

    def request(self, method, path, body=None, headers=None, client=None):
        headers = {"Authorization": "Bearer " + self.token(),
                   **({"Content-Type": "application/json"}
                      if body is not None else {}), **(headers or {})}
        headers = {k: v for k, v in headers.items() if v is not None}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return (client or self.desk).request(method, path, body, headers)

    def checkout(self, headers=None, client=None, **body):
        return self.request("POST", "/checkout",
                            {"cadence": "monthly", **body}, headers, client)

    def portal(self, headers=None, **body):
        return self.request("POST", "/portal", body, headers)

    def show(self, headers=None):
        return self.request("GET", "/account", headers=headers)

    def refer(self, code):
        return self.request("POST", "/account/referral", {"code": code})

    def row(self):
        return self.desk.row("SELECT * FROM billing.accounts "
                             "WHERE external_id = %s", self.id)

    def subscribe(self, **columns):
        """Insert a subscription of this account's, as the books hold it."""
        columns = {"account_id": self.row()["id"], "plan": "pro",
                   "stripe_subscription_id": stripe.new_id("sub"),
                   "period": "monthly", "status": "active", **columns}
        if columns["status"] in ("trialing", "active"):
            self.desk.sql("UPDATE billing.accounts SET tier = 'paid' "
                          "WHERE external_id = %s", self.id)
        return self.desk.row(
            "INSERT INTO billing.subscriptions (%s) VALUES (%s) RETURNING *"
            % (", ".join(columns), ", ".join(["%s"] * len(columns))),
            *columns.values())


def no_such_customer(id, similar=False):
    """Stripe's refusal of a customer; similar: the other mode has it."""
    message = "No such customer: '%s'" % id + similar * (
        "; a similar object exists in live mode, but a test mode key was used"
        " to make this request.")
    return {"status": 404 if similar else 400, "body": json.dumps({"error": {
        "type": "invalid_request_error", "code": "resource_missing",
        "param": "customer", "message": message}})}


def refused(reply, status, code):
    """The reply is that error, with a sentence."""
    same((reply.status, reply.json.get("error")), (status, code),
         repr(reply.body))
    same(bool(reply.json.get("detail")), True, "a sentence")
    return reply
