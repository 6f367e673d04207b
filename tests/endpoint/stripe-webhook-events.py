#!/usr/bin/python3 -B
"""events and link: an operator looks at the ledger and mends it."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import Desk, when
from harness.stripe import Buyer, new_id
from harness.tap import Suite, has, same, true

USAGE = 64

suite = Suite(lambda: Desk(
    environment={"STRIPE_PAYLOAD_STORE_MAX": "4000"},
    programs=["stripe-webhook"]))


def run(desk, *words, status=0, says=()):
    result = desk.run(*words)
    same(result.returncode, status, result.stderr.decode())
    for word in says:
        true(word in result.stderr.decode(), result.stderr)
    return result.stdout.decode()


def listed(desk, *filters):
    return json.loads(run(desk, "events", "list", "--json", *filters))


def ids(rows):
    return [row["event"] for row in rows]


def failed_event(desk, mended=True):
    """An event that the database refuses; later it would be applied."""
    buyer = desk.buyer()
    event = buyer.created()
    with desk.failing("23514"):
        desk.deliver(event, answer="handler_error")
    return buyer, event


def settle(desk):
    desk.sql("DELETE FROM billing.stripe_events")


# --------------------------------------------------------------------- list

@suite.case("the list begins with what failed, then the newest")
def order(desk):
    settle(desk)
    buyer = desk.buyer()
    first, second = buyer.created(), buyer.updated()
    desk.deliver(first)
    _, failed = failed_event(desk)
    desk.deliver(second)
    rows = listed(desk)
    same(ids(rows), [failed["id"], second["id"], first["id"]])
    has(rows[0], outcome="handler_error", type=failed["type"],
        deliveries="1")
    true("injected fault" in rows[0]["error"], rows[0])
    has(rows[1], outcome="applied", error=None, customer=buyer.customer,
        subscription=buyer.subscription,
        created=when(second["created"]).strftime("%Y-%m-%dT%H:%M:%SZ"))


@suite.each("{option} finds what fits and nothing else", [
    "--type", "--outcome", "--customer"])
def filters(desk, option):
    settle(desk)
    buyer, other = desk.buyer(), desk.buyer()
    desk.deliver(other.created(60), other.invoice_paid(60))
    wanted = buyer.deleted()
    desk.deliver(wanted)
    stale = buyer.updated(0)
    desk.deliver(stale, answer="stale")
    found, fits = {
        "--type": ("customer.subscription.deleted", [wanted]),
        "--outcome": ("stale", [stale]),
        "--customer": (buyer.customer, [stale, wanted])}[option]
    same(ids(listed(desk, option, found)), [e["id"] for e in fits])


@suite.case("--since and --until are about when it was received")
def times(desk):
    settle(desk)
    events = []
    for hours in (50, 5, 1):
        events.append(desk.buyer().created())
        desk.deliver(events[-1])
        desk.sql("UPDATE billing.stripe_events SET received_at = now() - "
                 "%s * interval '1 hour' WHERE event_id = %s", hours,
                 events[-1]["id"])
    old, middle, new = [e["id"] for e in events]
    same(ids(listed(desk)), [new, middle, old])
    same(ids(listed(desk, "--since", "6h")), [new, middle])
    same(ids(listed(desk, "--until", "2h")), [middle, old])
    same(ids(listed(desk, "--since", "2d", "--until", "2h")), [middle])
    same(ids(listed(desk, "--until", "2020-01-01")), [])


@suite.case("--limit cuts the list and says that there is more")
def limit(desk):
    settle(desk)
    desk.deliver(*[desk.buyer().created() for _ in range(60)])
    same(len(json.loads(run(desk, "events", "list", "--json",
                            says=["there are more", "--limit"]))), 50)
    same(len(listed(desk, "--limit", "60")), 60)
    result = desk.run("events", "list", "--limit=60")
    same(result.stderr, b"")
    same(len(result.stdout.splitlines()), 61)


@suite.case("those of who pays and has no account come behind what failed,"
            " before all that is newer")
def unmatched_first(desk):
    settle(desk)
    payer, gone = stranger(), stranger()
    first = payer.created()
    desk.deliver(first, gone.created(), gone.deleted(), answer="unmatched")
    _, failed = failed_event(desk)
    buyer = desk.buyer()
    newer = [buyer.created(), buyer.updated()]
    desk.deliver(*newer)
    seen = ids(listed(desk))
    same(seen[:2], [failed["id"], first["id"]])
    same(seen[2:4], [event["id"] for event in reversed(newer)])
    same(len(seen), len(set(seen)))
    same(len(seen), 6)
    same(ids(listed(desk, "--limit", "2")), seen[:2])
    same(ids(listed(desk, "--outcome", "applied")), seen[2:4])
    account = desk.account()["external_id"]
    link(desk, payer, account)
    same(ids(listed(desk))[:3], [failed["id"], *seen[2:4]])


@suite.case("for people it is a table")
def table(desk):
    settle(desk)
    buyer = desk.buyer()
    desk.deliver(buyer.created())
    head, row = run(desk, "events", "list").splitlines()
    same(head.split(), ["received", "event", "type", "outcome", "customer",
                        "error"])
    same(row.split()[2:], ["customer.subscription.created", "applied",
                           buyer.customer])


# --------------------------------------------------------------------- show

@suite.case("show prints the row, its failures and the payload")
def show(desk):
    buyer, event = failed_event(desk)
    text = run(desk, "events", "show", event["id"])
    for word in (event["id"], "handler_error", buyer.customer,
                 "injected fault", '"object":"event"'):
        true(word in text, "no %r in %s" % (word, text))
    shown = json.loads(run(desk, "events", "show", event["id"], "--json"))
    same(shown["payload"], event)
    same(len(shown["failures"]), 1)
    has(shown, outcome="handler_error", processed=None)
    has(shown["failures"][0], sqlstate="23514")


@suite.case("show of a payload that was cut, or emptied, says so")
def show_cut(desk):
    event = desk.buyer().created(description="d" * 5000)
    desk.deliver(event)
    shown = json.loads(run(desk, "events", "show", event["id"], "--json"))
    same((shown["payload_truncated"], type(shown["payload"])), ("true", str))
    desk.sql("UPDATE billing.stripe_events SET payload = NULL "
             "WHERE event_id = %s", event["id"])
    true("emptied" in run(desk, "events", "show", event["id"]), "not said")


@suite.case("show of what is not there says so, exit 1")
def show_none(desk):
    run(desk, "events", "show", "evt_none", status=1,
        says=["no event evt_none"])


# ------------------------------------------------------------------- replay

@suite.case("replay by filters takes what failed, the oldest first")
def replay_filters(desk):
    settle(desk)
    _, other = failed_event(desk)
    buyer = desk.buyer()
    events = [buyer.created(0, status="incomplete"), buyer.updated(60)]
    with desk.failing("23514"):
        desk.deliver(*events, answer="handler_error")
    rows = json.loads(run(desk, "events", "replay", "--json",
                          "--customer", buyer.customer))
    same([(r["event"], r["outcome"]) for r in rows],
         [(e["id"], "applied") for e in events])
    has(desk.subscription_of(buyer), status="active")
    has(desk.ledger(other), processed_at=None)


@suite.case("replay --dry-run shows the outcome and changes nothing")
def replay_dry(desk):
    _, event = failed_event(desk)
    with desk.nothing_stored():
        rows = json.loads(run(desk, "events", "replay", "--outcome",
                              "handler_error", "--dry-run", "--json"))
    true((event["id"], "applied") in [(r["event"], r["outcome"])
                                      for r in rows], rows)


@suite.case("replay by id is as the command replay")
def replay_id(desk):
    buyer, event = failed_event(desk)
    true("applied" in run(desk, "events", "replay", event["id"]), "not said")
    has(desk.subscription_of(buyer), status="active")
    true("duplicate" in run(desk, "events", "replay", event["id"]), "again")


@suite.case("an event that found no account is tried anew by a replay")
def replay_unmatched(desk):
    buyer = Buyer(stripe.new_id("user"))
    event = buyer.customer_event("updated")
    desk.deliver(event, answer="unmatched")
    true("unmatched" in run(desk, "events", "replay", event["id"]), "first")
    has(desk.ledger(event), outcome="unmatched")
    desk.account(external_id=buyer.account, stripe_customer_id=buyer.customer)
    with desk.nothing_stored():
        run(desk, "events", "replay", "--dry-run", event["id"])
    true("applied" in run(desk, "events", "replay", event["id"]), "second")
    has(desk.ledger(event), outcome="applied", error=None)


@suite.case("a replay of one that found no account, which the database "
            "refuses, leaves it as it was")
def replay_unmatched_refused(desk):
    buyer = Buyer(metadata={})
    event = buyer.created()
    desk.deliver(event, answer="unmatched")
    desk.sql("UPDATE billing.subscriptions SET seat_limit = 9, "
             "last_event_at = '-infinity' WHERE stripe_subscription_id = %s",
             buyer.subscription)
    with desk.failing("23514"):
        run(desk, "events", "replay", event["id"])
    has(desk.ledger(event), outcome="unmatched", error=None)
    true(desk.ledger(event)["processed_at"], "it is open")


# --------------------------------------------------------------------- skip

@suite.case("a skipped event is settled: not listed as failed, not replayed, "
            "its resend a duplicate; the reason is kept")
def skip(desk):
    settle(desk)
    buyer, event = failed_event(desk)
    text = run(desk, "events", "skip", event["id"], "--reason", "a test sale")
    true("skipped" in text, text)
    row = desk.ledger(event)
    has(row, outcome="skipped", error=None, skip_reason="a test sale")
    true(row["processed_at"], "not processed")
    same(json.loads(run(desk, "events", "replay", "--failed", "--json")), [])
    desk.deliver(event, answer="duplicate")
    true("duplicate" in run(desk, "events", "replay", event["id"]), "replayed")
    same(desk.subscription_of(buyer), None)
    has(listed(desk, "--outcome", "skipped")[0], error="a test sale")
    same(len(desk.failures(event)), 1, "failures that are kept")


@suite.case("what needs no skipping, or is not there, is said, exit 1")
def skip_not(desk):
    event = desk.buyer().created()
    desk.deliver(event)
    _, failed = failed_event(desk)
    rows = json.loads(run(desk, "events", "skip", "--json", event["id"],
                          "evt_none", failed["id"], "--reason=x", status=1))
    same([r["result"] for r in rows], [
        "nothing to skip: it is applied", "there is no such event",
        "skipped"])
    has(desk.ledger(event), outcome="applied", skip_reason=None)


# --------------------------------------------------------------------- link

def stranger():
    """A buyer whose events name no account."""
    return Buyer(metadata={}, email=None)


def link(desk, buyer, account, **options):
    return run(desk, "link", buyer.customer, account, **options)


@suite.case("link binds the customer, and what was held is applied: "
            "subscription, tier, referral, the ledger's outcomes")
def link_held(desk):
    buyer, friend = stranger(), desk.buyer()
    events = [buyer.created(0, status="incomplete"), buyer.updated(60),
              buyer.invoice_paid(61), buyer.checkout(62, reference=None)]
    desk.deliver(*events, answer="unmatched")
    account = desk.account()
    desk.sql("INSERT INTO billing.referrals (code, referrer_account_id, "
             "referred_account_id) SELECT referral_code, id, %s "
             "FROM billing.accounts WHERE external_id = %s", account["id"],
             friend.account)
    link(desk, buyer, account["external_id"], says=[
        "linked: 1", "status active", "tier paid"])
    buyer.account = account["external_id"]
    has(desk.account_of(buyer), stripe_customer_id=buyer.customer,
        tier="paid", subscription_status="active")
    has(desk.subscription_of(buyer), account_id=account["id"])
    true(desk.account_of(friend)["credit_until"], "no credit")
    for event in events:
        true(desk.ledger(event)["outcome"] in ("applied", "stale"),
             desk.ledger(event)["outcome"])
    with desk.nothing_stored():
        link(desk, buyer, account["external_id"],
             says=["linked: 0"])


@suite.case("linked, the customer's next events find the account")
def link_next(desk):
    buyer, account = stranger(), desk.account()
    link(desk, buyer, account["external_id"], says=["linked: 0"])
    desk.deliver(buyer.created())
    has(desk.subscription_of(buyer), account_id=account["id"])


def bindings(desk, account):
    return [(r["customer"], r["proof"]) for r in desk.sql(
        "SELECT customer, proof FROM billing.bindings b JOIN billing.accounts"
        " a ON a.id = account_id WHERE external_id = %s ORDER BY b.id",
        account)]


def nothing_left(desk, buyer):
    """Of BUYER's account: neither customer nor access nor a status."""
    has(desk.account_of(buyer), stripe_customer_id=None, tier="free",
        subscription_status=None, trial_end=None)
    same(desk.value("SELECT access FROM billing.access WHERE external_id = "
                    "%s", buyer.account), False)


@suite.each("a customer that another account has, {how}, is moved only with"
            " --move: with its subscriptions, tier and access", [
                "bound", "by a subscription", "on trial"])
def link_moves(desk, how):
    wrong, right = desk.buyer(), desk.account()
    desk.deliver(wrong.created(
        **({"status": "trialing"} if how == "on trial" else {})))
    if how == "by a subscription":
        desk.sql("UPDATE billing.accounts SET stripe_customer_id = NULL "
                 "WHERE external_id = %s", wrong.account)
    with desk.nothing_stored():
        link(desk, wrong, right["external_id"], status=1,
             says=["from account " + wrong.account, wrong.subscription,
                   "--move"])
    result = desk.run("link", wrong.customer, right["external_id"], "--move")
    same(result.returncode, 0, result.stderr)
    true(b"moved: from account " in result.stderr, result.stderr)
    nothing_left(desk, wrong)
    has(desk.subscription_of(wrong), account_id=right["id"])
    same(bindings(desk, right["external_id"]),
         [(wrong.customer, "operator")])
    same(bindings(desk, wrong.account)[-1], (wrong.customer, "unlinked"))
    was = wrong.account
    wrong.account = right["external_id"]
    has(desk.account_of(wrong), stripe_customer_id=wrong.customer,
        tier="paid")
    wrong.account = was
    desk.expect_log("WARNING:", "level=warn")   # metadata names the wrong one
    desk.deliver(wrong.updated(at=60, quantity=2))
    has(desk.subscription_of(wrong), account_id=right["id"], seat_limit=2)
    nothing_left(desk, wrong)


@suite.case("an account that holds another customer gets this one in its"
            " place only with --move; the old subscriptions stay")
def link_replaces(desk):
    holder, buyer = desk.buyer(), stranger()
    desk.deliver(holder.created())
    desk.deliver(buyer.created(), answer="unmatched")
    with desk.nothing_stored():
        link(desk, buyer, holder.account, status=1,
             says=["in place of customer " + holder.customer, "--move"])
    run(desk, "link", buyer.customer, holder.account, "--move",
        says=["linked: 1"])
    account = desk.account_of(holder)
    has(account, stripe_customer_id=buyer.customer)
    for one in (holder, buyer):
        has(desk.subscription_of(one), account_id=account["id"])
    same(bindings(desk, holder.account)[-2:],
         [(holder.customer, "replaced"), (buyer.customer, "operator")])
    desk.deliver(holder.deleted(), buyer.updated(at=60, quantity=3))
    has(desk.account_of(holder), tier="paid", subscription_status="active")


@suite.case("of two subscriptions the wrong account keeps the other one")
def link_moves_one(desk):
    wrong, right = desk.buyer(), desk.account()
    other = Buyer(wrong.account)
    desk.expect_log("WARNING:", "level=warn")
    desk.deliver(wrong.created(), other.created(status="trialing"))
    run(desk, "link", wrong.customer, right["external_id"], "--move")
    has(desk.account_of(wrong), tier="paid", subscription_status="trialing")
    has(desk.subscription_of(other),
        account_id=desk.account_of(wrong)["id"])


# ------------------------------------------------------------------- unlink

@suite.each("unlink {by} takes the customer and what it pays for from the"
            " account, and no event brings it back", ["customer", "account"])
def unlink(desk, by):
    email = new_id("jane") + "@example.com"
    buyer = Buyer(desk.account(email=email)["external_id"], email=email)
    desk.deliver(buyer.created(), buyer.checkout(at=1))
    words = [buyer.customer] if by == "customer" else [
        "--account", buyer.account]
    run(desk, "unlink", *words, says=["from account " + buyer.account,
                                      buyer.subscription, "linked"])
    nothing_left(desk, buyer)
    has(desk.subscription_of(buyer), account_id=None, status="active")
    same(bindings(desk, buyer.account)[-1], (buyer.customer, "unlinked"))
    desk.deliver(buyer.updated(at=60, quantity=4), answer="unmatched")
    desk.deliver(buyer.checkout(at=61), buyer.invoice_paid(at=62),
                 answer="unmatched")
    desk.sql("SELECT billing.orphans_adopt()")
    desk.sql("UPDATE billing.accounts SET email_verified = false "
             "WHERE external_id = %s", buyer.account)
    desk.sql("UPDATE billing.accounts SET email_verified = true "
             "WHERE external_id = %s", buyer.account)
    nothing_left(desk, buyer)
    has(desk.subscription_of(buyer), account_id=None, seat_limit=4)
    run(desk, "unlink", buyer.customer, status=1, says=["nobody has"])


@suite.case("what was unlinked goes to whom Stripe's metadata name then")
def unlinked_named(desk):
    wrong, right = desk.buyer(), desk.account()
    desk.deliver(wrong.created())
    run(desk, "unlink", wrong.customer)
    desk.deliver(wrong.updated(at=60, metadata={
        "account": right["external_id"]}))
    has(desk.subscription_of(wrong), account_id=right["id"])
    same(bindings(desk, right["external_id"]),
         [(wrong.customer, "metadata")])


@suite.case("what was unlinked goes to whom an operator links it, also back")
def unlinked_linked(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created())
    run(desk, "unlink", buyer.customer)
    link(desk, buyer, buyer.account, says=["linked: 1", "tier paid"])
    has(desk.account_of(buyer), stripe_customer_id=buyer.customer,
        tier="paid")
    desk.deliver(buyer.updated(at=60, quantity=9))
    has(desk.subscription_of(buyer), seat_limit=9)


@suite.each("unlink of {words} says why not", [
    {"words": ["cus_nobody"], "says": "nobody has"},
    {"words": ["--account", "nobody"], "says": "no customer"}])
def unlink_nobody(desk, words, says):
    with desk.nothing_stored():
        run(desk, "unlink", *words, status=1, says=[says])


@suite.case("unlink of an account that has subscriptions but no customer names"
            " whose they are")
def unlink_which(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created())
    desk.sql("UPDATE billing.accounts SET stripe_customer_id = NULL "
             "WHERE external_id = %s", buyer.account)
    with desk.nothing_stored():
        run(desk, "unlink", "--account", buyer.account, status=1,
            says=[buyer.customer])


@suite.case("a customer that was deleted at Stripe is not linked")
def link_deleted(desk):
    buyer, account = desk.buyer(), desk.account()
    desk.deliver(buyer.customer_event("deleted"))
    with desk.nothing_stored():
        link(desk, buyer, account["external_id"], status=1,
             says=["was deleted at Stripe"])


@suite.case("an account that is not there is said")
def link_no_account(desk):
    with desk.nothing_stored():
        link(desk, stranger(), "nobody", status=1, says=["nobody"])


# ----------------------------------------------------------------- mistakes

@suite.each("'{words}' is a usage error", [
    "events", "events lists", "events list evt_1", "events list --dry-run",
    "events list --limit 0", "events list --limit 1001",
    "events list --limit many", "events list --outcome failed",
    "events list --since noon", "events list --reason x", "events show",
    "events show a b", "events show a --type b", "events replay",
    "events replay a --type b", "events replay --reason x", "events skip",
    "events skip --reason x", "events skip a", "events skip a --reason=",
    "link", "link cus_1", "link cus_1 a b", "link cus_1 a --force",
    "unlink", "unlink a b", "unlink a --account b"])
def usage(desk, words):
    result = desk.run(*words.split())
    same(result.returncode, USAGE, result.stderr)
    same(result.stdout, b"")
    first, *more = result.stderr.decode().splitlines()
    true(first.startswith("stripe-webhook: "), first)
    true(more[:1] in ([], ["usage:"]), result.stderr)


@suite.each("without a database '{words}' says so, exit 69", [
    "events list", "events show a", "events replay a",
    "events skip a --reason b", "link a b", "unlink a"])
def no_database(desk, words):
    result = desk.run(*words.split(), environment={
        "DATABASE_URL": "host=/nonexistent"})
    same(result.returncode, 69)
    true(b"database" in result.stderr, result.stderr)


suite.main()
