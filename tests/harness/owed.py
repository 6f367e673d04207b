"""What the books must say of a life: worked out from its end at Stripe.

This is the small model that the rules are compared with, and says nothing of
events nor of their order.  A field that the design leaves open, or that what
comes by chance does not settle, is absent.
"""

from .desk import when
from .stripe import DAY
from .till import LIVE, PRICES, have

RANKS = {"pro": 10, "team": 20}
LISTED = {"price_pro_monthly": ("pro", "monthly"),
          "price_pro_annual": ("pro", "annual"),
          "price_pro_special": ("pro", "monthly"),
          "price_team_monthly": ("team", "monthly"),
          "price_team_annual": ("team", "annual"),
          "price_later": ("team", "monthly")}
ADDON = "price_more"
MARGIN = DAY    # too near to an end to be asked


def catalog(policy=None, later=True):
    """What is sold; LATER names a price that was forgotten at first."""
    team = {"rank": RANKS["team"], "features": {"projects": 100},
            "monthly": {"price": "price_team_monthly"},
            "annual": {"price": "price_team_annual"}}
    if later:
        team["prices"] = [{"price": "price_later", "period": "monthly",
                           "sold": False}]
    return {
        "default_plan": "pro",
        "plans": {
            "pro": {"rank": RANKS["pro"], "features": {"projects": 10},
                    "monthly": {"price": "price_pro_monthly"},
                    "annual": {"price": "price_pro_annual"},
                    "products": ["prod_pro"]},
            "team": team,
            "more": {"addon": True, "per_seat": True,
                     "features": {"projects": 5},
                     "monthly": {"price": ADDON}}},
        "policy": {"grace_days": 14, **(policy or {})},
        "referral": {"days": 45}}


class Owed:
    """One subscription, and what it gives."""

    def __init__(self, sub, policy, now):
        self.sub = sub
        self.now = now
        self.policy = {"pause_collection": "keep", "grace_days": 14, **policy}
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
        if sub.status == "past_due":
            return "grace", [sub.past_due_since + days]
        if sub.status not in LIVE:
            return None
        end = sub.period[1]
        ends = [end, end + max(days, DAY)]
        if sub.fields["cancel_at"] or sub.fields["cancel_at_period_end"]:
            ends = [min(end, sub.fields["cancel_at"] or end)]
        return "trial" if sub.status == "trialing" else "subscription", ends

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
            if len(sub.items) == 1:
                row.update(plan="unknown", period=None)
            else:
                del row["seat_limit"], row["price_id"]
        return row


def money(owed):
    """Whether the account has paid for what is sold here; None: open."""
    paid = [o for o in owed if any(
        i.status == "paid" and i.amount for i in o.cycle())]
    if not have("money for what is not sold here") and any(
            o.plan is None for o in paid):
        return None
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
        return {"access": False, "reason": "none", "tier": "free",
                "credited": False}
    paid = money(owed) if till.referred else False
    row = {} if paid is None else {"credited": paid}
    sources = [(o, *s) for o in owed if (s := o.source())]
    ends = [e for _, _, ends in sources for e in ends]
    if any(abs(e - now) < MARGIN for e in ends):
        return row
    if any(s[1] == "grace" for s in sources) and not have(
            "the beginning of a grace in every order"):
        return row
    sources = [s for s in sources if max(s[2]) > now]
    row["tier"] = tier(owed)
    if row["tier"] is None:
        del row["tier"]
    if paid is None and not sources:
        return row
    if not sources:
        return {**row, "access": paid, "reason": "credit" if paid else "none"}
    kinds = ("grace", "trial", "subscription")
    best = sorted(sources, key=lambda s: (
        RANKS[s[0].plan], s[1] != "grace"), reverse=True)
    first = best[0]
    row["access"] = True
    row["plan"] = first[0].plan
    same = [s for s in best if (s[0].plan, s[1] == "grace") == (
        first[0].plan, first[1] == "grace")]
    if len(same) == 1:
        assert first[1] in kinds
        row.update(reason=first[1], seat_limit=first[0].item["quantity"])
        if first[0].period:
            row["period"] = first[0].period
        if len(sources) == 1 and paid is False:
            row["until"] = [when(e) for e in first[2]]
    return row


def expected(till, policy, now):
    """{subscription id: row} and the account's row."""
    owed = [Owed(sub, policy, now) for sub in till.subs]
    account = till.account if known(till) else None
    return ({o.sub.id: o.row(account) for o in owed},
            account_row(till, owed, now))


assert set(LISTED) <= set(PRICES)
