#!/usr/bin/python3 -B
"""POST /checkout: every reply of the table, and what Stripe is asked."""

import json
import os
import re
import socket
import subprocess
import sys
from urllib.parse import parse_qsl

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.client import Client
from harness.customers import CHECKOUT, SITE, Shop, no_such_customer, \
    refused
from harness.desk import API_KEY, in_threads
from harness.stripe import PRO_ANNUAL, PRO_MONTHLY, TEAM_MONTHLY
from harness.tap import Suite, has, same, true

API_VERSION = "2026-10-28.endive"

suite = Suite(lambda: Shop(programs=["checkout", "fake-stripe"]))


def form(request):
    pairs = parse_qsl(request["body"], keep_blank_values=True,
                      strict_parsing=True)
    same(len(dict(pairs)), len(pairs), "a key stands once")
    return dict(pairs)


def headers(request):
    return {k.lower(): v for k, v in request["headers"].items()}


def sent(desk, reply):
    """The request that made this session."""
    same(reply.status, 200, repr(reply.body))
    id = reply.json["id"]
    key = desk.value("SELECT stripe_key FROM billing.checkout_sessions "
                     "WHERE stripe_session_id = %s", id)
    found = [r for r in desk.asked(CHECKOUT)
             if headers(r)["idempotency-key"] == key]
    true(found, "Stripe was not asked for " + id)
    return found[-1]


# -------------------------------------------------------- what Stripe is told

@suite.case("the whole form of a first purchase, field by field")
def whole_form(desk):
    customer = desk.customer(email="ada@example.com")
    request = sent(desk, customer.checkout(cadence="annual", quantity=3))
    same(form(request), {
        "mode": "subscription",
        "line_items[0][price]": PRO_ANNUAL,
        "line_items[0][quantity]": "3",
        "customer_email": "ada@example.com",
        "client_reference_id": customer.id,
        "metadata[account]": customer.id,
        "metadata[plan]": "pro",
        "metadata[period]": "annual",
        "subscription_data[metadata][account]": customer.id,
        "subscription_data[metadata][plan]": "pro",
        "subscription_data[metadata][period]": "annual",
        "subscription_data[trial_period_days]": "14",
        "allow_promotion_codes": "true",
        "success_url": SITE + "/settings?upgraded=1",
        "cancel_url": SITE + "/pricing",
    })


@suite.case("the headers: key, pinned version, form, an idempotency key")
def request_headers(desk):
    request = sent(desk, desk.customer().checkout())
    has(headers(request), **{
        "authorization": "Bearer " + API_KEY, "stripe-version": API_VERSION,
        "content-type": "application/x-www-form-urlencoded"})
    true(re.fullmatch(r"paydesk/\d+\.\d+\.\d+",
                      headers(request)["user-agent"]), "the user agent")
    true(8 < len(headers(request)["idempotency-key"]) <= 255, "the key")


@suite.case("the form's bytes are as Stripe reads them")
def form_bytes(desk):
    customer = desk.customer(email="a b+ü&=@example.com")
    body = sent(desk, customer.checkout())["body"]
    true("customer_email=a%20b%2B%C3%BC%26%3D%40example.com" in body, body)
    true("line_items[0][price]=" + PRO_MONTHLY in body, body)


@suite.case("a known customer is used instead of the e-mail")
def known_customer(desk):
    id = stripe.new_id("cus")
    fields = form(sent(desk, desk.customer(
        stripe_customer_id=id).checkout()))
    has(fields, customer=id)
    true("customer_email" not in fields, "customer_email")


@suite.case("the caller's e-mail is newer than the account's")
def callers_email(desk):
    customer = desk.customer(email="old@example.com")
    customer.email = "new@example.com"
    has(form(sent(desk, customer.checkout())),
        customer_email="new@example.com")


@suite.each("{cadence} of {plan} is the price {price}", [
    {"plan": None, "cadence": "monthly", "price": PRO_MONTHLY},
    {"plan": "pro", "cadence": "annual", "price": PRO_ANNUAL},
    {"plan": "team", "cadence": "monthly", "price": TEAM_MONTHLY}])
def prices(desk, plan, cadence, price):
    body = {"cadence": cadence, **({"plan": plan} if plan else {})}
    fields = form(sent(desk, desk.customer().checkout(**body)))
    has(fields, **{"line_items[0][price]": price,
                   "metadata[plan]": plan or "pro",
                   "metadata[period]": cadence})


@suite.each("a trial is given once: {story}", [
    {"story": "never had one", "columns": None, "trial": True},
    {"story": "is in one", "columns": {"trial_end": "2026-01-01",
     "status": "canceled"}, "trial": False},
    {"story": "had a subscription without", "columns": {
        "status": "canceled"}, "trial": True}])
def trial_once(desk, story, columns, trial):
    customer = desk.customer()
    if columns:
        customer.subscribe(**columns)
    fields = form(sent(desk, customer.checkout(cadence="annual")))
    same("subscription_data[trial_period_days]" in fields, trial)


@suite.case("locale and return URLs of the caller's choice")
def choices(desk):
    fields = form(sent(desk, desk.customer().checkout(
        locale="pt-BR", success_url=SITE + "/done?session={CHECKOUT_SESSION_ID}",
        cancel_url=SITE)))
    has(fields, locale="pt-BR", cancel_url=SITE,
        success_url=SITE + "/done?session={CHECKOUT_SESSION_ID}")


@suite.each("locale {locale} is {word} at Checkout", [
    {"locale": "en-US", "word": "en"}, {"locale": "de-AT", "word": "de"},
    {"locale": "zh-CN", "word": "zh"}, {"locale": "no", "word": "nb"},
    {"locale": "hi-IN", "word": "hi-IN"}, {"locale": "en-AU", "word": "en"},
    {"locale": "uk-UA", "word": None}])
def locales(desk, locale, word):
    fields = form(sent(desk, desk.customer().checkout(locale=locale)))
    same(fields.get("locale"), word)


# ------------------------------------------------------------------ refusals

@suite.each("400 invalid_cadence: {cadence}", [
    None, "", "weekly", "Monthly", 1, True, ["monthly"]])
def invalid_cadence(desk, cadence):
    refused(desk.customer().checkout(cadence=cadence), 400,
            "invalid_cadence")


@suite.each("400 unknown_plan: {plan}", ["gold", "", "features", 1, []])
def unknown_plan(desk, plan):
    refused(desk.customer().checkout(plan=plan), 400, "unknown_plan")


@suite.each("400 invalid_quantity: {quantity}", [
    0, -1, 1001, 1.5, "2", 10 ** 30, True, []])
def invalid_quantity(desk, quantity):
    refused(desk.customer().checkout(quantity=quantity), 400,
            "invalid_quantity")


@suite.each("400 invalid_return_url: {url}", [
    "https://evil.example/", SITE + ".evil.example/", SITE + "@evil.example",
    SITE + ":81/", "javascript:alert(1)", "//evil.example", "/settings", "",
    "http://app.example.com/", SITE + "/a b", SITE + "\\@evil.example", 7])
def invalid_return_url(desk, url):
    for name in ("success_url", "cancel_url"):
        refused(desk.customer().checkout(**{name: url}), 400,
                "invalid_return_url")


@suite.each("400 invalid_locale: {locale}", ["", "x", "de_DE", "de-", 5,
                                             "de&a=b"])
def invalid_locale(desk, locale):
    refused(desk.customer().checkout(locale=locale), 400, "invalid_locale")


@suite.each("400 invalid_json: {body}", [
    b"cadence=monthly", b"[]", b"null", b'"monthly"', b'{"cadence":',
    b'{"cadence":"monthly"} x', b'\xff', b'{"a":' * 100])
def invalid_json(desk, body):
    refused(desk.customer().request("POST", "/checkout", body), 400,
            "invalid_json")


@suite.each("400 invalid_idempotency_key: {key}", ["", "a b", "x" * 256])
def invalid_key(desk, key):
    refused(desk.customer().checkout({"Idempotency-Key": key}), 400,
            "invalid_idempotency_key")


@suite.each("400 admin_cannot_purchase, {how}", [
    {"how": "without an e-mail", "email": None},
    {"how": "with one", "email": "root@example.com"}])
def admin(desk, how, email):
    stranger = desk.stranger(email, role="admin")
    refused(stranger.checkout(), 400, "admin_cannot_purchase")
    same(stranger.row(), None, "the account")


@suite.case("an administrator who has an account buys like anybody")
def admin_with_account(desk):
    customer = desk.customer()
    customer.role = "admin"
    same(customer.checkout().status, 200)


@suite.case("401 unauthorized without a token")
def unauthorized(desk):
    reply = refused(desk.customer().checkout({"Authorization": None}), 401,
                    "unauthorized")
    same(reply.headers["www-authenticate"], "Bearer")


@suite.case("404 user_not_found")
def user_not_found(desk):
    stranger = desk.stranger()
    refused(stranger.checkout(), 404, "user_not_found")
    same(stranger.row(), None)


@suite.each("409 already_subscribed: {status}", [
    "trialing", "active", "past_due", "unpaid", "paused"])
def already_subscribed(desk, status):
    customer = desk.customer()
    customer.subscribe(status=status)
    before = len(desk.asked(CHECKOUT))
    refused(customer.checkout(), 409, "already_subscribed")
    same(len(desk.asked(CHECKOUT)), before, "requests to Stripe")


@suite.case("409 already_subscribed: a bank transfer is on its way")
def money_on_its_way(desk):
    customer = desk.customer()
    customer.subscribe(status="incomplete", checkout_unpaid=True)
    refused(customer.checkout(), 409, "already_subscribed")


@suite.each("a subscription that is {status} is no hindrance", [
    "canceled", "incomplete_expired", "incomplete"])
def no_hindrance(desk, status):
    customer = desk.customer()
    customer.subscribe(status=status)
    same(customer.checkout().status, 200)


@suite.each("415: the content type is {type}", [
    None, "", "text/plain", "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x", "application/jsonx"])
def media_type(desk, type):
    refused(desk.customer().checkout({"Content-Type": type}), 415,
            "unsupported_media_type")


@suite.each("the content type may be {type}", [
    "application/json; charset=utf-8", "Application/JSON"])
def media_types(desk, type):
    same(desk.customer().checkout({"Content-Type": type}).status, 200)


@suite.case("413: over 16 KiB")
def too_large(desk):
    desk.expect_log("client intended to send too large body")
    same(desk.customer().checkout(referral_code="x" * 17000).status, 413)


@suite.each("405: {method}", ["GET", "PUT", "DELETE", "OPTIONS"])
def method(desk, method):
    reply = desk.customer().request(method, "/checkout")
    refused(reply, 405, "method_not_allowed")
    same(reply.headers["allow"], "POST")


@suite.case("503 not_configured: not sold in that period")
def not_sold(desk):
    refused(desk.customer().checkout(plan="team", cadence="annual"), 503,
            "not_configured")


@suite.case("503 unavailable when a table cannot be written")
def unavailable(desk):
    customer = desk.customer()
    with desk.failing("53100", "checkout_sessions"):
        reply = customer.checkout()
        refused(reply, 503, "unavailable")
        true("retry-after" in reply.headers, "Retry-After")


@suite.case("replies are not to be stored")
def no_store(desk):
    for reply in (desk.customer().checkout(), desk.stranger().checkout()):
        same(reply.headers["cache-control"], "no-store")
        same(reply.headers["x-content-type-options"], "nosniff")


# ------------------------------------------------------------- account, code

@suite.case("an account is made on the spot when the e-mail is known")
def on_the_spot(desk):
    stranger = desk.stranger("new@example.com")
    fields = form(sent(desk, stranger.checkout()))
    has(fields, client_reference_id=stranger.id,
        customer_email="new@example.com")
    has(stranger.row(), email="new@example.com", tier="free")


@suite.case("a referral code is captured; what became of it is in the reply")
def referral(desk):
    code = desk.customer().row()["referral_code"]
    customer = desk.customer()
    same(customer.checkout(referral_code=code.lower()).json["referral"],
         "captured")
    has(desk.row("SELECT code, converted_at FROM billing.referrals "
                 "WHERE referred_account_id = %s", customer.row()["id"]),
        code=code, converted_at=None)
    true("referral" not in customer.checkout().json, "referral")


@suite.each("a referral code that does not count stops no purchase: {code}",
            ["NOSUCHCODE", "own"])
def useless_referral(desk, code):
    customer = desk.customer()
    outcome = "unknown_code"
    if code == "own":
        code, outcome = customer.row()["referral_code"], "own_code"
    reply = customer.checkout(referral_code=code)
    same((reply.status, reply.json["referral"]), (200, outcome))


# -------------------------------------------------------- one click, one session

@suite.case("double-click: two clicks at once are one session")
def double_click(desk):
    customer = desk.customer()
    desk.stripe.next("POST " + CHECKOUT, {"delay_ms": 300})
    ids = {}

    def click(i):
        ids[i] = customer.checkout(client=Client(desk.port)).json["id"]

    in_threads(2, click)
    same(len(set(ids.values())), 1, "sessions")


@suite.case("many clicks at once are one session")
def many_clicks(desk):
    customer = desk.customer()
    ids = {}

    def click(i):
        ids[i] = customer.checkout(client=Client(desk.port)).json["id"]

    in_threads(8, click)
    same(len(set(ids.values())), 1, "sessions")


@suite.case("two first clicks of somebody new: one account, one session")
def two_first_clicks(desk):
    stranger = desk.stranger("new@example.com")
    ids = {}

    def click(i):
        ids[i] = stranger.checkout(client=Client(desk.port)).json["id"]

    in_threads(4, click)
    same(len(set(ids.values())), 1, "sessions")
    same(desk.value("SELECT count(*) FROM billing.accounts WHERE "
                    "external_id = %s", stranger.id), 1)


@suite.case("an equal order gets the open session, and Stripe is not asked")
def reused(desk):
    customer = desk.customer()
    first = customer.checkout()
    before = len(desk.stripe.requests())
    same(customer.checkout().json, first.json)
    same(len(desk.stripe.requests()), before)


@suite.each("another order gets another session: {change}", [
    {"change": "cadence", "body": {"cadence": "annual"}},
    {"change": "quantity", "body": {"quantity": 2}},
    {"change": "plan", "body": {"plan": "team"}},
    {"change": "locale", "body": {"locale": "de"}},
    {"change": "success_url", "body": {"success_url": SITE + "/x"}}])
def other_order(desk, change, body):
    customer = desk.customer()
    true(customer.checkout().json["id"] != customer.checkout(
        **body).json["id"], "the same session")


@suite.case("two customers have two sessions")
def two_customers(desk):
    true(desk.customer().checkout().json["id"]
         != desk.customer().checkout().json["id"], "the same session")


def age(desk, session_id, minutes):
    desk.sql("UPDATE billing.checkout_sessions SET created_at = now() "
             "- make_interval(mins => %s) WHERE stripe_session_id = %s",
             minutes, session_id)


@suite.case("a session that is a while old is looked up and used again")
def looked_up(desk):
    customer = desk.customer()
    id = customer.checkout().json["id"]
    age(desk, id, 10)
    same(customer.checkout().json["id"], id)
    same(len(desk.asked(CHECKOUT + "/" + id, "GET")), 1)


@suite.case("an open session that has expired is replaced")
def expired(desk):
    customer = desk.customer()
    id = customer.checkout().json["id"]
    desk.sql("UPDATE billing.checkout_sessions SET expires_at = now() "
             "WHERE stripe_session_id = %s", id)
    true(customer.checkout().json["id"] != id, "the same session")
    same(desk.asked(CHECKOUT + "/" + id, "GET"), [])


@suite.each("a session that is over at Stripe is replaced: {answer}", [
    {"answer": "expired", "status": "expired"},
    {"answer": "unknown", "status": None}])
def over(desk, answer, status):
    customer = desk.customer()
    id = customer.checkout().json["id"]
    age(desk, id, 10)
    desk.stripe.put({"id": id, "object": "checkout.session" if status
                     else "gone", "status": status})
    if not status:
        desk.expect_log("level=warn")
    true(customer.checkout().json["id"] != id, "the same session")


@suite.case("a session that is paid, its news on the way, is no second one")
def paid_meanwhile(desk):
    customer = desk.customer()
    id = customer.checkout().json["id"]
    age(desk, id, 10)
    desk.stripe.put({"id": id, "object": "checkout.session",
                     "status": "complete"})
    before = len(desk.asked(CHECKOUT))
    refused(customer.checkout(), 409, "already_subscribed")
    same(len(desk.asked(CHECKOUT)), before)


@suite.case("after a subscription has ended one can buy again")
def buy_again(desk):
    customer = desk.customer()
    id = customer.checkout().json["id"]
    customer.subscribe(status="canceled")
    true(customer.checkout().json["id"] != id, "the same session")


@suite.case("Idempotency-Key: the same key is the same session")
def same_key(desk):
    customer = desk.customer()
    key = {"Idempotency-Key": "order-1"}
    first = customer.checkout(key).json
    same(customer.checkout(key).json, first)
    true(customer.checkout({"Idempotency-Key": "order-2"}).json["id"]
         != first["id"], "another key, the same session")


@suite.case("Idempotency-Key: two accounts do not share one")
def keys_of_two(desk):
    key = {"Idempotency-Key": "order-1"}
    first, second = desk.customer(), desk.customer()
    ids = [who.checkout(key).json["id"] for who in (first, second)]
    true(ids[0] != ids[1], "the same session")
    same([who.checkout(key).json["id"] for who in (first, second)], ids,
         "each account's own, once more")


@suite.case("Idempotency-Key: another order with the same key is refused")
def key_reused(desk):
    customer = desk.customer()
    key = {"Idempotency-Key": "order-1"}
    same(customer.checkout(key).status, 200)
    refused(customer.checkout(key, quantity=2), 409,
            "idempotency_key_reused")


# ------------------------------------------------------- two open sessions

def expired_at_stripe(desk, id):
    return len(desk.asked("%s/%s/expire" % (CHECKOUT, id)))


@suite.case("two-open-sessions: the older one is ended before the newer opens")
def rivals(desk):
    customer = desk.customer()
    first = customer.checkout().json["id"]
    second = customer.checkout(plan="team").json["id"]
    same(expired_at_stripe(desk, first), 1)
    paths = [r["path"] for r in desk.stripe.requests()
             if r["method"] == "POST"][-2:]
    same(paths, ["%s/%s/expire" % (CHECKOUT, first), CHECKOUT])
    third = customer.checkout().json["id"]
    true(third != first, "the ended session")
    same([expired_at_stripe(desk, id) for id in (first, second, third)],
         [1, 1, 0])


@suite.case("two-open-sessions: those of other accounts stay")
def no_rivals(desk):
    id = desk.customer().checkout().json["id"]
    same(desk.customer().checkout(plan="team").status, 200)
    same(expired_at_stripe(desk, id), 0)


@suite.case("two-open-sessions: with two Idempotency-Keys, too")
def rival_keys(desk):
    customer = desk.customer()
    id = customer.checkout({"Idempotency-Key": "order-1"}).json["id"]
    same(customer.checkout({"Idempotency-Key": "order-2"}).status, 200)
    same(expired_at_stripe(desk, id), 1)


@suite.each("two-open-sessions: one that is {status} is no hindrance", [
    {"status": "expired", "kind": "checkout.session"},
    {"status": "unknown", "kind": "gone"}])
def rival_is_over(desk, status, kind):
    customer = desk.customer()
    id = customer.checkout().json["id"]
    desk.stripe.put({"id": id, "object": kind, "status": status,
                     "mode": "subscription"})
    same(customer.checkout(plan="team").status, 200)


@suite.case("two-open-sessions: one that is paid, its news on the way, leaves"
            " nothing to buy")
def rival_is_paid(desk):
    customer = desk.customer()
    id = customer.checkout().json["id"]
    desk.stripe.put({"id": id, "object": "checkout.session",
                     "status": "complete", "mode": "subscription"})
    before = len(desk.asked(CHECKOUT))
    refused(customer.checkout(plan="team"), 409, "already_subscribed")
    same(len(desk.asked(CHECKOUT)), before, "sessions asked for")


@suite.case("two-open-sessions: while Stripe cannot end the older, no newer"
            " opens")
def rival_stays(desk):
    customer = desk.customer()
    id = customer.checkout().json["id"]
    desk.expect_log("level=warn")
    desk.stripe.next("POST %s/%s/expire" % (CHECKOUT, id),
                     {"status": 403})
    before = len(desk.asked(CHECKOUT))
    refused(customer.checkout(plan="team"), 502, "stripe_error")
    same(len(desk.asked(CHECKOUT)), before, "sessions asked for")
    same(customer.checkout(plan="team").status, 200, "the next click")


@suite.case("two-open-sessions: of different orders at the same moment one"
            " stays open")
def simultaneous_rivals(desk):
    customer = desk.customer()
    desk.stripe.next("POST " + CHECKOUT, {"delay_ms": 300, "times": 2})
    replies = {}

    def click(i):
        replies[i] = customer.checkout(client=Client(desk.port),
                                       plan=("pro", "team")[i])

    in_threads(2, click)
    ids = [reply.json["id"] for reply in replies.values()]
    same(sorted(expired_at_stripe(desk, id) for id in ids), [0, 1])


# ------------------------------------------------------ a customer that is gone

def gone_at(customer):
    return customer.row()["customer_gone_at"]


@suite.case("customer-gone: the session is for the e-mail, the account is"
            " marked, its customer stays")
def customer_gone(desk):
    desk.expect_log("level=warn")
    id = stripe.new_id("cus")
    customer = desk.customer(stripe_customer_id=id, email="ada@example.com")
    desk.stripe.next("POST " + CHECKOUT, no_such_customer(id))
    fields = form(sent(desk, customer.checkout()))
    has(fields, customer_email="ada@example.com")
    true("customer" not in fields, "customer")
    true(gone_at(customer) is not None, "no mark")
    same(customer.row()["stripe_customer_id"], id)
    true("customer" not in form(sent(desk, customer.checkout(plan="team"))),
         "the next one")


@suite.case("wrong-key: 50 customers that the other mode has are 502, and none"
            " is marked")
def wrong_mode(desk):
    desk.expect_log("level=warn")
    for _ in range(50):
        id = stripe.new_id("cus")
        customer = desk.customer(stripe_customer_id=id)
        desk.stripe.next("POST " + CHECKOUT, no_such_customer(id, True))
        refused(customer.checkout(), 502, "stripe_error")
        same(gone_at(customer), None)
    true("wrong key?" in desk.log("checkout"), "nobody is told")


@suite.case("wrong-key: more than 20 in an hour are 502, and not marked")
def too_many(desk):
    desk.expect_log("level=warn")
    desk.sql("UPDATE billing.accounts SET customer_gone_at = NULL")
    for i in range(22):
        id = stripe.new_id("cus")
        customer = desk.customer(stripe_customer_id=id)
        desk.stripe.next("POST " + CHECKOUT, no_such_customer(id))
        reply = customer.checkout()
        same((reply.status, gone_at(customer) is not None),
             (200, True) if i < 20 else (502, False), "customer %d" % i)
    desk.sql("UPDATE billing.accounts SET customer_gone_at = customer_gone_at"
             " - interval '61 minutes'")
    desk.stripe.next("POST " + CHECKOUT, no_such_customer(id))
    same(customer.checkout().status, 200, "an hour later")


@suite.each("a refusal about {param} marks no customer", ["price", None])
def other_refusal(desk, param):
    desk.expect_log("level=warn")
    customer = desk.customer(stripe_customer_id=stripe.new_id("cus"))
    desk.stripe.next("POST " + CHECKOUT, {"status": 400, "body": json.dumps({
        "error": {"code": "resource_missing", "param": param,
                  "message": "No such thing"}})})
    refused(customer.checkout(), 502, "stripe_error")
    same(gone_at(customer), None)


@suite.each("{program} does not start with a {key} key and STRIPE_LIVEMODE"
            " {mode}", [
    {"program": program, "key": key, "mode": mode}
    for program in ("checkout", "portal")
    for key, mode in (("live", "false"), ("test", "true"))])
def other_mode(desk, program, key, mode):
    environment = desk.command_environment({
        "DATABASE_URL": desk.program_conninfo(program),
        "STRIPE_API_KEY": "rk_%s_x" % key, "STRIPE_LIVEMODE": mode})
    says = "STRIPE_API_KEY is a key of %s mode, and STRIPE_LIVEMODE is %s" % (
        key, mode)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        for arguments in ([], ["check", "--offline"]):
            done = subprocess.run(
                [desk.program(program), *arguments], env=environment,
                stdin=listening, capture_output=True, text=True, timeout=30)
            same(done.returncode, 78, done.stdout + done.stderr)
            true(says in done.stderr, done.stderr)


suite.main()
