"""Lives told to a desk, in any order, and what its books then say of them."""

import collections

from .desk import WEBHOOK, SECRET, in_threads, when
from .client import request_bytes
from .happenings import CYCLE
from .owed import expected
from .stripe import encode, new_id, sign
from .tap import true

THREADS = 6
TAKEN = ("applied", "duplicate", "stale", "unmatched", "ignored")
NEAR_S = 2 * 3600 + 60      # a failed payment and the status that it brings


def accounts(desk, tills):
    """Everybody's account, some with a referral."""
    code = new_id("R").replace("_", "")
    desk.sql("INSERT INTO billing.accounts (external_id, referral_code)"
             " VALUES (%s, %s)", "referrer-" + code, code)
    desk.sql("INSERT INTO billing.accounts (external_id, stripe_customer_id)"
             " SELECT * FROM unnest(%s, %s::text[])",
             [t.account for t in tills],
             [t.customer if t.named_by == "bound" else None for t in tills])
    desk.sql("""INSERT INTO billing.referrals
                    (code, referrer_account_id, referred_account_id)
                SELECT r.referral_code, r.id, a.id
                FROM billing.accounts r, billing.accounts a
                WHERE r.referral_code = %s AND a.external_id = ANY(%s)""",
             code, [t.account for t in tills if t.referred])
    for till in tills:
        if till.grant:
            desk.sql("""
                INSERT INTO billing.grants (account_id, plan, seats, reason)
                SELECT id, %s, %s, 'random lives' FROM billing.accounts
                WHERE external_id = %s""", till.grant["plan"],
                     till.grant["seats"], till.account)


def under_way(till):
    """Snapshots that have not come yet: each says no more than the invoice
    that it follows, of a payment that failed or came late."""
    last = {}
    for before, event in zip(till.events, till.events[1:]):
        obj = event["data"]["object"]
        last.setdefault(obj["id"], None)
        if obj["object"] == "subscription":
            last[obj["id"]] = event if (
                before["type"] in ("invoice.payment_failed",
                                   "invoice.payment_succeeded")
                and before["data"]["object"]["billing_reason"] in CYCLE
                and event["data"].get("previous_attributes") in (
                    {"status": "active"}, {"status": "past_due"})
                and obj["status"] in ("active", "past_due")) else None
    return [e for e in last.values() if e]


def order(till, chance):
    """Every event once at least, shuffled or not far from its place; of some
    there are two with different ids, as can be."""
    late = under_way(till) if chance.random() < 0.5 else []
    events = [e for e in till.events if e not in late]
    place = {id(e): i for i, e in enumerate(events)}
    for event in list(events):
        if chance.random() < 0.15:
            events.append(event)
        if chance.random() < 0.03:
            twin = {**event, "id": new_id("evt")}
            place[id(twin)] = place[id(event)]
            events.append(twin)
    if chance.random() < 0.3:
        jitter = {id(e): place[id(e)] + chance.random() * 4 for e in events}
        return sorted(events, key=lambda e: jitter[id(e)])
    chance.shuffle(events)
    return events


def deliver(desk, tills, chance):
    """Tell them all, mixed, from several connections; the order in which each
    life's events were sent, by customer."""
    for sub, till in ((s, t) for t in tills if t.fetched for s in t.subs):
        desk.stripe.put(sub.render(till.customer, till.api))
    for invoice in (i for t in tills for s in t.subs for i in s.invoices):
        if invoice.refunded or invoice.disputes or invoice.warned:
            desk.stripe.put(invoice.payment())
    orders = {t.customer: order(t, chance) for t in tills}
    turns = [c for c, events in orders.items() for _ in events]
    chance.shuffle(turns)
    ways = {c: iter(events) for c, events in orders.items()}
    queue = collections.deque(next(ways[c]) for c in turns)
    answers = collections.Counter()

    def post(_):
        connection = desk.raw()
        while queue:
            try:
                event = queue.popleft()
            except IndexError:
                break
            body = encode(event)
            connection.send(request_bytes(
                "POST", WEBHOOK, body, Content_Type="application/json",
                Stripe_Signature=sign(body, SECRET)))
            reply = connection.reply()
            if reply.status == 503:
                queue.append(event)
                continue
            status = reply.json.get("status")
            answers[status] += 1
            true(reply.status == 200 and status in TAKEN,
                 "%s: %r" % (event["type"], reply))
        connection.close()

    in_threads(THREADS, post)
    return orders


# -------------------------------------------------------------- comparison

Wrong = collections.namedtuple("Wrong", "of field expected got")
Wrong.__str__ = lambda w: "%s: %s must be %s, is %s" % (
    w.of, w.field, shown(w.expected), shown(w.got))


def shown(value):
    if isinstance(value, list):
        return " or ".join(map(shown, value))
    return value.isoformat() if hasattr(value, "isoformat") else repr(value)


def differs(field, must, got):
    if field != "until":
        return must != got
    return not any(got == m or (got and m and abs(
        (got - m).total_seconds()) < NEAR_S) for m in must)


def wrong_fields(of, must, row):
    if row is None:
        return [Wrong(of, "row", must, None)]
    return [Wrong(of, field, value, row[field])
            for field, value in must.items()
            if differs(field, value, row[field])]


def compare(desk, tills, policy):
    """{till: what is wrong} of those whose books are not as they must be."""
    now = desk.value("SELECT extract(epoch FROM now())::bigint")
    rows = {r["id"]: r for r in desk.sql("""
        SELECT s.stripe_subscription_id AS id, a.external_id AS account,
               s.plan, s.period, s.price_id, s.status, s.seat_limit,
               s.current_period_end, s.trial_end, s.cancel_at_period_end,
               s.cancel_at, s.pause_collection IS NOT NULL AS pauses
        FROM billing.subscriptions s
        LEFT JOIN billing.accounts a ON a.id = s.account_id
        WHERE s.stripe_subscription_id = ANY(%s)""",
        [s.id for t in tills for s in t.subs])}
    people = {r["external_id"]: r for r in desk.sql("""
        SELECT v.*, r.converted_at IS NOT NULL AS converted,
               coalesce(v.credit_until > now() + interval '1 day', false)
                   AS credited,
               (billing.account_show(v.external_id, NULL, NULL, NULL)
                   #>> '{features,projects}')::int AS projects
        FROM billing.access v LEFT JOIN billing.referrals r
            ON r.referred_account_id = v.account_id
        WHERE v.external_id = ANY(%s)""", [t.account for t in tills])}
    found = {}
    for till in tills:
        subs, account = expected(till, policy, now)
        wrong = wrong_fields("account" + (" with %s" % policy if policy
                                          else ""),
                             account, people[till.account])
        for number, (id, must) in enumerate(subs.items(), 1):
            wrong += wrong_fields("subscription %d" % number, must,
                                  rows.get(id))
        if wrong:
            found[till] = wrong
    return found


# ------------------------------------------------------------------- story

def line(event, till):
    """An event for a person who looks for what went wrong."""
    obj = event["data"]["object"]
    first = till.events[0]["created"]
    said = ["+%ds" % (event["created"] - first), event["type"]]
    if obj["object"] == "subscription":
        said += ["#%d" % (1 + [s.id for s in till.subs].index(obj["id"])),
                 obj["status"], " + ".join("%s x %s" % (
                     i["price"]["id"], i["quantity"])
                     for i in obj["items"]["data"])]
        said += ["%s=%s" % (k, obj[k]) for k in (
            "cancel_at", "cancel_at_period_end", "pause_collection",
            "latest_invoice") if obj[k]]
        previous = event["data"].get("previous_attributes")
        if previous:
            said.append("was " + ", ".join(
                "%s=%s" % (k, v if not isinstance(v, dict) else "…")
                for k, v in previous.items()))
    elif obj["object"] == "invoice":
        said += [obj["id"], obj["billing_reason"], obj["status"],
                 "amount %d" % obj["amount_due"],
                 "made +%ds" % (obj["created"] - first)]
        said += [obj[k] for k in ("payment_intent",) if k in obj]
    else:
        said += [str(obj[k]) for k in ("payment_status", "amount_refunded",
                                       "status", "payment_intent") if k in obj]
    return " ".join(said)


def number(till, event):
    """Its place in what happened; a twin has that of the other."""
    return 1 + [(e["type"], e["data"]) for e in till.events].index(
        (event["type"], event["data"]))


def story(till, arrived, wrong):
    said = ["  account known by %s%s%s, metadata %s, clock began %s, now +%ds"
            % (till.named_by, ", referred" if till.referred else "",
               (", granted %s" % till.grant if till.grant else "")
               + (", handed out by Stripe" if till.fetched else ""),
               till.metadata, when(till.events[0]["created"]).isoformat(),
               till.clock - till.events[0]["created"]),
            "  steps: " + ", ".join("+%ds %s" % (
                at - till.events[0]["created"], name)
                for at, name in till.log), "  as it happened:"]
    said += ["    " + line(e, till) for e in till.events]
    said.append("  as it arrived, as numbers of that list: " + " ".join(
        str(number(till, e)) for e in arrived))
    return "\n".join(said + ["  " + str(w) for w in wrong])


