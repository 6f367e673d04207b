#!/usr/bin/python3 -B
"""GET /account: the access policy, one round trip, ETag; referrals."""

import contextlib
import datetime
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.client import Client
from harness.customers import Customer, Shop, refused
from harness.desk import in_threads
from harness.stripe import DAY, MONTH, PRO_ANNUAL
from harness.tap import Suite, has, same, true

CATALOG = {**stripe.CATALOG,
           "plans": {**stripe.CATALOG["plans"],
                     "pro": {**stripe.CATALOG["plans"]["pro"],
                             "features": {"projects": 10, "api": True}},
                     "team": {**stripe.CATALOG["plans"]["team"],
                              "features": {"projects": 100}}},
           "free": {"features": {"projects": 1}}}
GRACE_DAYS = 5

suite = Suite(lambda: Shop(environment={"GRACE_DAYS": str(GRACE_DAYS)},
                            programs=["account", "stripe-webhook"],
                           catalog=CATALOG))


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def in_days(days):
    return now() + datetime.timedelta(days=days)


def read(text):
    return None if text is None else datetime.datetime.strptime(
        text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)


def near(text, moment, what):
    if moment is None or text is None:
        return same(text, moment, what)
    true(abs((read(text) - moment).total_seconds()) < 10,
         "%s: expected about %s, got %s" % (what, moment, text))


# --------------------------------------------------------------- the policy

# what the books hold -> access, reason, until in days (None: no end known)
POLICY = [
    ("nothing", None, {}, False, "none", None),
    ("active", {"current_period_end": 20}, {}, True, "subscription", 20),
    ("active, period unknown", {}, {}, True, "subscription", None),
    ("active, to be cancelled", {"current_period_end": 20,
     "cancel_at_period_end": True}, {}, True, "subscription", 20),
    ("active, to be cancelled in a later period, renewal is late", {
        "current_period_end": -1, "cancel_at_period_end": True,
        "cancel_at": 40}, {}, True, "grace", GRACE_DAYS - 1),
    ("active, cancelled at a moment that is over", {
        "current_period_end": -1, "cancel_at_period_end": True,
        "cancel_at": -1}, {}, False, "none", None),
    ("active, cancelled, over", {"current_period_end": -1,
     "cancel_at_period_end": True}, {}, False, "none", None),
    ("active, renewal late", {"current_period_end": -1}, {}, True, "grace",
     GRACE_DAYS - 1),
    ("active, renewal far too late", {
        "current_period_end": -GRACE_DAYS - 1}, {}, False, "none", None),
    ("trialing", {"status": "trialing", "trial_end": 3,
                  "current_period_end": 3}, {}, True, "trial", 3),
    ("trialing, to be cancelled, over", {
        "status": "trialing", "trial_end": -1, "current_period_end": -1,
        "cancel_at_period_end": True}, {}, False, "none", None),
    ("past due since 2 days", {"status": "past_due", "past_due_since": -2,
     "current_period_end": 20}, {}, True, "grace", GRACE_DAYS - 2),
    ("past due for too long", {
        "status": "past_due", "past_due_since": -GRACE_DAYS - 1,
        "current_period_end": 20}, {}, False, "none", None),
    ("past due, period over since 2 days", {
        "status": "past_due", "current_period_end": -2}, {}, True, "grace",
     GRACE_DAYS - 2),
    ("past due, period over for too long", {
        "status": "past_due", "current_period_end": -GRACE_DAYS - 1}, {},
     False, "none", None),
    ("past due, to be cancelled in 1 day", {
        "status": "past_due", "past_due_since": -2, "current_period_end": 1,
        "cancel_at_period_end": True}, {}, True, "grace", 1),
    ("unpaid", {"status": "unpaid", "current_period_end": 20}, {}, False,
     "none", None),
    ("paused", {"status": "paused", "current_period_end": 20}, {}, False,
     "none", None),
    ("incomplete", {"status": "incomplete", "current_period_end": 20}, {},
     False, "none", None),
    ("canceled", {"status": "canceled", "current_period_end": 20}, {}, False,
     "none", None),
    ("credit", None, {"credit_until": 30}, True, "credit", 30),
    ("credit that is over", None, {"credit_until": -1}, False, "none", None),
    ("canceled with credit", {"status": "canceled"}, {"credit_until": 30},
     True, "credit", 30),
    ("active with longer credit", {"current_period_end": 20},
     {"credit_until": 30}, True, "subscription", 30),
    ("active with shorter credit", {"current_period_end": 20},
     {"credit_until": 10}, True, "subscription", 20),
    ("a trial of the application's own", None, {"trial_end": 4}, True,
     "trial", 4),
    ("canceled within its trial", {"status": "canceled", "trial_end": 4},
     {"trial_end": 4}, False, "none", None),
]
TIMES = ("current_period_end", "cancel_at", "trial_end", "past_due_since",
         "credit_until")


def dated(columns):
    return {k: in_days(v) if k in TIMES else v for k, v in columns.items()}


@suite.each("policy: {story}", [
    dict(zip(("story", "subscription", "account", "access", "reason",
              "until"), row)) for row in POLICY])
def policy(desk, story, subscription, account, access, reason, until):
    customer = desk.customer(**dated(account))
    if subscription is not None:
        customer.subscribe(**dated(subscription))
    reply = customer.show()
    same(reply.status, 200)
    has(reply.json, access=access, reason=reason)
    near(reply.json["until"], until if until is None else in_days(until),
         "until")
    same(desk.row("SELECT access, reason FROM billing.access "
                  "WHERE external_id = %s", customer.id),
         {"access": access, "reason": reason}, "the view")


@suite.each("features: {story}", [
    {"story": "of the plan", "plan": "team", "status": "active",
     "features": {"projects": 100}},
    {"story": "of the default plan when the plan is unknown",
     "plan": "unknown", "status": "active",
     "features": {"projects": 10, "api": True}},
    {"story": "of everybody without access", "plan": "team",
     "status": "canceled", "features": {"projects": 1}}])
def features(desk, story, plan, status, features):
    customer = desk.customer()
    customer.subscribe(plan=plan, status=status)
    same(customer.show().json["features"], features)


@suite.case("features of the default plan on credit alone")
def credit_features(desk):
    same(desk.customer(credit_until=in_days(3)).show().json["features"],
         {"projects": 10, "api": True})


@suite.case("the whole answer of a subscriber")
def whole(desk):
    end = in_days(20).replace(microsecond=0)
    customer = desk.customer(credit_until=in_days(9.5))
    customer.subscribe(period="annual", seat_limit=7, current_period_end=end,
                       cancel_at_period_end=True)
    for referred, converted, credited in ((1, None, None),
                                          (2, -50, -50), (3, -2, -2)):
        desk.sql("INSERT INTO billing.referrals (code, referrer_account_id, "
                 "referred_account_id, converted_at, credited_at) "
                 "VALUES ('x', %s, %s, %s, %s)", customer.row()["id"],
                 desk.customer().row()["id"], converted and in_days(converted),
                 credited and in_days(credited))
    answer = customer.show().json
    near(answer.pop("credit_until"), in_days(9.5), "credit_until")
    same(answer.pop("version"), customer.row()["version"])
    same(answer, {
        "access": True, "until": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": "subscription", "tier": "paid", "plan": "pro",
        "period": "annual", "status": "active", "seat_limit": 7,
        "current_period_end": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "cancel_at_period_end": True, "cancel_at": None, "scheduled": None,
        "paused": None,
        "trial_days_remaining": 0,
        "credit_days_remaining": 10,
        "referral_code": customer.row()["referral_code"],
        "referrals": {"captured": 3, "converted": 2, "in_credit_window": 1},
        "features": {"projects": 10, "api": True}, "licenses": []})


@suite.case("the whole answer of somebody new")
def somebody_new(desk):
    answer = desk.stranger("new@example.com").show().json
    true(re.fullmatch("[0-9A-F]{10}", answer.pop("referral_code")), "code")
    same(answer, {
        "version": 1, "licenses": [],
        "access": False, "until": None, "reason": "none", "tier": "free",
        "plan": None, "period": None, "status": None, "seat_limit": None,
        "current_period_end": None, "cancel_at_period_end": False,
        "cancel_at": None, "scheduled": None, "paused": None,
        "trial_days_remaining": 0, "credit_until": None,
        "credit_days_remaining": 0,
        "referrals": {"captured": 0, "converted": 0, "in_credit_window": 0},
        "features": {"projects": 1}})


@suite.case("the licences of a verified address are in the answer")
def licences(desk):
    customer = desk.customer(email="Reader@Example.com")
    for email, key in (("reader@example.com", "DT1-A"),
                       ("other@example.com", "DT1-B")):
        desk.sql("INSERT INTO billing.licenses (license_key, blob, source,"
                 " source_order_id, email, tier) VALUES"
                 " (%s, 'x', 'gumroad', %s, %s, 'core')", key, key, email)
    same(customer.show().json["licenses"], [
        {"license_key": "DT1-A", "tier": "core", "status": "active"}])
    desk.sql("UPDATE billing.accounts SET email_verified = false"
             " WHERE id = %s", customer.row()["id"])
    same(customer.show().json["licenses"], [])


@suite.case("the version grows with each change of the answer, and with no"
            " other")
def version(desk):
    customer = desk.customer()
    at = [customer.row()["version"]]

    def grows(query, *args, by=1):
        desk.sql(query, *args)
        at.append(customer.row()["version"])
        same(at[-1] - at[-2], by, query)

    account = customer.row()["id"]
    grows("UPDATE billing.accounts SET tier = 'paid' WHERE id = %s", account)
    grows("UPDATE billing.accounts SET updated_at = now() WHERE id = %s",
          account, by=0)
    grows("INSERT INTO billing.grants (account_id, plan, until, reason)"
          " VALUES (%s, 'pro', now() + interval '1 second', 'test')", account)
    grows("UPDATE billing.ends_seen SET until = now()", by=0)
    grows("UPDATE billing.grants SET reason = 'other',"
          " until = now() - interval '1 hour' WHERE account_id = %s", account)
    grows("UPDATE billing.ends_seen SET until = now() - interval '2 hours'",
          by=0)
    grows("SELECT billing.ends_note()")
    grows("SELECT billing.ends_note()", by=0)


@suite.case("the reader's role reads what accounts may use, and nothing else")
def reader(desk):
    customer = desk.customer()
    customer.subscribe(plan="team", seat_limit=3)
    with contextlib.closing(desk.connect(user="paydesk_reader")) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM billing.entitlements"
                           " WHERE external_id = %s", [customer.id])
            has(dict(cursor.fetchone()), access=True, reason="subscription",
                plan="team", seats=3)
            cursor.execute("SELECT access FROM billing.access"
                           " WHERE external_id = %s", [customer.id])
            same(dict(cursor.fetchone()), {"access": True})
    same(desk.sql("SELECT c.relname FROM pg_class c JOIN pg_namespace n"
                  " ON n.oid = c.relnamespace WHERE n.nspname = 'billing'"
                  " AND c.relkind IN ('r', 'v') AND has_table_privilege("
                  "'paydesk_reader', c.oid, 'SELECT, INSERT, UPDATE, DELETE')"
                  " ORDER BY 1"),
         [{"relname": "access"}, {"relname": "entitlements"}])


@suite.case("of two subscriptions the one that gives most is shown")
def two_subscriptions(desk):
    customer = desk.customer()
    customer.subscribe(status="past_due", period="annual")
    customer.subscribe(current_period_end=in_days(3))
    customer.subscribe(plan="team", status="canceled")
    has(customer.show().json, plan="pro", reason="subscription",
        period="monthly")
    customer.subscribe(plan="team", status="past_due")
    has(customer.show().json, plan="team", reason="grace")


@suite.case("?feature=NAME is 204 when the account has it, else 403")
def feature(desk):
    customer = desk.customer()
    for name, access, status in (("projects", False, 204),
                                 ("nonsense", False, 403)):
        same(customer.request("GET", "/account?feature=" + name).status,
             status, name)
    refused = customer.request("GET", "/account?feature=%00")
    same((refused.status, refused.json["error"]), (400, "invalid_feature"))
    same(desk.stranger().request("GET", "/account?feature=projects").status,
         404)


@suite.case("GET /plans says what is sold, in the catalog's order, to anybody")
def plans(desk):
    reply = desk.request("GET", "/plans")
    same(reply.status, 200)
    same([plan["plan"] for plan in reply.json["plans"]], ["pro", "team"])
    same(reply.json["plans"][0]["periods"][1],
         {"period": "annual", "price": "price_pro_annual", "trial_days": 14})


@suite.case("a paused collection is shown, and access goes on")
def paused_collection(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created(pause_collection={
        "behavior": "void", "resumes_at": buyer.end}))
    customer = Customer(desk, buyer.account)
    has(customer.show().json, access=True, status="active", paused={
        "kind": "collection", "reason": "void", "resumes_at":
        datetime.datetime.fromtimestamp(buyer.end, datetime.timezone.utc)
        .strftime("%Y-%m-%dT%H:%M:%SZ")})
    desk.deliver(buyer.updated(pause_collection=None))
    has(customer.show().json, paused=None)


# --------------------------------------------------- with real events

@suite.case("a life as Stripe tells it: trial, failed payment, end")
def life(desk):
    buyer = desk.buyer(start=int(now().timestamp()) - DAY)
    customer = desk.stranger()
    customer.id = buyer.account
    trial_end = buyer.start + 14 * DAY
    desk.deliver(buyer.created(status="trialing", trial_end=trial_end,
                               end=trial_end, price=PRO_ANNUAL))
    has(customer.show().json, access=True, reason="trial", status="trialing",
        trial_days_remaining=13, plan="pro", period="annual")
    desk.deliver(buyer.updated(at=100, status="active"))
    has(customer.show().json, access=True, reason="subscription",
        trial_days_remaining=0)
    desk.deliver(buyer.invoice_failed(at=200))
    answer = customer.show().json
    has(answer, access=True, reason="grace", status="past_due", tier="paid")
    near(answer["until"], datetime.datetime.fromtimestamp(
        buyer.start + 200 + GRACE_DAYS * DAY, datetime.timezone.utc), "until")
    desk.deliver(buyer.updated(at=300, status="past_due", quantity=2))
    same(customer.show().json["until"], answer["until"],
         "grace does not begin again")
    desk.deliver(buyer.invoice_paid(at=400))
    has(customer.show().json, access=True, reason="subscription")
    desk.deliver(buyer.deleted(at=500))
    has(customer.show().json, access=False, reason="none", tier="free",
        status="canceled", features={"projects": 1})


# -------------------------------------------------------------- replies

@suite.case("one round trip to PostgreSQL, also when the account is new")
def round_trips(desk):
    desk.customer().show()
    desk.stranger("new@example.com").show()
    lines = [line for line in desk.log("account").splitlines()
             if "path=/account " in line and "status=200" in line]
    true(lines, "no line")
    for line in lines:
        true(line.endswith(" db=1"), line)


@suite.case("ETag: 304 while nothing changes, 200 afterwards")
def etag(desk):
    customer = desk.customer()
    tag = customer.show().headers["etag"]
    for known in (tag, "W/" + tag, '"x", ' + tag, "*"):
        reply = customer.show({"If-None-Match": known})
        same((reply.status, reply.body), (304, b""), known)
        same(reply.headers["etag"], tag)
        same(reply.headers["cache-control"], "no-store")
    same(customer.show({"If-None-Match": '"x"'}).status, 200)
    customer.subscribe()
    reply = customer.show({"If-None-Match": tag})
    same(reply.status, 200)
    true(reply.headers["etag"] != tag, "the same ETag")


@suite.case("404 user_not_found; an administrator's account is not made")
def user_not_found(desk):
    refused(desk.stranger().show(), 404, "user_not_found")
    admin = desk.stranger("root@example.com", role="admin")
    refused(admin.show(), 404, "user_not_found")
    same(admin.row(), None)


@suite.case("race of two first requests: one account, both are answered")
def race(desk):
    for _ in range(10):
        stranger = desk.stranger("race@example.com")
        answers = {}

        def ask(i):
            answers[i] = stranger.request(
                "GET", "/account", client=Client(desk.port))

        in_threads(4, ask)
        same({r.status for r in answers.values()}, {200})
        same(len({r.body for r in answers.values()}), 1, "answers")
        same(desk.value("SELECT count(*) FROM billing.accounts "
                        "WHERE external_id = %s", stranger.id), 1)


@suite.case("an account made on the spot adopts what was bought before")
def adopts(desk):
    buyer = stripe.Buyer(stripe.new_id("user"))
    desk.deliver(buyer.created(), answer="unmatched")
    stranger = desk.stranger("late@example.com")
    stranger.id = buyer.account
    has(stranger.show().json, access=True, plan="pro", tier="paid")


@suite.each("405 on {path}", [
    {"path": "/account", "method": "POST", "allow": "GET"},
    {"path": "/account/referral", "method": "GET", "allow": "POST"}])
def methods(desk, path, method, allow):
    reply = desk.customer().request(method, path)
    refused(reply, 405, "method_not_allowed")
    same(reply.headers["allow"], allow)


# ------------------------------------------------------------- referrals

@suite.case("a code is captured once, before the first payment")
def referral(desk):
    referrer, customer = desk.customer(), desk.customer()
    code = referrer.row()["referral_code"]
    reply = customer.refer(code)
    same((reply.status, reply.json), (200, {"captured": True}))
    has(referrer.show().json["referrals"], captured=1, converted=0)
    refused(customer.refer(code), 409, "already_captured")
    other = desk.customer().row()["referral_code"]
    refused(customer.refer(other), 409, "already_captured")


@suite.case("somebody new may begin with a referral")
def new_with_referral(desk):
    code = desk.customer().row()["referral_code"]
    stranger = desk.stranger("friend@example.com")
    same(stranger.refer(code).status, 200)
    same(desk.value("SELECT code FROM billing.referrals WHERE "
                    "referred_account_id = %s", stranger.row()["id"]), code)


@suite.case("refused codes: unknown, one's own, after a payment")
def refused_codes(desk):
    customer = desk.customer()
    refused(customer.refer("NOSUCHCODE"), 404, "unknown_code")
    refused(customer.refer(customer.row()["referral_code"]), 400, "own_code")
    code = desk.customer().row()["referral_code"]
    customer.subscribe()
    refused(customer.refer(code), 409, "already_paid")
    refused(desk.stranger().refer(code), 404, "user_not_found")
    same(desk.value("SELECT count(*) FROM billing.referrals WHERE "
                    "referred_account_id = %s", customer.row()["id"]), 0)


@suite.each("400 invalid_code: {code}", [None, "", 5, "x" * 65, "a\0b"])
def invalid_code(desk, code):
    refused(desk.customer().refer(code), 400, "invalid_code")


@suite.case("a captured referral gives both sides credit on the first payment")
def converts(desk):
    referrer = desk.customer()
    buyer = desk.buyer()
    customer = desk.stranger()
    customer.id = buyer.account
    same(customer.refer(referrer.row()["referral_code"]).status, 200)
    desk.deliver(buyer.created(status="active"), buyer.invoice_paid())
    answer = referrer.show().json
    has(answer, access=True, reason="credit", credit_days_remaining=45)
    has(answer["referrals"], captured=1, converted=1, in_credit_window=1)
    same(customer.show().json["credit_days_remaining"], 45)


# -------------------------------------------------------------- commands

@suite.case("account show prints the same answer")
def show(desk):
    customer = desk.customer()
    customer.subscribe(seat_limit=3)
    result = desk.run("show", customer.id, program="account", environment={
        "DATABASE_URL": desk.program_conninfo("account")})
    same(result.returncode, 0, result.stderr)
    same(json.loads(result.stdout), customer.show().json)


@suite.case("account show says who is unknown, exit status 1")
def show_unknown(desk):
    result = desk.run("show", "nobody", program="account", environment={
        "DATABASE_URL": desk.program_conninfo("account")})
    same((result.returncode, result.stderr),
         (1, b"account: there is no account 'nobody'\n"))


@suite.case("account token makes a token that the desk accepts")
def token(desk):
    result = desk.run("token", "--email", "t@example.com", "--days", "1",
                      "tok-1", program="account")
    same(result.returncode, 0, result.stderr)
    reply = desk.request("GET", "/account", headers={
        "Authorization": "Bearer " + result.stdout.decode().strip()})
    same(reply.status, 200)


@suite.each("account token {arguments}: wrong usage", [
    "", "--days 0 x", "--days x x", "--email", "--email a@b", "a b", "--x y z"])
def token_usage(desk, arguments):
    result = desk.run("token", *arguments.split(), program="account")
    same(result.returncode, 64, result.stderr)


suite.main()
