#!/usr/bin/python3 -B
"""However a life at Stripe goes, and in whatever order and how often it is
told, what may be used is what is paid.

PAYDESK_SEED repeats a run, PAYDESK_LIVES says how many lives it has;
PAYDESK_LIFE is the number of one life, which is told in many orders, and
PAYDESK_AHEAD switches on what stands in harness/ahead.py.
"""

import concurrent.futures
import contextlib
import functools
import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import claims, told
from harness.ahead import have
from harness.desk import Desk
from harness.life import live, recipe, shorter
from harness.owed import catalog
from harness.tap import Suite

ONE = int(os.environ.get("PAYDESK_LIFE") or 0)
LIVES = int(os.environ.get("PAYDESK_LIVES") or (40 if ONE else 240))
SEED = int(os.environ.get("PAYDESK_SEED") or time.time())
WAVE = 24           # lives whose events arrive mixed
SHORTEN = 1 if ONE else 4    # of the lives that end wrong
ORDERS = 12         # in which a shortened one is tried
POLICIES = [{}, {"pause_collection": "stop"}, {"grace_days": 3}]
if have(claims.POLICY):
    POLICIES += [{"refund_subscription": "end", "dispute": "keep"},
                 {"fraud_warning": "suspend", "dispute_lost": "keep"}]

suite = Suite(lambda: Desk(workers=4, durable=False, programs=[
    "account", "stripe-webhook", "fake-stripe"]))


def apply(desk, **what):
    path = os.path.join(desk.directory, "applied.json")
    with open(path, "w") as file:
        json.dump(catalog(**what), file)
    ran = desk.run("catalog", "apply", "--allow-loss", "100000", path,
                   program="account",
                   environment={"DATABASE_URL": desk.conninfo})
    if ran.returncode:
        raise AssertionError((ran.stdout + ran.stderr).decode())


@contextlib.contextmanager
def beside(function):
    """Run FUNCTION while the block runs."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        done = pool.submit(function)
        yield
        done.result()


def fails(desk, recipe, policy, wrong_fields):
    """A life that ends as wrong once more, in one of some orders; or None."""
    tills = [live(recipe) for _ in range(ORDERS)]
    told.accounts(desk, tills)
    chance = random.Random(recipe.seed)
    orders = told.deliver(desk, tills, chance)
    for till, wrong in told.compare(desk, tills, policy).items():
        if wrong_fields & {w.field for w in wrong}:
            return told.story(till, orders[till.customer], wrong)
    return None


def reports(desk, found, orders):
    """The lives that ended wrong, as text: some of them made short."""
    said = []
    for till, (policy, wrong) in list(found.items())[:SHORTEN]:
        apply(desk, policy=policy)
        again = functools.partial(fails, desk, policy=policy, wrong_fields={
            w.field for w in wrong})
        short = shorter(till.recipe, again)
        said.append("life %d:\n%s" % (
            till.recipe.seed, again(short) or told.story(
                till, orders[till.customer], wrong)))
    for till, (_, wrong) in list(found.items())[SHORTEN:20]:
        said.append("life %d: %s" % (till.recipe.seed, "; ".join(
            map(str, wrong))))
    return said


@suite.case("%d lives end in what is paid, PAYDESK_SEED=%d" % (LIVES, SEED),
            limit_s=60 + LIVES)
def lives(desk):
    chance = random.Random(SEED)
    apply(desk, later=False)
    tills = [live(recipe(ONE or chance.randrange(1 << 30)))
             for _ in range(LIVES)]
    told.accounts(desk, tills)
    orders = {}
    for at in range(0, LIVES, WAVE):
        middle = at <= LIVES // 2 < at + WAVE
        if middle and not have("a catalog applied while events come"):
            apply(desk)
            middle = False
        with beside(lambda: middle and apply(desk)):
            orders.update(told.deliver(desk, tills[at:at + WAVE], chance))
    found = {}
    for policy in reversed(POLICIES):
        apply(desk, policy=policy)
        for till, wrong in told.compare(desk, tills, policy).items():
            found[till] = policy, wrong
    if found:
        raise AssertionError("%d of %d lives end wrong\n%s" % (
            len(found), LIVES, "\n".join(reports(desk, found, orders))))


suite.main()
