#!/usr/bin/python3 -B
"""The short way of an event through the rules and the long one: they lead to
the same rows, whatever came before and in whatever order."""

import contextlib
import json
import os
import random
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import Desk
from harness.tap import Suite, same

LIFES = 80
EVENTS = 10
START = 1_790_000_000
PRICES = ("price_pro_monthly", "price_pro_annual", "price_team_monthly",
          "price_pro_monthly", "price_of_nobody", None)
STATUSES = ("active", "trialing", "past_due", "active", "past_due", "unpaid",
            "paused", "incomplete", "canceled", "incomplete_expired")
FACTS = ("payment_failed", "payment_paid", "checkout_unpaid",
         "checkout_paid")
BY_HAND = (
    "UPDATE billing.accounts SET tier = 'free' WHERE external_id = %(ref)s",
    "UPDATE billing.subscriptions SET status = 'canceled'"
    " WHERE stripe_subscription_id = %(sub)s",
    "UPDATE billing.subscriptions SET status = 'active'"
    " WHERE stripe_subscription_id = %(sub)s",
)
APPLY = """SELECT billing.stripe_apply(%(id)s, %(type)s, '2026-10-28', false,
           to_timestamp(%(at)s), '{}', false, 'apply', %(facts)s) AS outcome"""
ROWS = """
    SELECT to_jsonb(s) - ARRAY['id', 'account_id', 'updated_at',
               'stripe_subscription_id', 'stripe_customer_id', 'account_ref']
           || jsonb_build_object('linked', a.external_id,
               'subscription', s.stripe_subscription_id,
               'customer', s.stripe_customer_id, 'ref', s.account_ref,
               'account', to_jsonb(a) - ARRAY['id', 'referral_code',
                   'created_at', 'updated_at', 'first_paid_at'],
               'paid', a.first_paid_at IS NOT NULL) AS row
    FROM billing.subscriptions s LEFT JOIN billing.accounts a
        ON a.id = s.account_id
    WHERE s.stripe_subscription_id LIKE %s ORDER BY s.stripe_subscription_id"""

suite = Suite(lambda: Desk(programs=[]))


def snapshot(random_):
    return {"status": random_.choice(STATUSES),
            "previous": random_.choice((
                None, {}, {"status": "past_due"}, {"status": "incomplete"},
                {"status": "active"}, {"quantity": 1}, {"cancel_at": None})),
            "rank": random_.randint(0, 3),
            "metadata": {"plan": random_.choice(("pro", "team", ""))},
            "items": [{"price": random_.choice(PRICES), "interval": "month",
                       "product": random_.choice((None, "prod_x")),
                       "quantity": random_.choice((1, 2, None)),
                       "end": random_.choice((None, "2026-12-01T00:00:00Z"))}
                      for _ in range(random_.choice((1, 1, 1, 2, 0)))],
            "current_period_start": "2026-11-01T00:00:00Z",
            "current_period_end": random_.choice((
                "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")),
            "trial_end": random_.choice((None, None,
                                         "2026-11-15T00:00:00Z")),
            "cancel_at_period_end": random_.random() < .2,
            "cancel_at": random_.choice((None, "2026-12-01T00:00:00Z"))}


def life(random_, name):
    """What happens to one customer, in the order in which it arrives."""
    at = START
    for number in range(EVENTS):
        if random_.random() < .08:
            yield {"sql": random_.choice(BY_HAND), "of": 1}
        at += random_.choice((1, 1, 1, 60, 0, -1, -60))
        facts = snapshot(random_) if random_.random() < .8 else {"rank": 1}
        if "status" not in facts or random_.random() < .1:
            facts["fact"] = random_.choice(FACTS)
            facts["amount_paid"] = random_.choice((None, 1000))
        facts.setdefault("metadata", {})["account"] = random_.choice(
            (True, True, None, "other"))
        yield {"id": "evt_%s_%d" % (name, number), "at": at, "facts": facts,
               "of": random_.choice((1, 1, 1, 2))}


def live(cursor, step, world):
    """One step of a life, in one of two worlds, which differ in the names."""
    name = world + step["name"]
    ref, sub = "user_" + name, "sub_%s_%d" % (name, step["of"])
    if "sql" in step:
        cursor.execute(step["sql"], {"ref": ref, "sub": sub})
        return None
    facts = {key: value for key, value in step["facts"].items()
             if value is not None}
    if "metadata" in facts:
        facts["metadata"] = {
            key: {True: ref, "other": "nobody"}.get(value, value)
            for key, value in facts["metadata"].items()}
    facts.update(customer="cus_" + name, subscription=sub)
    cursor.execute(APPLY, {
        "id": world + step["id"], "at": step["at"],
        "type": "customer.subscription.updated", "facts": json.dumps(facts)})
    return cursor.fetchone()["outcome"]


def rows(cursor, world, name):
    cursor.execute(ROWS, ["sub_" + world + name + "%"])
    text = json.dumps([row["row"] for row in cursor.fetchall()],
                      sort_keys=True)
    return json.loads(text.replace(world + name, name))


def run(cursor, world, seed):
    """Every life in one world; what each step led to, its rows at the end."""
    random_ = random.Random(seed)
    found = []
    for number in range(LIFES):
        name = "%d_" % number
        cursor.execute("INSERT INTO billing.accounts (external_id)"
                       " VALUES (%s)", ["user_" + world + name])
        for step in life(random_, name):
            outcome = live(cursor, {**step, "name": name}, world)
            found.append((step, outcome, rows(cursor, world, name)))
    return found


@contextlib.contextmanager
def long_way_alone(cursor):
    cursor.execute("SELECT pg_get_functiondef('billing.subscription_advance"
                   "'::regproc) AS text")
    text = cursor.fetchone()["text"]
    cursor.execute(re.sub(r"\$function\$.*\$function\$",
                          "$$BEGIN RETURN false; END$$", text, flags=re.S))
    yield
    cursor.execute(text)


@suite.case("%d lives of up to two subscriptions: both ways end alike" % LIFES)
def both_ways(desk):
    seed = int.from_bytes(os.urandom(4), "big")
    with contextlib.closing(desk.connect()) as connection:
        cursor = connection.cursor()
        with long_way_alone(cursor):
            expected = run(cursor, "L", seed)
        found = run(cursor, "S", seed)
    for (step, *long_way), (_, *short_way) in zip(expected, found):
        same(short_way, long_way, "seed %d: after %r" % (seed, step))


@suite.case("the usual event goes the short way")
def short(desk):
    desk.sql("INSERT INTO billing.accounts (external_id) VALUES ('user_u')")
    step = {"name": "u", "of": 1, "facts": {
        "status": "active", "rank": 1, "metadata": {"account": True},
        "items": [{"price": "price_pro_monthly"}],
        "cancel_at_period_end": False}}
    with contextlib.closing(desk.superuser()) as connection:
        cursor = connection.cursor()
        cursor.execute("SET track_functions = 'all'")
        for number, status in enumerate((
                "active", "active", "past_due", "active")):
            live(cursor, {**step, "id": "evt_u%d" % number,
                          "at": START + number,
                          "facts": {**step["facts"], "status": status}}, "")
        cursor.execute("SELECT funcname, calls::integer AS calls"
                       " FROM pg_stat_xact_user_functions")
        calls = {row["funcname"]: row["calls"] for row in cursor.fetchall()}
    same({name: calls.get(name) for name in (
        "subscription_advance", "account_advance", "subscription_lock",
        "account_refresh")}, {
            "subscription_advance": 4, "account_advance": 2,
            "subscription_lock": 1, "account_refresh": 1},
        "calls, of which the first event needs the long way")


suite.main()
