"""What the books must say of a life: worked out from its end at Stripe.

This is the small model that the rules are compared with, and says nothing of
events nor of their order.  A field that the design leaves open, or that what
comes by chance does not settle, is absent.
"""

import collections

from .ahead import have
from .claims import OPEN
from .desk import when
from .stripe import DAY
from .till import LIVE, PRICES

RANKS = {"pro": 10, "team": 20}
PROJECTS = {"pro": 10, "team": 100, "more": 5}
LISTED = {"price_pro_monthly": ("pro", "monthly"),
          "price_pro_annual": ("pro", "annual"),
          "price_pro_special": ("pro", "monthly"),
          "price_team_monthly": ("team", "monthly"),
          "price_team_annual": ("team", "annual"),
          "price_later": ("team", "monthly")}
ADDON = "price_more"
POLICY = {"grace_days": 14, "pause_collection": "keep",
          "refund_subscription": "keep", "dispute": "suspend",
          "dispute_lost": "end", "fraud_warning": "note"}
STRENGTH = {"subscription": 3, "trial": 3, "grant": 2, "grace": 1}
Source = collections.namedtuple("Source", "plan kind ends seats period")
MARGIN = DAY    # too near to an end to be asked


def catalog(policy=None, later=True):
    """What is sold; LATER names a price that was forgotten at first."""
    features = {p: {"projects": n} for p, n in PROJECTS.items()}
    team = {"rank": RANKS["team"], "features": features["team"],
            "monthly": {"price": "price_team_monthly"},
            "annual": {"price": "price_team_annual"}}
    if later:
        team["prices"] = [{"price": "price_later", "period": "monthly",
                           "sold": False}]
    return {
        "default_plan": "pro",
        "plans": {
            "pro": {"rank": RANKS["pro"], "features": features["pro"],
                    "monthly": {"price": "price_pro_monthly"},
                    "annual": {"price": "price_pro_annual"},
                    "products": ["prod_pro"]},
            "team": team,
            "more": {"addon": True, "per_seat": True,
                     "features": features["more"],
                     "monthly": {"price": ADDON}}},
        "policy": {"grace_days": 14, **(policy or {})},
        "referral": {"days": 45}}


class Owed:
    """One subscription, and what it gives."""

    def __init__(self, sub, policy, now):
        self.sub = sub
        self.now = now
        self.policy = {**POLICY, **policy}
        self.current = self.cycle()[-1]
        self.addon = [p for p in sub.prices() if p != ADDON] == []
        self.plan, self.period = self._plan()
        self.item = self._item()
        self.withheld = "unpaid" in sub.sessions and not (
            sub.sessions & {"paid", "no_payment_required"}
            or any(i.status == "paid" for i in self.cycle()))
        self.counts = (self.plan is not None and not self.addon
                       and not self.withheld)

    def cycle(self):
        return [i for i in self.sub.invoices if i.reason in (
            "subscription_create", "subscription_cycle")]

    def _plan(self):
        """None: not ours.  A period of None: not settled."""
        for age, prices in enumerate(reversed(self.sub.price_sets)):
            known = [LISTED[p] for p in prices if p in LISTED]
            if known:
                plan, period = max(known, key=lambda k: RANKS[k[0]])
                return plan, None if age else period
        plan = self.sub.metadata.get("plan")
        return (plan, None) if plan else (None, None)

    def _item(self):
        known = [i for i in self.sub.items if i["price"] in LISTED]
        base = [i for i in self.sub.items if i["price"] != ADDON]
        return (known or base or self.sub.items)[0]

    def source(self):
        """(kind, the ends that are right), or None when it gives nothing."""
        sub = self.sub
        if not self.counts or (sub.fields["pause_collection"] and
                               self.policy["pause_collection"] == "stop"):
            return None
        days = self.policy["grace_days"] * DAY
        end = sub.period[1]
        last = min(end, sub.fields["cancel_at"] or end) if (
            sub.fields["cancel_at"] or sub.fields["cancel_at_period_end"]
        ) else None
        if sub.status == "past_due":
            until = sub.past_due_since + days
            return "grace", [min(until, last or until)]
        if sub.status not in LIVE:
            return None
        ends = [last] if last else [end, end + max(days, DAY)]
        return "trial" if sub.status == "trialing" else "subscription", ends

    def claimed(self):
        """What the policy makes of refunds, disputes and warnings: False,
        `suspended`, `ended`, or None where that is open."""
        policy, now = self.policy, self.current
        if any(i.warned or i.disputes for i in self.cycle() if i is not now):
            return None
        if (not now.amount or now.status != "paid") and any(
                i.refunded for i in self.cycle()) and not have(
                    "an older refund while nothing was paid for the period"
                    " that runs"):
            return None
        status = now.disputes[-1] if now.disputes else "none"
        if (now.refunded == now.amount > 0
                and policy["refund_subscription"] == "end") or (
                    status == "lost" and policy["dispute_lost"] == "end"):
            return "ended"
        if (status in OPEN and policy["dispute"] == "suspend") or (
                now.warned and policy["fraud_warning"] == "suspend"):
            return "suspended"
        return False

    def row(self, account):
        """The row of billing.subscriptions."""
        sub, fields = self.sub, self.sub.fields
        row = {
            "seat_limit": self.item["quantity"],
            "price_id": self.item["price"],
            "current_period_end": when(sub.period[1]),
            "trial_end": when(fields["trial_end"]),
            "cancel_at_period_end": bool(fields["cancel_at"]
                                         or fields["cancel_at_period_end"]),
            "pauses": fields["pause_collection"] is not None,
        }
        if self.plan:
            row["account"] = account
        if not self.withheld:
            row["status"] = sub.status
        if fields["cancel_at"] or not fields["cancel_at_period_end"]:
            row["cancel_at"] = when(fields["cancel_at"])
        if not self.addon and self.plan:
            row["plan"] = self.plan
        if not self.addon and self.period:
            row["period"] = self.period
        if self.plan is None and not self.addon:
            if not any(ADDON in prices for prices in sub.price_sets):
                row.update(plan="unknown", period=None)
            elif len(sub.items) > 1:
                del row["seat_limit"], row["price_id"]
        return row


def money(owed):
    """Whether the account has paid for what is sold here; None: open."""
    paid = [o for o in owed if any(
        i.status == "paid" and i.amount for i in o.cycle())]
    if not have("money for what is not sold here") and any(
            o.plan is None for o in paid):
        return None
    if any(i.refunded == i.amount or i.disputes for o in paid
           for i in o.cycle() if i.status == "paid" and i.amount):
        return False if all(i.refunded == i.amount for o in paid
                            for i in o.sub.invoices if i.amount
                            and i.status == "paid") else None
    if any(o.plan and not o.addon and all(
            set(prices) & (LISTED.keys() - {"price_later"})
            for prices in o.sub.price_sets) for o in paid):
        return True
    return None if any(o.plan or o.addon or ADDON in o.sub.prices()
                       for o in paid) else False


def tier(owed):
    """None: open, as what was there before is held."""
    good = [o for o in owed if o.counts and o.sub.was_live]
    if any(o.sub.status in LIVE for o in good):
        return "paid"
    over = [o.sub.ended() for o in good]
    if all(over):
        return "free"
    return None if any(over) else "paid"


def known(till):
    return till.named_by != "session" or any(s.sessions for s in till.subs)


def account_row(till, owed, now):
    """The row of billing.access, and of the referral."""
    if not known(till):
        owed = []
    paid = money(owed) if till.referred else False
    row = {} if paid is None else {"credited": paid}
    claims = {o: o.claimed() for o in owed if o.source()}
    if None in claims.values():
        return row
    sources = [Source(o.plan, *s, o.item["quantity"], o.period)
               for o in owed if (s := o.source()) and not claims[o]]
    if till.grant:
        sources.append(Source(till.grant["plan"], "grant", [None],
                              till.grant["seats"], None))
    ends = [e for s in sources for e in s.ends if e]
    if any(abs(e - now) < MARGIN for e in ends):
        return row
    if any(s.kind == "grace" for s in sources) and not have(
            "the beginning of a grace in every order"):
        return row
    sources = [s for s in sources if None in s.ends or max(s.ends) > now]
    if not any(claims.values()) and tier(owed):
        row["tier"] = tier(owed)
    if not sources and not have("the reason when what is disputed has been"
                                " stopped as well") and any(
                                    o.claimed() is not False for o in owed):
        return row
    if not sources:
        return {**row, **nothing(paid, claims.values())}
    return {**row, "access": True, **leading(sources, paid),
            **features(sources, owed)}


def nothing(paid, claims):
    """Nothing but a credit, if that."""
    if paid is None:
        return {}
    if paid or not any(claims):
        return {"access": paid, "reason": "credit" if paid else "none"}
    return {"access": False, "reason": "suspended"} if (
        "ended" not in claims) else {"access": False}


def features(sources, owed):
    """Of the best plan, and of the add-ons that run beside it."""
    more = [o for o in owed if ADDON in o.sub.prices()
            and not o.sub.ended() and not o.withheld]
    if any(o.sub.status not in LIVE or o.sub.fields["pause_collection"]
           or o.claimed() is None for o in more):
        return {}
    more = [o for o in more if not o.claimed()]
    best = max((s.plan for s in sources), key=RANKS.get)
    return {"projects": PROJECTS[best] + sum(
        PROJECTS["more"] * i["quantity"] for o in more for i in o.sub.items
        if i["price"] == ADDON)}


def leading(sources, paid):
    """What the source that leads gives, as far as there is only one."""
    best = max((RANKS[s.plan], STRENGTH[s.kind]) for s in sources)
    first = [s for s in sources
             if (RANKS[s.plan], STRENGTH[s.kind]) == best]
    row = {"plan": first[0].plan}
    if len(first) == 1:
        row.update(reason=first[0].kind, seat_limit=first[0].seats)
        if first[0].period:
            row["period"] = first[0].period
        if len(sources) == 1 and paid is False:
            row["until"] = [when(e) for e in first[0].ends]
    return row


def expected(till, policy, now):
    """{subscription id: row} and the account's row."""
    owed = [Owed(sub, policy, now) for sub in till.subs]
    account = till.account if known(till) else None
    return ({o.sub.id: o.row(account) for o in owed},
            account_row(till, owed, now))


assert set(LISTED) <= set(PRICES)
