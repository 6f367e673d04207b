"""What can happen to a customer at Stripe: the steps of which lives are made.

A step is a function of a Till and of chance.  One that is not possible as
things stand does nothing and returns False.  Between the steps pass_time lets
happen what Stripe does by itself: periods end, trials end, retries stop.
"""

from .ahead import have
from .stripe import DAY
from .till import AMOUNT, LIVE, PRICES, Subscription

HOUR = 3600
CYCLE = ("subscription_create", "subscription_cycle")
OURS = ("price_pro_monthly", "price_pro_annual", "price_team_monthly",
        "price_team_annual", "price_pro_special")
STEPS = {}      # those of portal.py too


def step(weight):
    """Register a step; a WEIGHT of 0 switches it off."""
    def add(function):
        STEPS[function.__name__] = (weight, function)
        return function
    return add


def pick(till, chance, *statuses):
    """A subscription that can change, in one of STATUSES."""
    fit = [s for s in till.subs if s.status in (statuses or LIVE)]
    return chance.choice(fit) if fit else None


def newest(sub):
    """The newest invoice of the cycle."""
    return [i for i in sub.invoices if i.reason in CYCLE][-1]


# ---------------------------------------------------------------- purchases

def price_for(till, chance):
    if till.subs and chance.random() < 0.5:
        return chance.choice([till.unlisted] + ["price_more"] * have(
            "an add-on as a subscription of its own"))
    return chance.choice(OURS + (till.unlisted,))


def begin(till, chance, status, amount=AMOUNT):
    metadata = dict(till.metadata)
    price = price_for(till, chance)
    if price == "price_never" and chance.random() < 0.5:
        metadata.pop("plan", None)
    sub = Subscription(price, chance.choice([1, 1, 2, 5]), metadata,
                       till.clock)
    if status == "trialing":
        sub.begin(till.clock, till.clock + 14 * DAY)
        sub.fields.update(trial_start=sub.start, trial_end=sub.period[1])
    till.open(sub, status, amount)
    return sub


def bought(till, sub, session):
    """The first invoice is paid and the session completes."""
    till.pay(sub.invoices[0])
    become_active(till, sub)
    if session:
        till.session("completed", sub, session)


def become_active(till, sub):
    if sub.status == "incomplete":
        with till.change(sub):
            sub.status = "active"


def may_buy(till):
    return len(till.subs) < 2 and not till.gone


@step(4)
def buy(till, chance):
    if not may_buy(till):
        return False
    sub = begin(till, chance, chance.choice(["incomplete", "active"]))
    bought(till, sub, "paid")


@step(1)
def buy_with_coupon(till, chance):
    if not may_buy(till):
        return False
    bought(till, begin(till, chance, "active", 0), "no_payment_required")


@step(2)
def begin_trial(till, chance):
    if not may_buy(till):
        return False
    bought(till, begin(till, chance, "trialing", 0), "no_payment_required")


@step(1)
def made_by_hand(till, chance):
    """A subscription of the dashboard: no session speaks of it."""
    if not may_buy(till) or till.named_by == "session":
        return False
    bought(till, begin(till, chance, "active"), None)


@step(2)
def buy_by_debit(till, chance):
    """The session completes before the money has come."""
    if not may_buy(till):
        return False
    sub = begin(till, chance, chance.choice(["incomplete", "active"]))
    become_active(till, sub)
    till.session("completed", sub, "unpaid")


@step(3)
def debit_answers(till, chance):
    waiting = [s for s in till.subs if s.sessions == {"unpaid"}
               and not s.ended() and s.invoices[0].status == "open"]
    if not waiting:
        return False
    sub = chance.choice(waiting)
    if newest(sub) != sub.invoices[0] and not have(
            "an older invoice that is paid late"):
        return False
    if chance.random() < 0.6:
        till.pay(sub.invoices[0])
        till.session("async_payment_succeeded", sub, "paid")
        return
    till.fail(sub.invoices[0])
    till.session("async_payment_failed", sub, "bounced")
    if sub.status == "active":
        with till.change(sub):
            sub.status = "past_due"


@step(1)
def first_payment_fails(till, chance):
    if not may_buy(till) or till.named_by == "session":
        return False
    till.fail(begin(till, chance, "incomplete").invoices[0])


@step(2)
def first_payment_again(till, chance):
    sub = pick(till, chance, "incomplete")
    if not sub:
        return False
    if chance.random() < 0.6:
        bought(till, sub, chance.choice(["paid", None]))
    else:
        till.fail(sub.invoices[0])


# -------------------------------------------------------- what time brings

def due(till):
    """(when, what, subscription) of what Stripe does next by itself."""
    coming = []
    for sub in till.subs:
        ends = sub.period[1]
        if sub.status in LIVE + ("past_due", "unpaid"):
            coming.append((ends, renew, sub))
            if sub.fields["cancel_at"]:
                coming.append((sub.fields["cancel_at"], give_up, sub))
        elif sub.status == "incomplete":
            coming.append((sub.start + 23 * HOUR, expire, sub))
        if sub.pending and not sub.ended():
            coming.append((sub.pending["until"], upgrade_expires, sub))
    return min(coming, key=lambda c: c[0], default=None)


def pass_time(till, chance, seconds):
    end = till.clock + seconds
    while (next := due(till)) and next[0] <= end:
        till.clock = max(till.clock, next[0])
        next[1](till, chance, next[2])
        end = max(end, till.clock)
    till.clock = end


def give_up(till, chance, sub):
    till.end(sub)


def expire(till, chance, sub):
    till.void(sub.invoices[0])
    with till.change(sub):
        sub.status = "incomplete_expired"
        sub.fields["ended_at"] = till.clock


def renew(till, chance, sub):
    if sub.fields["cancel_at_period_end"]:
        return till.end(sub)
    if sub.status == "trialing" and chance.random() < 0.2:
        if chance.random() < 0.5:
            return till.end(sub)
        with till.change(sub, also=["paused"]):
            sub.status = "paused"
        return
    paused = sub.fields["pause_collection"]
    amount = chance.choice([AMOUNT, AMOUNT, AMOUNT, 0])
    with till.change(sub):
        sub.begin(sub.period[1])
        invoice = till.invoice(sub, "subscription_cycle", amount)
        sub.fields["latest_invoice"] = invoice.id
        if sub.status == "trialing":
            sub.status = "active"
    if paused or sub.status == "unpaid":
        return till.void(invoice)
    till.clock += chance.choice([0, 0, 1, HOUR])
    collect(till, chance, sub, invoice)


def collect(till, chance, sub, invoice):
    """Ask for the money of a cycle's invoice, the newest one."""
    if invoice.amount == 0 or chance.random() < 0.6:
        till.pay(invoice)
        recover(till, sub)
        return
    till.fail(invoice)
    if sub.status == "active":
        with till.change(sub):
            sub.status = "past_due"


def recover(till, sub):
    if sub.status in ("past_due", "unpaid"):
        with till.change(sub):
            sub.status = "active"


@step(4)
def retry(till, chance):
    sub = pick(till, chance, "past_due", "unpaid")
    if not sub:
        return False
    invoice = newest(sub)
    if invoice.status != "open":
        return False
    if chance.random() < 0.5:
        return collect(till, chance, sub, invoice)
    till.fail(invoice)
    end = chance.choice(["past_due", "unpaid", "canceled"])
    if end == "canceled":
        till.end(sub)
    elif sub.status != end == "unpaid":
        with till.change(sub):
            sub.status = end


def upgrade_expires(till, chance, sub):
    invoice = sub.pending["invoice"]
    sub.pending = None
    till.void(invoice)
    with till.change(sub, also=["pending_update_expired"]):
        sub.fields["pending_update"] = None


def next_price(till, sub, chance):
    unknown = (till.unlisted,) if len(sub.items) == 1 or have(
        "an add-on beside a price that nobody knows") else ()
    if sub.priced_at == till.clock and not have(
            "the plan that is kept when it changed in that very second"):
        unknown = ()
    choice = [p for p in OURS + unknown if p not in sub.prices()
              and PRICES[p][1] == PRICES[sub.items[0]["price"]][1]]
    return chance.choice(choice)
