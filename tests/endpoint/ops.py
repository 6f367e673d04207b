#!/usr/bin/python3 -B
"""The operations pages over HTTP: who may, what is shown, what a replay does."""

import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import wait_until
from harness.operator import Page, Post
from harness.tap import Suite, has, same, true

HOSTILE = '<script>alert(1)</script>"\'&amp;\x1b[31m –'

suite = Suite(Post)


def still_failed(desk, event):
    same(desk.ledger(event)["processed_at"], None, "it was replayed")


# ------------------------------------------------------------------ access

@suite.each("without the password there is nothing: {path}", [
    "/ops", "/ops/customer?q=x", "/ops/style.css", "/opsen"])
def no_password(desk, path):
    desk.expect_log("password mismatch")
    reply = desk.request("GET", path)
    same(reply.status, 401)
    true("Basic" in reply.headers["www-authenticate"], "no challenge")
    same(desk.request("GET", path, headers=desk.headers(
        password="wrong")).status, 401)


@suite.case("whom an operator looks for is in no log")
def no_query_logged(desk):
    desk.request("GET", "/ops/customer?q=private-word")
    desk.request("GET", "/ops/customer?q=private-word",
                 headers=desk.headers(password="wrong"))
    desk.customer("private-word", 404)
    for path in desk.log_files():
        with open(path, errors="replace") as file:
            true("private-word" not in file.read(), path)


@suite.case("a name that a client sends is not who it is")
def forged_user(desk):
    reply = desk.request("GET", "/ops", headers={
        "Remote-User": "ops", "REMOTE_USER": "ops", "X-Remote-User": "ops"})
    same(reply.status, 401)


@suite.case("the reply's headers keep it private and let no script in")
def headers(desk):
    reply = desk.request("GET", "/ops", headers=desk.headers())
    has(reply.headers, **{
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "content-type": "text/html; charset=utf-8"})
    policy = dict(part.strip().split(" ", 1) for part in
                  reply.headers["content-security-policy"].split(";"))
    same(policy, {"default-src": "'none'", "style-src": "'self'",
                  "img-src": "data:", "form-action": "'self'",
                  "frame-ancestors": "'none'", "base-uri": "'none'"})
    true(b"<script" not in reply.body and b" style=" not in reply.body
         and b" on" + b"click" not in reply.body, "script or inline style")


@suite.each("{method} {path} is refused, 405", [
    {"method": "POST", "path": "/ops"},
    {"method": "GET", "path": "/ops/replay"},
    {"method": "GET", "path": "/ops/grant"},
    {"method": "GET", "path": "/ops/unlink"},
    {"method": "DELETE", "path": "/ops/customer"}])
def methods(desk, method, path):
    same(desk.request(method, path, headers=desk.headers()).status, 405)


# ---------------------------------------------------------------- overview

@suite.case("an empty desk has a whole page")
def empty(desk):
    page = desk.look()
    same(page.wrong + page.open, [])
    same(page.count("h1"), 1)
    for words in ("None: all that came in was applied.",
                  "Nothing came in within the last 48 hours.",
                  "No licence was sold within the last 30 days."):
        true(words in page.text, words)


@suite.case("what came in is in the charts, with its numbers as a table")
def charts(desk):
    buyers = [desk.buyer() for _ in range(3)]
    desk.deliver(*[b.created() for b in buyers])
    desk.deliver(stripe.Buyer().created(), answer="unmatched")
    desk.add_licence("a@example.org")
    result = desk.run("sample", program="ops", environment={
        "DATABASE_URL": desk.program_conninfo("ops"),
        "STATS_DIR": os.path.join(desk.var, "stats")})
    same(result.returncode, 0, result.stderr.decode())
    page = desk.look()
    same(page.wrong + page.open, [])
    same(page.count("svg", role="img"), 4)
    same(page.count("caption"), 4)
    true("applied 3" in re.sub(r"\s+", " ", page.text), page.text[:2000])


@suite.case("a failure is shown with its cause and a button; a replay applies"
            " it and says so")
def replayed(desk):
    event = desk.failure()
    page = desk.look()
    true("injected fault" in page.text, page.text[:2000])
    fields, = [f for f in page.replays() if f["event"] == event["id"]]
    reply = desk.submit(fields)
    same(reply.status, 303, repr(reply))
    same(reply.headers["location"], "/ops?replayed=" + event["id"])
    has(desk.ledger(event), outcome="applied", error=None)
    page = desk.look(reply.headers["location"])
    true(event["id"] in page.text and "is now: applied" in page.text,
         page.text[:2000])
    same([f for f in page.replays() if f["event"] == event["id"]], [])
    true("by=ops" in desk.log("ops"), "who did it")


@suite.case("a second press on the same button does nothing")
def twice(desk):
    event = desk.failure()
    fields = [f for f in desk.look().replays()
              if f["event"] == event["id"]][0]
    books = None
    for _ in range(2):
        same(desk.submit(fields).status, 303)
        now = desk.row("SELECT * FROM billing.subscriptions WHERE "
                       "stripe_customer_id = %s",
                       event["data"]["object"]["customer"])
        same(now, books or now)
        books = now


@suite.case("one that fails again says why")
def fails_again(desk):
    event = desk.failure()
    fields = [f for f in desk.look().replays()
              if f["event"] == event["id"]][0]
    with desk.failing("P0001"):
        reply = desk.submit(fields)
    same(reply.status, 303)
    page = desk.look(reply.headers["location"])
    true("still fails: injected fault" in page.text, page.text[:1000])
    same(desk.submit(fields).status, 303)


@suite.case("Gumroad's failures come with a command, not with a button")
def gumroad(desk):
    id = desk.value("INSERT INTO billing.gumroad_events (resource, payload, "
                    "error) VALUES ('sale', 'x=y', 'no product') "
                    "RETURNING id")
    page = desk.look()
    true("gumroad-webhook replay %d" % id in page.text, page.text[:2000])
    same([f for f in page.replays() if f["event"] == str(id)], [])
    desk.sql("DELETE FROM billing.gumroad_events")


@suite.case("many failures: the newest twenty, and how many there are")
def many(desk):
    desk.sql("""INSERT INTO billing.stripe_events (event_id, type, outcome,
                error, received_at) SELECT 'evt_many' || i, 'invoice.paid',
                'handler_error', 'broken', now() - make_interval(secs => i)
                FROM generate_series(1, 5000) i""")
    page = desk.look()
    desk.sql("DELETE FROM billing.stripe_events WHERE error = 'broken'")
    same(len(page.replays()), 20)
    true("The last 20 of 5000." in page.text, page.text[:2000])


# -------------------------------------------------------------------- CSRF

@suite.case("a replay without a token, or with a wrong one, changes nothing")
def tokens(desk):
    event = desk.failure()
    right = [f for f in desk.look().replays()
             if f["event"] == event["id"]][0]["token"]
    hour, mac = right.split(".")
    same(desk.submit({"event": event["id"]}).status, 400)
    for token in ("x", right[:-1], right + "0", "0." + mac,
                  "%d.%s" % (int(hour) - 1, mac),
                  "%d.%s" % (int(hour) + 1, mac), hour + "." + "0" * 64):
        same(desk.submit({"event": event["id"], "token": token}).status, 403,
             token)
    still_failed(desk, event)


@suite.each("a form that another page sent is refused: {header}: {value}", [
    {"header": "Origin", "value": "https://evil.example"},
    {"header": "Origin", "value": "null"},
    {"header": "Sec-Fetch-Site", "value": "cross-site"},
    {"header": "Sec-Fetch-Site", "value": "same-site"}])
def foreign(desk, header, value):
    event = desk.failure()
    fields = [f for f in desk.look().replays()
              if f["event"] == event["id"]][0]
    same(desk.submit(fields, {header: value}).status, 403)
    still_failed(desk, event)
    same(desk.submit(fields, {
        "Origin": "http://127.0.0.1:%d" % desk.port,
        "Sec-Fetch-Site": "same-origin"}).status, 303)


@suite.case("somebody else's token is refused")
def other_person(desk):
    event = desk.failure()
    token = [f for f in desk.look().replays()
             if f["event"] == event["id"]][0]["token"]
    path = os.path.join(desk.var, "nginx", "operators")
    with open(path, "a") as file:
        file.write("eve:" + subprocess.run(
            ["openssl", "passwd", "-6", "secret"], check=True, text=True,
            stdout=subprocess.PIPE).stdout)
    reply = desk.submit({"event": event["id"], "token": token},
                        desk.headers("eve", "secret"))
    same(reply.status, 403, repr(reply))
    still_failed(desk, event)


@suite.case("a token outlives the workers, and not a new key")
def key(desk):
    event = desk.failure()
    fields = [f for f in desk.look().replays()
              if f["event"] == event["id"]][0]
    desk.end_workers("ops", signal.SIGTERM)
    desk.sql("UPDATE billing.ops_key SET key = key || 'x'")
    same(desk.submit(fields).status, 403)
    desk.sql("UPDATE billing.ops_key SET key = rtrim(key, 'x')")
    same(desk.submit(fields).status, 303)


@suite.case("an event that the ledger does not have cannot be replayed")
def unknown_event(desk):
    desk.failure()
    token = desk.look().replays()[0]["token"]
    reply = desk.submit({"event": "evt_" + HOSTILE, "token": token})
    same(reply.status, 409)
    page = Page(reply.body.decode())
    true("not in the ledger" in page.text, page.text)
    same(page.count("script"), 0)


# ---------------------------------------------------------------- customer

def story_of(desk):
    """A buyer with a bit of everything."""
    buyer = desk.buyer()
    desk.deliver(buyer.created(status="trialing"), buyer.updated(at=60))
    licence = desk.add_licence(buyer.email)
    desk.sql("""INSERT INTO billing.emails (kind, license_id, to_email, subject,
                body_text, body_html, status, sent_at) VALUES ('license', %s,
                %s, 'Your licence', 't', 'h', 'sent', now())""",
             licence["id"], buyer.email)
    return buyer, licence


@suite.case("a customer is found by any of his names, with the whole story")
def found(desk):
    buyer, licence = story_of(desk)
    for word in (buyer.account, buyer.email, buyer.email.upper(),
                 buyer.customer, buyer.subscription, licence["license_key"],
                 licence["license_key"].lower(), "  %s " % buyer.email):
        page = desk.customer(word)
        same(page.wrong + page.open, [])
        for words in (buyer.account, buyer.customer, buyer.subscription,
                      licence["license_key"], "Your licence",
                      "customer.subscription.created", "yes, by "):
            true(words in page.text, "%r: no %r" % (word, words))


@suite.case("a licence or a subscription without an account has a story, too")
def no_account(desk):
    licence = desk.add_licence("nobody@example.net")
    page = desk.customer("nobody@example.net")
    true(licence["license_key"] in page.text, page.text)
    true("there is no account" in page.text, page.text)
    buyer = stripe.Buyer()
    desk.deliver(buyer.created(), answer="unmatched")
    page = desk.customer(buyer.subscription)
    true(buyer.customer in page.text and "unmatched" in page.text, page.text)


@suite.case("several accounts with one e-mail: a choice")
def choice(desk):
    accounts = [desk.account(email="Twins@example.org") for _ in range(2)]
    page = desk.customer("twins@example.org")
    true("2 customers match" in page.text, page.text)
    for account in accounts:
        same(page.count("a", href="/ops/customer?q="
                        + account["external_id"]), 1)


@suite.case("nobody is 404 and says so")
def nobody(desk):
    true("Nobody is known as" in desk.customer("x@example.org", 404).text,
         "no sentence")


@suite.each("a query that makes no sense is a page that says so: {query!r}", [
    "", "?q=", "?q=%20", "?q=%ff", "?q=" + "x" * 256, "?p=x", "?q=%00"])
def bad_query(desk, query):
    reply = desk.request("GET", "/ops/customer" + query,
                         headers=desk.headers())
    same(reply.status, 400)
    page = Page(reply.body.decode())
    same(page.wrong + page.open, [])
    true("Give an account" in page.text, page.text)


@suite.case("texts from outside are texts, wherever they stand")
def hostile(desk):
    account = desk.account(external_id="id" + HOSTILE,
                           email=HOSTILE + "@example.org")
    customer = stripe.new_id("cus")
    desk.sql("UPDATE billing.accounts SET stripe_customer_id = %s "
             "WHERE id = %s", customer, account["id"])
    desk.sql("""INSERT INTO billing.stripe_events (event_id, type, outcome,
                error, stripe_customer_id) VALUES (%s, %s, 'handler_error',
                %s, %s)""", "evt" + HOSTILE, "type" + HOSTILE,
             "error" + HOSTILE, customer)
    desk.sql("""INSERT INTO billing.subscriptions (stripe_subscription_id,
                account_id, plan, status) VALUES (%s, %s, %s, %s)""",
             "sub" + HOSTILE, account["id"], "plan" + HOSTILE,
             "active" + HOSTILE)
    desk.add_licence(account["email"], product_name="product" + HOSTILE)
    try:
        pages = [desk.look(), desk.customer(account["external_id"]),
                 desk.customer(account["email"]),
                 desk.look("/ops?replayed=" + "evt%3Cscript%3E")]
        for page in pages:
            same(page.count("script"), 0)
            same(page.wrong + page.open, [])
        shown = HOSTILE.replace("\x1b", "\ufffd")
        for words in ("id", "evt", "type", "error", "plan", "product"):
            true(words + shown in pages[1].text, words)
        true("type" + shown in pages[0].text, "overview")
    finally:
        desk.sql("DELETE FROM billing.stripe_events WHERE event_id LIKE %s",
                 "evt<%")


@suite.case("a long story ends with the newest five hundred")
def long_story(desk):
    buyer = desk.buyer()
    desk.sql("""INSERT INTO billing.stripe_events (event_id, type, outcome,
                created_at, processed_at, stripe_customer_id)
                SELECT 'evt_long' || i, 'invoice.paid', 'applied',
                now() - make_interval(hours => i), now(), %s
                FROM generate_series(1, 2000) i""", buyer.customer)
    page = desk.customer(buyer.email)
    desk.sql("DELETE FROM billing.stripe_events WHERE event_id LIKE "
             "'evt_long%'")
    true("The newest 500 entries" in page.text, page.text[:2000])
    true("evt_long400" in page.text and "evt_long1999" not in page.text,
         "the newest")


# --------------------------------------------------------------- decisions

def decide(desk, page, action, status=303, those=None, **fields):
    """Fill in the form of PAGE with that action, and send it."""
    form = {**page.fields("/ops/" + action, **(those or {})), **fields}
    form = {name: value for name, value in form.items() if value is not None}
    reply = desk.submit(form, path="/ops/" + action)
    same(reply.status, status, repr(reply))
    if status == 303:
        return desk.look(reply.headers["location"])
    return Page(reply.body.decode())


def held(desk, **options):
    """Somebody who pays and has no account."""
    buyer = stripe.Buyer(metadata={}, **options)
    desk.deliver(buyer.created(), buyer.checkout(at=1, reference=None),
                 answer="unmatched")
    return buyer


def access(desk, account):
    return desk.row("SELECT * FROM billing.access WHERE external_id = %s",
                    account)


@suite.case("a plan is granted, shown with who did it and why, and taken back")
def grant(desk):
    account = desk.account()["external_id"]
    page = desk.customer(account)
    same([a["value"] for name, a in page.elements if name == "option"],
         desk.column("SELECT plan FROM billing.plans WHERE NOT addon "
                     "ORDER BY place"))
    page = decide(desk, page, "grant", plan="team", days="30",
                  reason="the fair")
    same(page.wrong + page.open, [])
    has(access(desk, account), access=True, reason="grant", plan="team")
    row = desk.row("SELECT g.* FROM billing.grants g JOIN billing.accounts a "
                   "ON a.id = account_id WHERE external_id = %s", account)
    has(row, granted_by="ops", reason="the fair")
    same(round((row["until"] - row["created_at"]).total_seconds() / 86400),
         30)
    true("ops: the fair" in page.text, page.text)
    page = decide(desk, page, "revoke-grant")
    has(access(desk, account), access=False)
    has(desk.row("SELECT * FROM billing.grants WHERE id = %s", row["id"]),
        revoked_by="ops")
    same([to for to, _ in page.forms if to == "/ops/revoke-grant"], [])
    true("is taken back" in page.text, page.text)


@suite.case("without days a grant holds until it is taken back")
def grant_open(desk):
    account = desk.account()["external_id"]
    decide(desk, desk.customer(account), "grant", plan="pro", days="",
           reason="a friend")
    has(access(desk, account), access=True, reason="grant", until=None)


@suite.case("days of credit are given and taken back, with a line in the"
            " story")
def credit(desk):
    account = desk.account()["external_id"]
    page = decide(desk, desk.customer(account), "credit", days="9",
                  reason="the outage")
    has(access(desk, account), access=True, reason="credit")
    true("is given 9 days of credit" in page.text
         and "ops: the outage" in page.text, page.text)
    page = decide(desk, page, "credit", days="-9", reason="a mistake")
    has(access(desk, account), access=False)
    true("loses 9 days of credit" in page.text, page.text)
    decide(desk, page, "credit", 409, days="-1", reason="again")


@suite.case("who pays and has no account comes first, with the address and a"
            " form; linked, he is gone from there, and what was held applies")
def link_first(desk):
    email = stripe.new_id("payer") + "@example.com"
    desk.failure()
    buyer = held(desk, email=email)
    page = desk.look()
    text = re.sub(r"\s+", " ", page.text)
    true(0 < text.find("Paid and unmatched") < text.find("Failures", text.find(
        "Paid and unmatched")), text[:2000])
    for words in (email, buyer.subscription, buyer.customer):
        true(words in text, words)
    account = desk.account()["external_id"]
    story = decide(desk, page, "link", those={"customer": buyer.customer},
                   account=account)
    true("customer %s becomes its own" % buyer.customer in story.text
         and "by ops" in story.text, story.text)
    has(access(desk, account), access=True, reason="subscription")
    same(set(desk.column("SELECT outcome FROM billing.stripe_events WHERE "
                         "stripe_customer_id = %s", buyer.customer)),
         {"applied"})
    same([f for to, f in desk.look().forms if to == "/ops/link"
          and f["customer"] == buyer.customer], [])


@suite.each("not listed as paid and unmatched: {what}", [
    {"what": "what has ended", "change": "status = 'canceled'"},
    {"what": "another product", "change": "sold = false"},
    {"what": "what is not paid yet", "change": "status = 'incomplete'"}])
def not_first(desk, what, change):
    buyer = held(desk, email=None)
    true(buyer.subscription in desk.look().text, "not listed at all")
    desk.sql("UPDATE billing.subscriptions SET %s WHERE "
             "stripe_subscription_id = '%s'" % (change, buyer.subscription))
    true(buyer.subscription not in desk.look().text, "listed")


@suite.case("a link that takes a customer from somebody asks first")
def link_moves(desk):
    wrong, right = desk.buyer(), desk.account()["external_id"]
    desk.deliver(wrong.created())
    page = desk.customer(right)
    with desk.nothing_stored():
        asked = decide(desk, page, "link", 409, customer=wrong.customer)
    true("from account " + wrong.account in asked.text, asked.text)
    decide(desk, asked, "link")
    has(access(desk, right), access=True)
    has(access(desk, wrong.account), access=False, status=None)


@suite.case("unlinked, the customer's page offers the link")
def unlink(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created())
    page = decide(desk, desk.customer(buyer.account), "unlink", sure="yes")
    has(access(desk, buyer.account), access=False, status=None)
    true("is taken from it" in page.text, page.text)
    same([to for to, _ in page.forms if to == "/ops/unlink"], [])
    page = desk.customer(buyer.customer)
    true("is taken from" in page.text, page.text)
    decide(desk, page, "link", account=buyer.account)
    has(access(desk, buyer.account), access=True)


DECISIONS = {
    "grant": {"plan": "pro", "days": "3", "reason": "x"},
    "credit": {"days": "3", "reason": "x"},
    "link": {"customer": "cus_x"}, "unlink": {"customer": "cus_x"},
    "revoke-grant": {"grant": "1"}}


@suite.each("{action} without a token, with a wrong one or from elsewhere"
            " changes nothing", list(DECISIONS))
def decide_forged(desk, action):
    account = desk.account()["external_id"]
    token = desk.customer(account).fields("/ops/grant")["token"]
    fields = {"account": account, **DECISIONS[action]}
    before = desk.sql("SELECT * FROM billing.grants ORDER BY id")
    with desk.nothing_stored():
        for status, more, headers in (
                (400, {}, {}), (403, {"token": token[:-1]}, {}),
                (403, {"token": token}, {"Origin": "https://evil.example"})):
            same(desk.submit({**fields, **more}, headers,
                             "/ops/" + action).status, status)
    same(desk.sql("SELECT * FROM billing.grants ORDER BY id"), before)


@suite.each("{action} with {name}={value!r} is refused, {status}", [
    {"action": "grant", "name": "days", "value": "0", "status": 400},
    {"action": "grant", "name": "days", "value": "3 days", "status": 400},
    {"action": "grant", "name": "days", "value": "99999", "status": 400},
    {"action": "grant", "name": "reason", "value": "", "status": 400},
    {"action": "grant", "name": "plan", "value": "gold", "status": 409},
    {"action": "grant", "name": "account", "value": "nobody", "status": 409},
    {"action": "credit", "name": "days", "value": "0", "status": 409},
    {"action": "credit", "name": "days", "value": "", "status": 400},
    {"action": "credit", "name": "reason", "value": "", "status": 400},
    {"action": "link", "name": "account", "value": "nobody", "status": 409},
    {"action": "link", "name": "customer", "value": "", "status": 400},
    {"action": "unlink", "name": "customer", "value": "cus_no",
     "status": 409},
    {"action": "revoke-grant", "name": "grant", "value": "x", "status": 400},
    {"action": "revoke-grant", "name": "grant", "value": "999999999",
     "status": 409}])
def decide_wrong(desk, action, name, value, status):
    account = desk.account()["external_id"]
    token = desk.customer(account).fields("/ops/grant")["token"]
    fields = {"account": account, **DECISIONS[action], "token": token,
              name: value}
    with desk.nothing_stored():
        reply = desk.submit(fields, path="/ops/" + action)
    same(reply.status, status, repr(reply))
    page = Page(reply.body.decode())
    same(page.wrong + page.open, [])
    true("Nothing was changed" in page.text, page.text)


# ----------------------------------------------------------------- samples

@suite.case("the job that bootstrap starts notes the hour by itself")
def watched(desk):
    wait_until(lambda: desk.value("SELECT count(*) FROM billing.samples"), 10,
               "a sample")


@suite.case("ops sample notes the hour, and again in place of itself")
def sample(desk):
    environment = {"DATABASE_URL": desk.program_conninfo("ops"),
                   "STATS_DIR": os.path.join(desk.var, "stats")}
    for _ in range(2):
        result = desk.run("sample", program="ops", environment=environment)
        same(result.returncode, 0, result.stderr.decode())
    names = {r["name"]: r["value"] for r in desk.sql(
        "SELECT name, value FROM billing.samples")}
    true(names["requests"] > 0, repr(names))
    true(0 < names["latency.p50"] <= names["latency.p99"], repr(names))
    same(names["subscriptions.active"], desk.value(
        "SELECT count(*) FROM billing.subscriptions WHERE status = 'active'"))


@suite.case("an hour's time of requests leaves out what was before")
def hour(desk):
    desk.sql("UPDATE billing.samples SET at = at - interval '1 hour'")
    before = desk.value("SELECT value FROM billing.samples "
                        "WHERE name = 'requests.le.+Inf'")
    result = desk.run("sample", program="ops", environment={
        "DATABASE_URL": desk.program_conninfo("ops"),
        "STATS_DIR": os.path.join(desk.var, "stats")})
    same(result.returncode, 0, result.stderr.decode())
    true(before is not None, "no bucket")
    total = desk.value("""SELECT sum(value) FROM billing.samples
        WHERE name LIKE 'requests.le.%%' AND at = (SELECT max(at)
        FROM billing.samples)""".replace("%%", "%"))
    earlier = desk.value("""SELECT sum(value) FROM billing.samples
        WHERE name LIKE 'requests.le.%%' AND at = (SELECT min(at)
        FROM billing.samples)""".replace("%%", "%"))
    same(desk.value("SELECT value FROM billing.samples WHERE name = "
                    "'requests' ORDER BY at DESC LIMIT 1"), total - earlier)


@suite.each("ops {words}: wrong usage, 64", ["sample x", "sample --often"])
def usage(desk, words):
    same(desk.run(*words.split(), program="ops").returncode, 64)


# --------------------------------------------------------------- rights

@suite.case("its role writes nothing by itself, and reads what a replay reads")
def role(desk):
    readable = {}
    for r in desk.sql(
            """SELECT relname, attname FROM pg_attribute
               JOIN pg_class c ON c.oid = attrelid
               WHERE relnamespace = 'billing'::regnamespace AND attnum > 0
               AND NOT attisdropped AND relkind IN ('r', 'v')
               AND has_column_privilege('paydesk_ops', c.oid, attnum,
                                        'SELECT')"""):
        readable.setdefault(r["relname"], set()).add(r["attname"])
    same(readable.keys(), {"schema_version", "samples", "stripe_events",
                           "subscriptions"})
    same(readable["subscriptions"], {"stripe_subscription_id",
                                     "last_event_at"})
    written = desk.sql(
        """SELECT DISTINCT relname FROM pg_attribute
           JOIN pg_class c ON c.oid = attrelid
           WHERE relnamespace = 'billing'::regnamespace AND attnum > 0
           AND relkind = 'r' AND (has_column_privilege('paydesk_ops', c.oid,
           attnum, 'INSERT, UPDATE') OR has_table_privilege('paydesk_ops',
           c.oid, 'DELETE, TRUNCATE'))""")
    same([r["relname"] for r in written], ["webhook_failures"])


@suite.case("its role runs its functions and no others")
def functions(desk):
    same(sorted(desk.column(
        """SELECT DISTINCT proname FROM pg_proc
           WHERE pronamespace = 'billing'::regnamespace
           AND has_function_privilege('paydesk_ops', oid, 'EXECUTE')""")),
         ["account_credit", "account_grant", "events_held", "facts",
          "grant_revoke", "ops_csrf_key", "ops_deliveries", "ops_disputes",
          "ops_event",
          "ops_failures", "ops_find", "ops_grants", "ops_licences_of",
          "ops_licenses", "ops_person", "ops_plans", "ops_story",
          "ops_subscriptions", "ops_unknown_prices", "ops_unmatched",
          "payment_is_asked", "sample_add", "sample_books",
          "stripe_apply", "stripe_failed", "stripe_link", "stripe_reopen",
          "stripe_unlink"])


@suite.case("no program writes what it wants into the audit of bindings, nor"
            " takes anything out")
def bindings_stand(desk):
    same(desk.sql("""SELECT rolname FROM pg_roles WHERE rolname LIKE
                  'paydesk\\_%' AND (has_any_column_privilege(oid,
                  'billing.bindings', 'INSERT, UPDATE')
                  OR has_table_privilege(oid, 'billing.bindings',
                  'INSERT, UPDATE, DELETE, TRUNCATE'))"""), [])


@suite.case("without a database a page says so, 503")
def database_down(desk):
    desk.expect_log("PostgreSQL has ended", "level=warn", "starting up",
                    "shutting down", "terminating connection")
    desk.stop_postgres()
    reply = desk.request("GET", "/ops", headers=desk.headers())
    same(reply.status, 503)
    true("No database" in Page(reply.body.decode()).text, "no sentence")
    desk.start_postgres()
    wait_until(lambda: desk.request("GET", "/ops", headers=desk.headers())
               .status == 200, 20, "the page")


suite.main()
