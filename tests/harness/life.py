"""Random lives at Stripe: a list of steps that can be lived again, in part.

A life is a Recipe: who it is, and steps, each with the time that passes before
it and a seed of its own.  So a step can be left out without that the others
change more than they must, which is how a life that fails is made short.
"""

import dataclasses
import random
import time

from . import claims, happenings, portal    # noqa: F401
from .ahead import have
from .stripe import DAY, NEW, OLD, new_id
from .till import Till

GAPS = (0, 0, 0, 0, 0, 0, 1, 2, 600, DAY, 3 * DAY, 12 * DAY, 32 * DAY)
FIRST = ("buy", "buy", "buy_with_coupon", "begin_trial", "buy_by_debit",
         "made_by_hand", "first_payment_fails")
QUIET = 1200    # the seconds after a life in which nothing comes due


@dataclasses.dataclass(frozen=True)
class Recipe:
    seed: int
    steps: tuple        # of (gap, name, seed)


def recipe(seed):
    chance = random.Random(seed)
    names = [n for n, (weight, _) in happenings.STEPS.items()
             for _ in range(int(weight * 2))]
    chosen = [chance.choice(FIRST)] + [
        chance.choice(names) for _ in range(chance.randrange(2, 13))]
    return Recipe(seed, tuple(
        (chance.choice(GAPS), name, chance.randrange(1 << 30))
        for name in chosen))


def live(recipe, until=None):
    """The Till after that life, whose last event was a little before UNTIL."""
    until = until or int(time.time())
    length = _live(recipe, 0).clock
    till = _live(recipe, until - length - 30)
    till.recipe = recipe
    return till


def _live(recipe, start):
    chance = random.Random(recipe.seed)
    till = Till(new_id("user"), start, chance.choice([OLD, NEW]))
    till.named_by = chance.choice(["bound", "metadata", "session"])
    till.referred = chance.random() < 0.5
    till.unlisted = chance.choice(["price_later", "price_never"])
    till.fetched = chance.random() < 0.2
    if chance.random() < 0.15:
        till.grant = {"plan": chance.choice(["pro", "team"]), "seats": 3}
    if till.named_by == "metadata":
        till.metadata["account"] = till.account
    if chance.random() < 0.5:
        till.metadata.update(plan=chance.choice(["pro", "team"]),
                             period="monthly")
        till.fetched &= have("metadata that alone names the plan of what"
                             " Stripe hands out")
    if chance.random() < 0.5:
        till.session_metadata["account"] = till.account
    upgraded = chance.choice([None, None, None, len(recipe.steps) // 2])
    for number, (gap, name, seed) in enumerate(recipe.steps):
        if number == upgraded:
            till.api = NEW
        _take(till, name, random.Random(seed), gap)
    _settle(till, random.Random(recipe.seed))
    return till


def _take(till, name, chance, gap):
    happenings.pass_time(till, chance, gap)
    before = len(till.events)
    happenings.STEPS[name][1](till, chance)
    if len(till.events) > before:
        till.log.append((till.clock, name))


def _settle(till, chance):
    """Go on until nothing comes due for a while, so that what is right does
    not change while the rows are looked at."""
    while (next := happenings.due(till)) and next[0] <= till.clock + QUIET:
        happenings.pass_time(till, chance, max(0, next[0] - till.clock))


def shorter(recipe, fails):
    """RECIPE with as few steps as still FAILS(recipe)."""
    at = 0
    while at < len(recipe.steps):
        steps = recipe.steps[:at] + recipe.steps[at + 1:]
        attempt = dataclasses.replace(recipe, steps=steps)
        if steps and fails(attempt):
            recipe = attempt
        else:
            at += 1
    return recipe
