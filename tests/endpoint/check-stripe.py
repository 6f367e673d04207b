#!/usr/bin/python3 -B
"""`check` of the programs that talk to Stripe: key, rights, clock, prices and
the webhook endpoint, each as it should be and as it should not."""

import email.utils
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir, "fake"))

import shop
from harness import stripe
from harness.desk import API_KEY, Desk
from harness.tap import Suite, same, true

PROGRAMS = ["stripe-webhook", "checkout", "portal"]
FAILED = 1
URL = "https://pay.example.com/webhooks/stripe"
MONTHLY = "plans.pro.monthly"
ANNUAL = "plans.pro.annual"
ENDPOINT = "webhook endpoint"
RECORDED = ["checkout.session.expired"]

suite = Suite(lambda: Desk(
    environment={"SITE_URL": "https://example.com"},
    programs=["stripe-webhook", "gumroad-webhook", "health", "fake-stripe"]))


TAXED = {**stripe.CATALOG, "checkout": {"automatic_tax": True}}


def stock(desk, *endpoints, **changes):
    """A shop in order, but for the changes of its monthly price."""
    desk.stripe.reset()
    for obj in (shop.price(stripe.PRO_MONTHLY, "month", **changes),
                shop.price(stripe.PRO_ANNUAL, "year"),
                shop.price(stripe.TEAM_MONTHLY, "month"), shop.portal(),
                *(endpoints or [shop.endpoint("we_1", URL)])):
        desk.stripe.put(obj)


def check(desk, *options, program="stripe-webhook", status=0, **changes):
    done = desk.run("check", "--json", *options, program=program, environment={
        "DATABASE_URL": desk.program_conninfo(program), **changes})
    same(done.returncode, status, (done.stdout + done.stderr).decode())
    same(done.stderr, b"", "said besides")
    return json.loads(done.stdout)


def wrong(findings):
    """What is not ok: subject, result, words, advice."""
    for finding in findings:
        same(finding["advice"] is None, finding["result"] == "ok",
             repr(finding))
        true(finding["advice"] is None or finding["advice"].endswith("."),
             repr(finding))
    return [f for f in findings if f["result"] != "ok"]


def only(findings, subject, result, words, advice):
    """One thing is not ok, and this is it."""
    found = wrong(findings)
    same(len(found), 1, repr(found))
    same((found[0]["subject"], found[0]["result"]), (subject, result),
         repr(found))
    true(words in found[0]["finding"], repr(found))
    true(advice in found[0]["advice"], repr(found))


def fine(findings, subject, words):
    true([f for f in findings if f["subject"] == subject and f["result"] == "ok"
          and words in f["finding"]], "%s: %s is not in %r" % (
              subject, words, findings))


@suite.each("{program}: a shop in order has no problem and no warning",
            PROGRAMS)
def in_order(desk, program):
    stock(desk)
    found = check(desk, program=program, AUTH_JWT_SECRET="x" * 32)
    same(wrong(found), [])
    fine(found, "Stripe", "answers at " + desk.stripe.url)
    fine(found, "clock of Stripe", "agrees")
    fine(found, "Stripe key", "a secret key of test mode")
    if program != "portal":
        fine(found, MONTHLY, "price_pro_monthly is active")
        fine(found, ANNUAL, "price_pro_annual is active")
    if program != "stripe-webhook":
        fine(found, "callers", "bearer tokens")


@suite.each("{program}: with --offline Stripe is not asked, without it is",
            PROGRAMS)
def offline(desk, program):
    stock(desk)
    found = check(desk, "--offline", program=program)
    same(desk.stripe.requests(), [])
    same(wrong(found), [])
    fine(found, "Stripe", "not asked")
    check(desk, program=program)
    true(desk.stripe.requests(), "Stripe was not asked")


@suite.each("{program}: check changes nothing at Stripe", PROGRAMS)
def harmless(desk, program):
    stock(desk)
    with desk.nothing_stored():
        check(desk, program=program)
    for request in desk.stripe.requests():
        same(request["body"], "", repr(request))
        true(request["method"] in ("GET", "POST"), repr(request))


# ---------------------------------------------------------------------- key

@suite.each("a key {key} with STRIPE_LIVEMODE {mode}: {result}", [
    {"key": k, "mode": m, "result": r, "words": w, "advice": a}
    for k, m, r, w, a in [
        ("sk_test_1", None, "ok", "secret key of test mode", ""),
        ("rk_test_1", "false", "ok", "restricted key of test mode", ""),
        ("rk_live_1", "true", "ok", "restricted key of live mode", ""),
        ("sk_live_1", "true", "warning", "everything", "restricted key"),
        ("rk_live_1", "false", "problem", "of live mode", "the same mode"),
        ("rk_test_1", "true", "problem", "of test mode", "the same mode"),
        ("key_1", None, "warning", "neither", "STRIPE_API_KEY"),
    ]])
def kind(desk, key, mode, result, words, advice):
    found = check(desk, "--offline", STRIPE_API_KEY=key, STRIPE_LIVEMODE=mode,
                  status=FAILED if result == "problem" else 0)
    if result == "ok":
        same(wrong(found), [])
        fine(found, "Stripe key", words)
    else:
        only(found, "Stripe key", result, words, advice)
    true(key not in json.dumps(found), "it says the key")


@suite.each("{program} without STRIPE_API_KEY: {result}", [
    {"program": p, "result": r} for p, r in zip(
        PROGRAMS, ["warning", "problem", "problem"])])
def no_key(desk, program, result):
    stock(desk)
    found = check(desk, program=program, STRIPE_API_KEY=None,
                  status=0 if result == "warning" else FAILED)
    only(found, "STRIPE_API_KEY", result, "not set", "Set STRIPE_API_KEY")
    same(desk.stripe.requests(), [])


@suite.each("{program}: a key that Stripe does not accept", PROGRAMS)
def refused_key(desk, program):
    stock(desk)
    desk.stripe.next("", {"status": 401})
    only(check(desk, program=program, status=FAILED), "Stripe key", "problem",
         "does not accept", "has not been revoked")
    same(len(desk.stripe.requests()), 1, "asked on")


RIGHTS = [
    ("stripe-webhook", "GET /v1/subscriptions", "Subscriptions: read"),
    ("stripe-webhook", "GET /v1/invoices", "Invoices: read"),
    ("stripe-webhook", "GET /v1/events", "Events: read"),
    ("checkout", "POST /v1/checkout/sessions", "Checkout Sessions: write"),
    ("portal", "POST /v1/billing_portal", "Customer portal: write"),
]


@suite.each("{program}: a key that lacks the right {right}", [
    {"program": p, "call": c, "right": r} for p, c, r in RIGHTS])
def missing_right(desk, program, call, right):
    stock(desk)
    desk.stripe.next(call, {"status": 403})
    only(check(desk, program=program, status=FAILED), "Stripe key", "problem",
         "lacks the right " + right, "Give the key the right " + right)


@suite.each("Stripe that answers {status} is a warning", [429, 500, 503])
def unwell(desk, status):
    stock(desk)
    desk.stripe.next("GET /v1/events", {"status": status})
    only(check(desk), "Stripe key", "warning", "answered %d" % status,
         "again later")


@suite.case("a Stripe that cannot be reached is one problem")
def unreachable(desk):
    only(check(desk, status=FAILED, STRIPE_API_BASE="http://127.0.0.1:9"),
         "Stripe", "problem", "no answer from http://127.0.0.1:9",
         "STRIPE_API_BASE")


@suite.case("a Stripe that hangs costs 5 seconds")
def hanging(desk):
    stock(desk)
    desk.stripe.next("GET /v1/subscriptions", {"hang": True})
    began = time.monotonic()
    only(check(desk, status=FAILED), "Stripe", "problem", "no answer", "")
    true(4 < time.monotonic() - began < 8, time.monotonic() - began)


# -------------------------------------------------------------------- clock

@suite.each("a clock of Stripe that is {seconds} s ahead of ours: {result}", [
    {"seconds": s, "result": r} for s, r in [
        (20, "ok"), (-20, "ok"), (60, "warning"), (-60, "warning"),
        (400, "problem"), (-400, "problem")]])
def clock(desk, seconds, result):
    stock(desk)
    desk.stripe.next("GET /v1/subscriptions", {"headers": {
        "Date": email.utils.formatdate(time.time() + seconds, usegmt=True)}})
    found = check(desk, status=FAILED if result == "problem" else 0)
    if result == "ok":
        same(wrong(found), [])
    else:
        only(found, "clock of Stripe", result,
             "ahead of" if seconds > 0 else "behind", "NTP")


# ------------------------------------------------------------------- prices

def recurring(interval, count=1):
    return {"interval": interval, "interval_count": count}


@suite.each("{program}: a price that is {what}", [
    {"program": p, "what": what, "changes": changes, "words": words}
    for p in ("stripe-webhook", "checkout") for what, changes, words in [
        ("archived", {"active": False}, "is not active"),
        ("paid once", {"recurring": None, "type": "one_time"}, "paid once"),
        ("billed by the week", {"recurring": recurring("week")},
         "once a month"),
        ("billed by the year", {"recurring": recurring("year")},
         "once a month"),
        ("billed by the quarter", {"recurring": recurring("month", 3)},
         "once a month"),
        ("of the other mode", {"livemode": True}, "other mode")]])
def wrong_price(desk, program, what, changes, words):
    stock(desk, **changes)
    only(check(desk, program=program, status=FAILED), MONTHLY, "problem",
         words, "Correct plans.pro.monthly.price")
    same(len([r for r in desk.stripe.requests() if "/prices/" in r["path"]]),
         3, "prices asked for")


@suite.case("an annual price may be billed every twelve months")
def twelve_months(desk):
    stock(desk)
    desk.stripe.put(shop.price(stripe.PRO_ANNUAL, "month",
                               recurring=recurring("month", 12)))
    same(wrong(check(desk)), [])


@suite.each("an annual price that is billed {what} is wrong", [
    {"what": "by the month", "how": recurring("month")},
    {"what": "every two years", "how": recurring("year", 2)}])
def not_annual(desk, what, how):
    stock(desk)
    desk.stripe.put(shop.price(stripe.PRO_ANNUAL, "year", recurring=how))
    only(check(desk, status=FAILED), ANNUAL, "problem", "once a year",
         "plans.pro.annual.price")


@suite.case("a live price is right for a live key")
def live(desk):
    stock(desk, livemode=True)
    for id, interval in ((stripe.PRO_ANNUAL, "year"),
                         (stripe.TEAM_MONTHLY, "month")):
        desk.stripe.put(shop.price(id, interval, livemode=True))
    same(wrong(check(desk, STRIPE_API_KEY="rk_live_1")), [])
    same(wrong(check(desk, STRIPE_API_KEY="rk_live_1",
                     STRIPE_LIVEMODE="true")), [])


@suite.case("a price that does not exist")
def no_price(desk):
    stock(desk)
    desk.stripe.put({"id": stripe.PRO_ANNUAL, "object": "product"})
    only(check(desk, status=FAILED), ANNUAL, "problem",
         "price_pro_annual does not exist", "plans.pro.annual.price")


@suite.case("a key that may not read prices is a warning, and asked once")
def secret_prices(desk):
    stock(desk)
    desk.stripe.next("GET /v1/prices", {"status": 403, "times": 9})
    only(check(desk), MONTHLY, "warning", "may not read", "Prices: read")
    same(len([r for r in desk.stripe.requests() if "/prices/" in r["path"]]),
         1, "prices asked for")


@suite.case("on a terminal it shows how far it has come")
def progress(desk):
    stock(desk)
    terminal, inside = os.openpty()
    subprocess.run([desk.program(), "check"], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=inside, timeout=30,
                   env=desk.command_environment())
    os.close(inside)
    said = os.read(terminal, 4096).decode()
    os.close(terminal)
    true(said.endswith("\r3 of 3\r\n"), repr(said))


@suite.case("prices for which Stripe has no answer are a problem")
def no_answer(desk):
    stock(desk)
    desk.stripe.next("GET /v1/prices", {"status": 502, "body": "gone"})
    only(check(desk, status=FAILED), MONTHLY, "problem", "status 502",
         "again later")


@suite.case("of the catalog that was applied: which price is metered, paid once,"
            " known though not sold any more; each under its place")
def kinds(desk):
    stock(desk)
    for id, active, recurring in (
            ("price_use", True, {"interval": "month", "interval_count": 1,
                                 "usage_type": "metered"}),
            ("price_gone", False, {"interval": "week", "interval_count": 1}),
            ("price_life", True, None)):
        desk.stripe.put({"id": id, "object": "price", "active": active,
                         "livemode": False, "recurring": recurring})
    with desk.selling({"plans": {"pro": {
            "monthly": {"price": "price_use"},
            "prices": [{"price": "price_gone", "period": "weekly",
                        "sold": False},
                       {"price": "price_life", "period": "once"}]}}}):
        found = check(desk)
        fine(found, "plans.pro.monthly", "price_use is metered")
        fine(found, "plans.pro.prices[0]", "price_gone is known")
        fine(found, "plans.pro.prices[1]", "price_life is active")
        desk.stripe.put({"id": "price_life", "object": "price",
                         "active": True, "livemode": False,
                         "recurring": {"interval": "month"}})
        only(check(desk, status=FAILED), "plans.pro.prices[1]", "problem",
             "price_life is billed again and again",
             "Correct plans.pro.prices[1]")


@suite.each("{program} before any catalog: {result}", [
    {"program": "stripe-webhook", "result": "warning"},
    {"program": "checkout", "result": "problem"}])
def no_catalog(desk, program, result):
    stock(desk)
    with desk.selling(None):
        found = check(desk, program=program,
                      status=0 if result == "warning" else FAILED)
    only(found, "catalog", result, "no price", "paydesk catalog apply FILE")


@suite.each("{program} without SITE_URL", ["checkout", "portal"])
def no_site(desk, program):
    stock(desk)
    only(check(desk, program=program, SITE_URL=None, status=FAILED),
         "SITE_URL", "problem", "not set", "Set SITE_URL")


# ------------------------------------------------------------ portal and tax

@suite.case("a customer portal that has not been set up")
def no_portal(desk):
    stock(desk)
    fine(check(desk, program="portal"), "customer portal", "is set up")
    desk.stripe.put({"id": "bpc_sample", "object": "deleted"})
    only(check(desk, program="portal", status=FAILED), "customer portal",
         "problem", "has not been set up", "Save the settings")


@suite.each("{program}: a key that may not read {what} is a warning", [
    {"program": "portal", "what": "the portal's settings",
     "call": "GET /v1/billing_portal", "subject": "customer portal",
     "right": "Customer portal: read"},
    {"program": "checkout", "what": "the tax settings",
     "call": "GET /v1/tax", "subject": "checkout.automatic_tax",
     "right": "Tax Settings: read"}])
def secret_settings(desk, program, what, call, subject, right):
    stock(desk)
    desk.stripe.next(call, {"status": 403})
    with desk.selling(TAXED):
        only(check(desk, program=program), subject, "warning",
             "may not read", right)


@suite.case("with automatic_tax the tax settings at Stripe have to be complete")
def taxes(desk):
    stock(desk)
    with desk.selling(TAXED):
        only(check(desk, program="checkout", status=FAILED),
             "checkout.automatic_tax", "problem", "are pending",
             "tax settings")
        desk.stripe.put(shop.taxes("active"))
        fine(check(desk, program="checkout"), "checkout.automatic_tax",
             "can calculate")


@suite.each("{program}: the catalog's locale {locale} is {result}", [
    {"program": "checkout", "locale": "en-US", "result": "ok"},
    {"program": "checkout", "locale": "hi-IN", "result": "ok"},
    {"program": "portal", "locale": "hi-IN", "result": "warning"},
    {"program": "checkout", "locale": "uk", "result": "warning"}])
def locales(desk, program, locale, result):
    stock(desk)
    with desk.selling({**stripe.CATALOG, "checkout": {"locale": locale}}):
        found = check(desk, program=program)
        if result == "ok":
            fine(found, "checkout.locale", "is")
        else:
            only(found, "checkout.locale", "warning", "is none that",
                 "Set checkout.locale in the catalog")


# ----------------------------------------------------------------- endpoint

@suite.case("no endpoint that leads here")
def no_endpoint(desk):
    stock(desk, shop.endpoint("we_1", "https://pay.example.com/other"))
    only(check(desk, status=FAILED), ENDPOINT, "problem",
         "none that leads to /webhooks/stripe", "STRIPE_WEBHOOK_SECRET")


@suite.each("an endpoint at {url} leads here", [
    URL, "https://example.com/pay/webhooks/stripe",
    "https://example.com/webhooks/stripe?a=/b#c"])
def leads_here(desk, url):
    stock(desk, shop.endpoint("we_1", url))
    found = check(desk)
    same(wrong(found), [])
    fine(found, ENDPOINT, "we_1 delivers to " + url)
    fine(found, ENDPOINT, "the events that are handled")


@suite.each("an endpoint at {url} does not lead here", [
    "https://example.com/webhooks/stripe/", "https://example.com/",
    "https://example.com/?/webhooks/stripe", "x"])
def leads_elsewhere(desk, url):
    stock(desk, shop.endpoint("we_1", url))
    only(check(desk, status=FAILED), ENDPOINT, "problem", "none", "Add")


def ours(desk, host="127.0.0.1", path="/webhooks/stripe"):
    return "http://%s:%d%s" % (host, desk.port, path)


@suite.case("STRIPE_WEBHOOK_URL says which endpoint is meant")
def named(desk):
    one, other = ours(desk), ours(desk, "localhost")
    stock(desk, shop.endpoint("we_1", one, status="disabled"),
          shop.endpoint("we_2", other))
    same(wrong(check(desk, STRIPE_WEBHOOK_URL=other)), [])
    only(check(desk, STRIPE_WEBHOOK_URL=one, status=FAILED), ENDPOINT,
         "problem", "we_1 is disabled", "we_1")
    only(check(desk, STRIPE_WEBHOOK_URL=one + "x", status=FAILED), ENDPOINT,
         "problem", "none that leads to " + one + "x", "Add")


@suite.case("at STRIPE_WEBHOOK_URL stripe-webhook answers, and stores nothing")
def answers(desk):
    stock(desk, shop.endpoint("we_1", ours(desk)))
    with desk.nothing_stored():
        found = check(desk, STRIPE_WEBHOOK_URL=ours(desk))
    same(wrong(found), [])
    fine(found, "STRIPE_WEBHOOK_URL", "stripe-webhook answers there")


@suite.each("at STRIPE_WEBHOOK_URL something else answers: {path}", [
    {"path": "/healthz", "status": 405},
    {"path": "/webhooks/gumroad", "status": 404},
    {"path": "/nothing", "status": 404}])
def something_else(desk, path, status):
    url = ours(desk, path=path)
    stock(desk, shop.endpoint("we_1", url))
    only(check(desk, STRIPE_WEBHOOK_URL=url, status=FAILED),
         "STRIPE_WEBHOOK_URL", "problem", "status %d" % status, "nginx")


@suite.case("at STRIPE_WEBHOOK_URL nobody answers, at least to this host")
def nobody(desk):
    url = "http://127.0.0.1:9/webhooks/stripe"
    stock(desk, shop.endpoint("we_1", url))
    only(check(desk, STRIPE_WEBHOOK_URL=url), "STRIPE_WEBHOOK_URL", "warning",
         "no answer", "only this host")


@suite.case("with --offline nothing is posted to STRIPE_WEBHOOK_URL")
def not_posted(desk):
    before = desk.log("nginx-access").count("POST /webhooks/stripe")
    check(desk, "--offline", STRIPE_WEBHOOK_URL=ours(desk))
    same(desk.log("nginx-access").count("POST /webhooks/stripe"), before)


@suite.case("an endpoint that is disabled")
def disabled(desk):
    stock(desk, shop.endpoint("we_1", URL, status="disabled"))
    only(check(desk, status=FAILED), ENDPOINT, "problem", "we_1 is disabled",
         "catch-up")


@suite.case("two endpoints with one URL deliver everything twice")
def duplicate(desk):
    stock(desk, shop.endpoint("we_1", URL), shop.endpoint("we_2", URL))
    only(check(desk, status=FAILED), ENDPOINT, "problem", "have one URL",
         "Delete we_")
    stock(desk, shop.endpoint("we_1", URL, status="disabled"),
          shop.endpoint("we_2", URL))
    only(check(desk, status=FAILED), ENDPOINT, "problem", "we_1 is disabled",
         "")


@suite.case("two endpoints that could be ours are a warning")
def two(desk):
    stock(desk, shop.endpoint("we_1", URL), shop.endpoint(
        "we_2", "https://staging.example.com/webhooks/stripe"))
    only(check(desk), ENDPOINT, "warning", "both end in", "STRIPE_WEBHOOK_URL")
    only(check(desk, STRIPE_WEBHOOK_URL=URL + "/2", status=FAILED), ENDPOINT,
         "problem", "none that leads to", "Add")


@suite.each("the API version of the endpoint's events is told: {version}", [
    {"version": None, "words": "the account's API version"},
    {"version": "2020-08-27", "words": "events of 2020-08-27"}])
def version(desk, version, words):
    stock(desk, shop.endpoint("we_1", URL, api_version=version))
    found = check(desk)
    same(wrong(found), [])
    fine(found, ENDPOINT, words)


@suite.each("an endpoint that does not send {type}: {result}", [
    {"type": t, "result": "warning" if t in RECORDED else "problem"}
    for t in shop.EVENTS])
def missing_event(desk, type, result):
    stock(desk, shop.endpoint("we_1", URL, enabled_events=[
        t for t in shop.EVENTS if t != type]))
    only(check(desk, status=0 if result == "warning" else FAILED), ENDPOINT,
         result, "we_1 does not send " + type, "Add %s to the events" % type)


@suite.case("each event that is missing is named")
def missing_all(desk):
    stock(desk, shop.endpoint("we_1", URL, enabled_events=[]))
    found = wrong(check(desk, status=FAILED))
    same(len(found), len(shop.EVENTS))
    stock(desk, shop.endpoint("we_1", URL, enabled_events=None))
    same(len(wrong(check(desk, status=FAILED))), len(shop.EVENTS))


@suite.case("each event that is sent for nothing is named")
def superfluous(desk):
    more = ["account.updated", "invoice.created"]
    stock(desk, shop.endpoint("we_1", URL, enabled_events=shop.EVENTS + more))
    found = wrong(check(desk))
    same([f["result"] for f in found], ["warning", "warning"])
    for type, finding in zip(more, found):
        true("sends %s, which is ignored" % type in finding["finding"],
             repr(finding))
        true("Remove %s from" % type in finding["advice"], repr(finding))


@suite.case("an endpoint that sends everything is a warning")
def everything(desk):
    stock(desk, shop.endpoint("we_1", URL, enabled_events=["*"]))
    only(check(desk), ENDPOINT, "warning", "every type", "Choose the events")


@suite.case("a key that may not read endpoints is a warning")
def secret_endpoints(desk):
    stock(desk)
    desk.stripe.next("GET /v1/webhook_endpoints", {"status": 403})
    only(check(desk), ENDPOINT, "warning", "may not read",
         "Webhook Endpoints: read")


@suite.each("a list of endpoints that is {what} is a problem", [
    {"what": "no JSON", "body": "<html>"}, {"what": "no object", "body": "[]"},
    {"what": "no list", "body": '{"data": {}}'}])
def no_list(desk, what, body):
    stock(desk)
    desk.stripe.next("GET /v1/webhook_endpoints", {"body": body})
    only(check(desk, status=FAILED), ENDPOINT, "problem", "no usable answer",
         "")


@suite.case("a list with anything in it does not bring check down")
def odd_list(desk):
    stock(desk)
    desk.stripe.next("GET /v1/webhook_endpoints", {"body": json.dumps({
        "data": [None, 1, [], {}, {"url": 5},
                 shop.endpoint("we_1", URL,
                               enabled_events=[None, 1, {}])]})})
    true(len(wrong(check(desk, status=FAILED))) >= len(shop.EVENTS), "")


@suite.case("a thin destination alone is enough")
def thin_alone(desk):
    stock(desk, shop.destination("ed_1", URL))
    found = check(desk)
    same(wrong(found), [])
    fine(found, ENDPOINT, "ed_1 sends thin events")
    fine(found, ENDPOINT, "ed_1 sends the events that are handled")


@suite.case("a snapshot destination, which is on both lists, is seen once")
def both_lists(desk):
    stock(desk, shop.endpoint("we_1", URL), shop.destination(
        "ed_1", URL, event_payload="snapshot"))
    found = check(desk)
    same(wrong(found), [])
    true("ed_1" not in repr(found), repr(found))


@suite.each("a thin destination that {story}", [
    {"story": "is disabled", "changes": {"status": "disabled"},
     "result": "problem", "words": "is disabled", "advice": "Enable ed_1"},
    {"story": "misses a type", "changes": {
        "enabled_events": ["v1." + t for t in shop.EVENTS
                           if t != "invoice.paid"]}, "result": "problem",
     "words": "does not send v1.invoice.paid", "advice": "Add v1.invoice.paid"},
    {"story": "sends a type for nothing", "changes": {
        "enabled_events": ["v1." + t for t in shop.EVENTS]
        + ["v1.product.created"]}, "result": "warning",
     "words": "v1.product.created, which is ignored", "advice": "Remove"}])
def thin_wrong(desk, story, changes, result, words, advice):
    stock(desk, shop.destination("ed_1", URL, **changes))
    only(check(desk, status=FAILED if result == "problem" else 0), ENDPOINT,
         result, words, advice)


@suite.case("two thin destinations with one URL are a problem")
def thin_twice(desk):
    stock(desk, shop.destination("ed_1", URL), shop.destination("ed_2", URL))
    only(check(desk, status=FAILED), ENDPOINT, "problem", "comes twice",
         "Delete ed_")


# ------------------------------------------------------------------- ledger

@suite.case("without STRIPE_WEBHOOK_SECRET it says that all is answered 503")
def no_secret(desk):
    stock(desk)
    only(check(desk, status=FAILED, STRIPE_WEBHOOK_SECRET=None),
         "STRIPE_WEBHOOK_SECRET", "problem", "503",
         "Set STRIPE_WEBHOOK_SECRET")


@suite.case("events that could not be applied are a warning, until they are")
def failed_events(desk):
    stock(desk)
    fine(check(desk), "ledger", "no event waits")
    event = desk.buyer().created()
    with desk.failing("22000"):
        desk.deliver(event, answer="handler_error")
    only(check(desk), "ledger", "warning", "1 event could not", "replay")
    same(desk.run("events", "replay", "--failed").returncode, 0)
    same(wrong(check(desk)), [])


@suite.case("the secret key is in no answer of check")
def not_said(desk):
    stock(desk)
    desk.stripe.next("", {"status": 401, "body": json.dumps({"error": {
        "message": "Invalid API Key provided: " + API_KEY}})})
    true(API_KEY not in json.dumps(check(desk, status=FAILED)), "it says it")


suite.main()
