"""A desk that sells at Gumroad: its settings, forms as Gumroad writes them,
a fake Postmark, and questions to the licences and the outbox."""

import itertools
import json
import os
import secrets
import subprocess
import urllib.request
from urllib.parse import quote

from .desk import BUILD, SOURCE, Desk, clean_environment
from .processes import END_WITH_US
from .tap import has, same

SECRETS = ["old-secret-0123456789", "new-secret+/=&%"]
PATH = "/webhooks/gumroad"
TOKEN = "token-of-the-fake"
TEMPLATES = os.path.join(SOURCE, "common", "mail", "templates")
CATALOG = {
    "gumroad": {
        "core-id==": {"tier": "core"},
        "pencil": {"tier": "pen"},
        "QMGY": {"tier": "short"},
        "club-id==": {"tier": "club", "plans": {
            "Gold": {"tier": "gold"}, "tier-silver": {"tier": "silver"}}},
    }
}
NUMBERS = itertools.count(1)
BOOKS = ("licenses", "gumroad_events", "gumroad_charges",
         "gumroad_memberships", "emails", "license_keys")


def encode(fields):
    """As HTTParty does: everything but A-Z a-z 0-9 _ - . ~ is escaped."""
    pairs = fields.items() if isinstance(fields, dict) else fields
    return "&".join("%s=%s" % (quote(str(k), safe="~"), quote(
        {True: "true", False: "false", None: ""}.get(v, str(v))
        if isinstance(v, (bool, type(None))) else str(v), safe="~"))
        for k, v in pairs)


def sale(**changes):
    """The fields of a sale; a change to None leaves the field out."""
    number = next(NUMBERS)
    fields = {
        "seller_id": "seller==", "product_id": "core-id==",
        "product_name": "Pencil Kit", "permalink": "kit",
        "product_permalink": "https://seller.gumroad.com/l/kit",
        "short_product_id": "KITT",
        "email": "buyer%d@example.org" % number, "price": 900,
        "gumroad_fee": 119, "currency": "eur", "quantity": 1,
        "discover_fee_charged": False, "can_contact": True,
        "referrer": "direct", "card[visual]": None, "card[type]": None,
        "order_number": 480000 + number,
        "sale_id": "sale-%d-%s==" % (number, secrets.token_hex(4)),
        "sale_timestamp": "2026-01-05T19:38:56Z",
        "full_name": "Ada Lovelace", "offer_code": "spring",
        "is_gift_receiver_purchase": False, "refunded": False,
        "resource_name": "sale", "disputed": False, "dispute_won": False,
    }
    fields.update(changes)
    return {k: v for k, v in fields.items()
            if k not in changes or changes[k] is not None}


def membership(subscription=None, **changes):
    return sale(**{
        "product_id": "club-id==", "recurrence": "monthly",
        "variants[Tier]": "Basic",
        "subscription_id": subscription or "sub-" + secrets.token_hex(6),
        **changes})


def later(fields, resource, **changes):
    """What Gumroad says of the same sale later on."""
    return {**fields, "resource_name": resource, **changes}


def subscription(fields, resource, **changes):
    """A delivery about the membership that a sale began."""
    return {
        "subscription_id": fields["subscription_id"],
        "product_id": fields["product_id"], "product_name": "Club",
        "user_id": None, "user_email": fields["email"],
        "purchase_ids[]": fields["sale_id"],
        "created_at": "2026-01-05T19:38:56Z", "charge_occurrence_count": None,
        "recurrence": "monthly", "free_trial_ends_at": None,
        "resource_name": resource, **changes}


def make_key(path):
    done = subprocess.run(
        [os.path.join(BUILD, "cgi-bin", "license"), "keygen", path],
        env=clean_environment(), stdout=subprocess.PIPE, timeout=20)
    same(done.returncode, 0, "exit status of license keygen")
    os.chmod(path, 0o644)
    return path


class FakePostmark:
    def __init__(self):
        self.process = subprocess.Popen(
            [*END_WITH_US, os.path.join(SOURCE, "tests", "fake", "postmark")],
            stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def _ask(self, path, body=None):
        request = urllib.request.Request(
            self.url + "/_fake/" + path,
            data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def answer(self, *names):
        self._ask("mode", list(names))

    def messages(self, to=None):
        return [m for m in self._ask("messages")
                if to is None or to in m["To"]]

    def count(self):
        return self._ask("count")

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Shop(Desk):
    """A desk with a catalog of Gumroad products, mail through POSTMARK unless
    that is None.  A test does the work of the outbox, unless the PROGRAMS
    have its job."""

    def __init__(self, mail="postmark", environment=None,
                 programs=("gumroad-webhook", "license"), **options):
        self.postmark = FakePostmark() if mail == "postmark" else None
        self.stocked = False
        provider = {}
        if self.postmark:
            provider = {"POSTMARK_TOKEN": TOKEN,
                        "POSTMARK_API_BASE": self.postmark.url,
                        "EMAIL_FROM": "Jörg's Shop <shop@example.org>"}
        super().__init__(environment={
            "GUMROAD_WEBHOOK_SECRET": " ".join(SECRETS),
            "MAIL_TEMPLATES": TEMPLATES, **provider, **(environment or {})},
            programs=programs, **options)

    def _start(self):
        key = os.path.join(self.directory, "signing-key.pem")
        self.settings.setdefault("LICENSE_SIGNING_KEY", key)
        if not os.path.exists(key):
            make_key(key)
        with open(self.catalog) as file:
            catalog = json.load(file)
        if not self.stocked:
            self.write_catalog({**catalog, **CATALOG})
            self.stocked = True
        super()._start()

    def write_catalog(self, catalog):
        with open(self.catalog, "w") as file:
            json.dump(catalog, file)

    def abandon(self):
        super().abandon()
        if self.postmark:
            self.postmark.close()

    def close(self):
        try:
            super().close()
        finally:
            if self.postmark:
                self.postmark.close()

    def unbalanced(self):
        rules = {
            "a sale has one licence and a licence one sale that minted it":
                """SELECT l.id FROM billing.licenses l WHERE NOT EXISTS
                   (SELECT FROM billing.gumroad_charges c
                    WHERE c.license_id = l.id AND c.sold)""",
            "a licence is mailed once":
                """SELECT license_id FROM billing.emails
                   WHERE kind = 'license' AND status <> 'failed'
                   GROUP BY 1 HAVING count(*) > 1""",
            "what is not processed has a reason":
                """SELECT id FROM billing.gumroad_events
                   WHERE NOT processed AND error IS NULL
                   AND retry_at IS NULL""",
        }
        return super().unbalanced() + [
            "the books: %s, but not %r" % (rule, rows[:5])
            for rule, query in rules.items()
            if (rows := [tuple(r.values()) for r in self.sql(query)])]

    # ------------------------------------------------------------ deliver

    def post_form(self, body, secret=SECRETS[0], client=None):
        if not isinstance(body, (bytes, str)):
            body = encode(body)
        return (client or self.client()).request(
            "POST", PATH + "?secret=" + quote(secret, safe=""), body,
            {"Content-Type": "application/x-www-form-urlencoded"})

    def ping(self, fields, **expected):
        """Post a form; the reply's members must be as EXPECTED."""
        reply = self.post_form(fields)
        same(reply.status, 200, repr(reply.body))
        has(reply.json, **expected)
        return reply.json

    def sell(self, fields=None, status="ok", **changes):
        """A sale that mints; its licence's row."""
        fields = fields or sale(**changes)
        reply = self.ping(fields, status=status)
        row = self.license(fields)
        same(reply["license_key"], row["license_key"])
        return row

    # ---------------------------------------------------------- questions

    def license(self, fields):
        return self.row("SELECT * FROM billing.licenses "
                        "WHERE source_order_id = %s", fields["sale_id"])

    def member(self, fields):
        return self.row("SELECT * FROM billing.licenses "
                        "WHERE subscription_id = %s",
                        fields["subscription_id"])

    def mails(self, license):
        return self.sql("SELECT * FROM billing.emails WHERE license_id = %s "
                        "ORDER BY id", license["id"])

    def audit(self, order):
        return self.sql("SELECT * FROM billing.gumroad_events "
                        "WHERE order_id = %s ORDER BY id", order)

    def last_audit(self):
        return self.row("SELECT * FROM billing.gumroad_events "
                        "ORDER BY id DESC LIMIT 1")

    def shop_books(self):
        return {table: self.count(table) for table in BOOKS}

    def deliver_mail(self, *options, status=0):
        done = self.tool("gumroad-webhook", "deliver", *options)
        same(done.returncode, status, done.stderr.decode())
        return done.stdout.decode()

    def tool(self, program, *arguments, owner=False, input=None, **changes):
        conninfo = self.conninfo if owner else self.program_conninfo(program)
        return self.run(*arguments, program=program, input=input,
                        environment={"DATABASE_URL": conninfo, **changes})

    def verify(self, **body):
        reply = self.request("POST", "/license/verify", json.dumps(body),
                             {"Content-Type": "application/json"})
        same(reply.status, 200, repr(reply.body))
        return reply.json
