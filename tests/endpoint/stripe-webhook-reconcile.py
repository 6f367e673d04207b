#!/usr/bin/python3 -B
"""reconcile: every subscription here is what Stripe says it is."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import Desk, when
from harness.stripe import DAY, PRO_ANNUAL, TEAM_MONTHLY, Buyer
from harness.tap import Suite, has, same, true

USAGE, NO_DATABASE, SETTINGS = 64, 69, 78

suite = Suite(lambda: Desk(programs=["stripe-webhook", "fake-stripe"]))


def reconcile(desk, *options, status=None):
    """The drift by (subscription, field): here, at Stripe."""
    result = desk.run("reconcile", "--json", *options)
    rows = json.loads(result.stdout or b"[]")
    if status is None:
        status = 1 if any(r.get("result") != "fixed" for r in rows) else 0
    same(result.returncode, status, result.stderr.decode())
    return {(r["subscription"], r["field"]):
                     (r["here"], r["at_stripe"]) for r in rows}


def of(buyer, **fields):
    return {(buyer.subscription, name): pair for name, pair in fields.items()}


def in_step(desk, **options):
    """A buyer whose row is what Stripe has."""
    buyer = desk.buyer(**options)
    desk.stripe.put(buyer.snapshot())
    desk.deliver(buyer.created())
    return buyer


def row_change(desk, buyer, change, *args):
    desk.sql("UPDATE billing.subscriptions SET " + change +
             " WHERE stripe_subscription_id = %s", *args, buyer.subscription)


def rfc(epoch):
    return when(epoch).strftime("%Y-%m-%dT%H:%M:%SZ")


def own_events(desk, buyer):
    return desk.sql("SELECT * FROM billing.stripe_events WHERE "
                    "stripe_subscription_id = %s AND event_id LIKE "
                    "'reconcile_%%'", buyer.subscription)


def last_run(desk):
    return desk.row("SELECT * FROM billing.reconciliations "
                    "ORDER BY id DESC LIMIT 1")


def clean(desk):
    """Whatever a case has left behind is no matter of the next."""
    desk.stripe.reset()
    desk.sql("DELETE FROM billing.subscriptions")
    desk.sql("DELETE FROM billing.reconciliations")


# ---------------------------------------------------------------- no drift

@suite.each("nothing differs after: {life}", [
    {"life": "a plain life", "make": lambda b: [b.created(), b.updated(60)],
     "now": {}},
    {"life": "the old shape", "make": lambda b: [b.created()], "now": {},
     "api": stripe.OLD},
    {"life": "an unpaid session", "now": {},
     "make": lambda b: [b.checkout(0, payment_status="unpaid"), b.created(1)]},
    {"life": "a trial", "now": {"status": "trialing", "trial_end": 1900000000},
     "make": lambda b: [b.created(status="trialing", trial_end=1900000000)]},
    {"life": "a scheduled cancellation", "now": {"cancel_at": 1900000000},
     "make": lambda b: [b.updated(cancel_at=1900000000)]},
    {"life": "its end", "make": lambda b: [b.created(), b.deleted()],
     "now": {"status": "canceled"}},
    {"life": "a failed invoice and Stripe's past_due",
     "make": lambda b: [b.created(), b.invoice_failed()],
     "now": {"status": "past_due"}},
    {"life": "a recovery", "make": lambda b: [
        b.updated(0, status="past_due"), b.invoice_paid(60)], "now": {}}])
def no_drift(desk, life, make, now, api=stripe.NEW):
    clean(desk)
    buyer = desk.buyer(api=api)
    desk.stripe.put(buyer.snapshot(**now))
    desk.deliver(*make(buyer), answer=None)
    with desk.nothing_stored():
        same(reconcile(desk, status=0), {})
    has(last_run(desk), checked=1, known=1, drift=0, fixed=0)
    true(last_run(desk)["finished_at"], "the run has no end")


@suite.each("a status by an invoice's event, while Stripe says {says} and its "
            "invoice is {invoice}, is {verdict}", [
    {"says": "active", "invoice": "open", "verdict": "no drift"},
    {"says": "active", "invoice": "paid", "verdict": "drift"},
    {"says": "active", "invoice": "void", "verdict": "drift"},
    {"says": "active", "invoice": "not there", "verdict": "drift"},
    {"says": "past_due", "invoice": "paid", "verdict": "no drift"},
    {"says": "past_due", "invoice": "open", "verdict": "drift"}])
def by_payment(desk, says, invoice, verdict):
    clean(desk)
    buyer = desk.buyer()
    here = "past_due" if says == "active" else "active"
    event = buyer.invoice_failed if says == "active" else buyer.invoice_paid
    desk.deliver(buyer.created(status=says), event(60))
    has(desk.subscription_of(buyer), status=here)
    desk.stripe.put(buyer.snapshot(status=says, latest_invoice="in_1"))
    if invoice != "not there":
        desk.stripe.put({"id": "in_1", "object": "invoice",
                         "status": invoice})
    same(reconcile(desk), {} if verdict == "no drift" else
         of(buyer, status=(here, says)))


@suite.each("a status that stands by its {invoice} invoice outlives the fix "
            "of something else", [
    {"invoice": "open", "says": "active", "here": "past_due"},
    {"invoice": "paid", "says": "past_due", "here": "active"}])
def stands(desk, invoice, says, here):
    clean(desk)
    buyer = desk.buyer()
    event = buyer.invoice_failed if invoice == "open" else buyer.invoice_paid
    desk.deliver(buyer.created(status=says), event(60))
    desk.stripe.put(buyer.snapshot(status=says, quantity=5,
                                   latest_invoice="in_1"))
    desk.stripe.put({"id": "in_1", "object": "invoice", "status": invoice})
    same(reconcile(desk, "--fix", status=0), of(buyer, seat_limit=("1", "5")))
    has(desk.subscription_of(buyer), status=here, seat_limit=5)
    same(reconcile(desk), {})


@suite.case("a row that reflects something newer than Stripe's answer does "
            "not differ")
def newer_here(desk):
    clean(desk)
    buyer = desk.buyer(start=int(time.time()))
    desk.deliver(buyer.created(), buyer.updated(600, quantity=9))
    desk.stripe.put(buyer.snapshot())
    same(reconcile(desk), {})


# ------------------------------------------------------------------- drift

FIELDS = [
    {"field": "seat_limit", "now": {"quantity": 7}, "drift": ("1", "7"),
     "column": 7},
    {"field": "status", "now": {"status": "past_due"},
     "drift": ("active", "past_due"), "column": "past_due"},
    {"field": "status", "now": {"status": "canceled"},
     "drift": ("active", "canceled"), "column": "canceled"},
    {"field": "cancel_at_period_end", "now": {"cancel_at_period_end": True},
     "drift": ("false", "true"), "column": True},
    {"field": "trial_end", "now": {"trial_end": 1900000000},
     "drift": (None, rfc(1900000000)), "column": when(1900000000)},
    {"field": "current_period_end", "now": {"end": 1900000000},
     "drift": (..., rfc(1900000000)), "column": when(1900000000)},
    {"field": "current_period_start", "now": {"start": 1700000000},
     "drift": (..., rfc(1700000000)), "column": when(1700000000)},
]


@suite.each("an event that was lost shows: {field}, {now}; --fix heals it",
            FIELDS)
def lost_event(desk, field, now, drift, column):
    clean(desk)
    buyer = in_step(desk)
    desk.stripe.put(buyer.snapshot(**now))
    with desk.nothing_stored():
        found = reconcile(desk, "--dry-run")
    same(list(found), [(buyer.subscription, field)])
    same(found[buyer.subscription, field][1], drift[1])
    if drift[0] is not ...:
        same(found[buyer.subscription, field][0], drift[0])
    reconcile(desk, "--fix", status=0)
    has(desk.subscription_of(buyer), **{field: column})
    has(last_run(desk), drift=1, fixed=1, fix=True)
    same(reconcile(desk), {})


@suite.case("another day of a cancellation shows alone; --fix brings it")
def other_day(desk):
    clean(desk)
    buyer = in_step(desk)
    desk.deliver(buyer.updated(cancel_at=1900000000))
    desk.stripe.put(buyer.snapshot(cancel_at=1900086400))
    same(reconcile(desk), of(buyer, cancel_at=(rfc(1900000000),
                                               rfc(1900086400))))
    reconcile(desk, "--fix", status=0)
    has(desk.subscription_of(buyer), cancel_at=when(1900086400))


@suite.case("another price shows in plan, period and price_id")
def other_price(desk):
    clean(desk)
    buyer = in_step(desk)
    desk.stripe.put(buyer.snapshot(price=PRO_ANNUAL, interval="year"))
    same(reconcile(desk), of(buyer, period=("monthly", "annual"),
                             price_id=("price_pro_monthly", PRO_ANNUAL)))
    desk.stripe.put(buyer.snapshot(price=TEAM_MONTHLY))
    same(reconcile(desk), of(buyer, plan=("pro", "team"),
                             price_id=("price_pro_monthly", TEAM_MONTHLY)))
    reconcile(desk, "--fix", status=0)
    has(desk.subscription_of(buyer), plan="team")


@suite.case("the fix is an event of our own in the ledger, applied once")
def own_event(desk):
    clean(desk)
    buyer = in_step(desk)
    desk.stripe.put(buyer.snapshot(quantity=4))
    reconcile(desk, "--fix", status=0)
    (event,) = own_events(desk, buyer)
    has(event, type="paydesk.reconcile", outcome="applied", deliveries=1,
        stripe_customer_id=buyer.customer, livemode=False)
    true(abs(event["created_at"].timestamp() - time.time()) < 60, event)
    has(desk.subscription_of(buyer), last_event_at=event["created_at"],
        last_event_rank=1)
    result = desk.run("events", "replay", event["event_id"])
    true(b"duplicate" in result.stdout, result.stdout)


@suite.case("a live event that is newer than the answer wins over the fix")
def newer_wins(desk):
    clean(desk)
    buyer = in_step(desk)
    desk.stripe.put(buyer.snapshot(quantity=4))
    reconcile(desk, "--fix", status=0)
    later = int(time.time()) - buyer.start + 5
    desk.deliver(buyer.updated(later, quantity=6))
    has(desk.subscription_of(buyer), seat_limit=6)
    desk.deliver(buyer.updated(100, quantity=2), answer="stale")


# ------------------------------------------------ rows and links that miss

@suite.case("a subscription that never got here is missing; --fix brings it, "
            "its account is paid; the referral waits for the money")
def missing(desk):
    clean(desk)
    friend = desk.buyer()
    buyer = desk.buyer(bound=False)
    desk.sql("INSERT INTO billing.referrals (code, referrer_account_id, "
             "referred_account_id) SELECT referral_code, id, %s "
             "FROM billing.accounts WHERE external_id = %s",
             desk.account_of(buyer)["id"], friend.account)
    desk.stripe.put(buyer.snapshot(quantity=2))
    same(reconcile(desk), of(buyer, subscription=(None, "active")))
    reconcile(desk, "--fix", status=0)
    has(desk.subscription_of(buyer), status="active", seat_limit=2,
        current_period_end=when(buyer.end))
    has(desk.account_of(buyer), tier="paid",
        stripe_customer_id=buyer.customer)
    same(desk.account_of(friend)["credit_until"], None)
    desk.deliver(buyer.invoice_paid())
    true(desk.account_of(friend)["credit_until"], "no credit")
    same(reconcile(desk), {})


@suite.case("one that ended long ago is missing too")
def missing_canceled(desk):
    clean(desk)
    buyer = desk.buyer()
    desk.stripe.put(buyer.snapshot(status="canceled"))
    same(reconcile(desk), of(buyer, subscription=(None, "canceled")))
    reconcile(desk, "--fix", status=0)
    has(desk.subscription_of(buyer), status="canceled")


@suite.case("a link to the account that is missing shows and is made")
def link_missing(desk):
    clean(desk)
    buyer = in_step(desk)
    row_change(desk, buyer, "account_id = NULL")
    same(reconcile(desk), of(buyer, account=(None, buyer.account)))
    reconcile(desk, "--fix", status=0)
    same(desk.subscription_of(buyer)["account_id"],
         desk.account_of(buyer)["id"])


@suite.case("a subscription whose account nobody knows is no drift")
def stranger(desk):
    clean(desk)
    buyer = Buyer(metadata={})
    desk.stripe.put(buyer.snapshot())
    desk.deliver(buyer.created(), answer="unmatched")
    same(reconcile(desk), {})


@suite.case("one that is alive here and that Stripe does not know shows; "
            "--fix ends it and keeps what it was")
def gone(desk):
    clean(desk)
    kept = in_step(desk)
    buyer = desk.buyer()
    desk.deliver(buyer.created(quantity=3))
    same(reconcile(desk), of(buyer, subscription=("active", None)))
    reconcile(desk, "--fix", status=0)
    has(desk.subscription_of(buyer), status="canceled", seat_limit=3,
        plan="pro", period="monthly", price_id="price_pro_monthly",
        current_period_end=when(buyer.end), stripe_customer_id=buyer.customer)
    has(desk.account_of(buyer), tier="free")
    has(desk.subscription_of(kept), status="active")
    same(reconcile(desk), {})


@suite.case("when Stripe knows none of the subscriptions here, none is ended")
def other_account(desk):
    clean(desk)
    buyer = desk.buyer()
    desk.deliver(buyer.created())
    result = desk.run("reconcile", "--fix")
    same(result.returncode, 1)
    true(b"right account" in result.stderr, result.stderr)
    has(desk.subscription_of(buyer), status="active")


@suite.case("one that ended here, and that Stripe does not know, is no drift")
def gone_and_ended(desk):
    clean(desk)
    buyer = desk.buyer()
    desk.deliver(buyer.created(), buyer.deleted())
    same(reconcile(desk), {})


@suite.case("what metadata says of a plan hides no other price")
def metadata_hides_nothing(desk):
    clean(desk)
    buyer = in_step(desk)
    desk.stripe.put(buyer.snapshot(
        metadata={**buyer.metadata, "plan": "pro"}, price=TEAM_MONTHLY))
    found = reconcile(desk)
    same(found[buyer.subscription, "plan"], ("pro", "team"))
    reconcile(desk, "--fix", status=0)
    has(desk.subscription_of(buyer), plan="team")


@suite.case("a pause, a schedule and an add-on show, and --fix brings them")
def meaning(desk):
    clean(desk)
    buyer = in_step(desk)
    more = stripe.item("price_more", 2, "month", buyer.start, buyer.end,
                       buyer.api)
    base = stripe.item(stripe.PRO_MONTHLY, 1, "month", buyer.start, buyer.end,
                       buyer.api)
    desk.stripe.put(buyer.snapshot(
        items=[base, more], schedule="sub_sched_1",
        pause_collection={"behavior": "void", "resumes_at": None}))
    found = reconcile(desk)
    same(found[buyer.subscription, "pause_collection"], (None, "void"))
    same(found[buyer.subscription, "schedule"], (None, "sub_sched_1"))
    same(found[buyer.subscription, "items"], (
        "price_pro_monthly x 1", "price_more x 2, price_pro_monthly x 1"))
    reconcile(desk, "--fix", status=0)
    same(reconcile(desk, status=0), {})


# ---------------------------------------------------------------- by hand

@suite.each("a status set by hand to {status} shows, and Stripe wins", [
    "past_due", "canceled", "trialing", "incomplete_expired"])
def by_hand(desk, status):
    clean(desk)
    buyer = in_step(desk)
    row_change(desk, buyer, "status = %s", status)
    same(reconcile(desk), of(buyer, status=(status, "active")))
    reconcile(desk, "--fix", status=0)
    has(desk.subscription_of(buyer), status="active")
    has(desk.account_of(buyer), tier="paid", subscription_status="active")


@suite.each("a {column} changed by hand shows, and --fix mends it", [
    {"column": "seat_limit", "value": 99}, {"column": "plan", "value": "x"},
    {"column": "period", "value": None}, {"column": "price_id", "value": "p"},
    {"column": "current_period_end", "value": None},
    {"column": "cancel_at_period_end", "value": True}])
def column_by_hand(desk, column, value):
    clean(desk)
    buyer = in_step(desk)
    before = desk.subscription_of(buyer)[column]
    row_change(desk, buyer, column + " = %s", value)
    same(list(reconcile(desk)), [(buyer.subscription, column)])
    reconcile(desk, "--fix", status=0)
    same(desk.subscription_of(buyer)[column], before)


@suite.case("what cannot be fixed stays drift, exit 1: one that is canceled "
            "never comes back")
def not_fixed(desk):
    clean(desk)
    buyer = in_step(desk)
    desk.deliver(buyer.deleted())
    result = desk.run("reconcile", "--fix", "--json")
    same(result.returncode, 1)
    (row,) = json.loads(result.stdout)
    has(row, field="status", here="canceled", at_stripe="active",
        result="not fixed")
    has(desk.subscription_of(buyer), status="canceled")
    has(last_run(desk), drift=1, fixed=0)


# ---------------------------------------------------------- the whole walk

@suite.case("more than a page, some of it drift: all of it is found and fixed")
def many(desk):
    clean(desk)
    buyers = [desk.buyer(start=int(time.time()) - DAY - i)
              for i in range(230)]
    for number, buyer in enumerate(buyers):
        desk.stripe.put(buyer.snapshot())
        if number % 10:
            desk.deliver(buyer.created(quantity=1 + (number % 7 == 1)))
    found = reconcile(desk, "--fix", status=0)
    wrong = {b.subscription for n, b in enumerate(buyers)
             if n % 10 == 0 or n % 7 == 1}
    same({subscription for subscription, _ in found}, wrong)
    has(last_run(desk), checked=230, drift=len(wrong), fixed=len(wrong))
    same(desk.value("SELECT count(*) FROM billing.subscriptions "
                    "WHERE status = 'active' AND seat_limit = 1"), 230)
    same(desk.count("reconcile_seen"), 0)


def asked(desk):
    return [r["path"] for r in desk.stripe.requests()
            if r["path"].startswith("/v1/subscriptions?")]


def three_pages(desk):
    """All in step, but for the newest, which is missing here."""
    clean(desk)
    for i in range(1, 220):
        in_step(desk, start=int(time.time()) - DAY - i)
    newest = Buyer(start=int(time.time()) - DAY)
    desk.stripe.put(newest.snapshot())
    return newest


@suite.case("a run that Stripe cut short is gone on with, and the report is "
            "of the whole run")
def resumed(desk):
    buyer = three_pages(desk)
    desk.stripe.next("GET /v1/subscriptions?limit=100&status=all"
                     "&starting_after", {"status": 401})
    result = desk.run("reconcile", "--json")
    same(result.returncode, 1)
    true(b"100 are done" in result.stderr, result.stderr)
    result = desk.run("reconcile", "--json")
    same(result.returncode, 1)
    true(b"interrupted after 100" in result.stderr, result.stderr)
    same([r["subscription"] for r in json.loads(result.stdout)],
         [buyer.subscription])
    has(last_run(desk), checked=220, drift=1)
    same(["starting_after" in path for path in asked(desk)],
         [False, True, True, True])


@suite.each("{what} begins anew", [
    {"what": "--restart", "options": ["--restart"]},
    {"what": "the other mode", "options": ["--fix"]}])
def anew(desk, what, options):
    three_pages(desk)
    desk.stripe.next("GET /v1/subscriptions?limit=100&status=all"
                     "&starting_after", {"status": 401})
    same(desk.run("reconcile").returncode, 1)
    result = desk.run("reconcile", *options)
    true(b"interrupted" not in result.stderr, result.stderr)
    has(last_run(desk), checked=220)
    same(desk.value("SELECT count(*) FROM billing.reconciliations "
                    "WHERE finished_at IS NULL"), 0)


@suite.case("a second one at the same time says so and does nothing")
def second(desk):
    with desk.connect() as connection:
        connection.cursor().execute("SELECT pg_advisory_lock("
                                    "hashtextextended('billing.reconcile', 0))")
        result = desk.run("reconcile")
        same(result.returncode, 1)
        true(b"another reconcile is under way" in result.stderr,
             result.stderr)
    connection.close()


@suite.case("a subscription on the list that cannot be read is said, exit 1")
def malformed(desk):
    clean(desk)
    buyer = in_step(desk)
    desk.stripe.put({**buyer.snapshot(), "id": "sub_bad", "status": 7})
    result = desk.run("reconcile")
    same(result.returncode, 1)
    true(b"cannot be read: subscription.status" in result.stderr,
         result.stderr)
    has(last_run(desk), checked=1, drift=0)


@suite.case("for people: a table, and a sentence on standard error")
def table(desk):
    clean(desk)
    buyer = in_step(desk)
    result = desk.run("reconcile")
    same((result.stdout, result.stderr),
         (b"", b"subscriptions at Stripe: 1, different here: 0\n"))
    desk.stripe.put(buyer.snapshot(quantity=4))
    lines = desk.run("reconcile").stdout.decode().splitlines()
    same([line.split() for line in lines],
         [["subscription", "field", "here", "at_stripe"],
          [buyer.subscription, "seat_limit", "1", "4"]])


# ----------------------------------------------------------------- mistakes

@suite.each("'{words}' is a usage error", [
    "reconcile all", "reconcile --fix --dry-run", "reconcile --now"])
def usage(desk, words):
    result = desk.run(*words.split())
    same(result.returncode, USAGE)
    true(b"reconcile: " in result.stderr or b"not both" in result.stderr,
         result.stderr)


@suite.each("{what}: it says so and exits {status}", [
    {"what": "no API key", "status": SETTINGS, "says": "STRIPE_API_KEY",
     "environment": {"STRIPE_API_KEY": None}},
    {"what": "a key of the other mode", "status": SETTINGS,
     "says": "STRIPE_LIVEMODE", "environment": {"STRIPE_LIVEMODE": "true"}},
    {"what": "no database", "status": NO_DATABASE, "says": "database",
     "environment": {"DATABASE_URL": "host=/nonexistent"}},
    {"what": "a key that Stripe refuses", "status": 1,
     "says": "did not give its subscriptions",
     "environment": {"STRIPE_API_KEY": "sk_test_wrong-key"}}])
def not_ready(desk, what, status, says, environment):
    result = desk.run("reconcile", environment=environment)
    same(result.returncode, status, result.stderr)
    true(says in result.stderr.decode(), result.stderr)


suite.main()
