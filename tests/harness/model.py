"""The books as they must be: random lives, and what they add up to."""

from .desk import in_threads, when
from .stripe import Buyer
from .tap import same

TERMINAL = ("canceled", "incomplete_expired")
LIVE = ("trialing", "active")


def random_life(buyer, chance):
    """The events of one subscription, no two in the same second."""
    events = []
    at = 0

    def next_second():
        nonlocal at
        at += chance.randrange(1, 50)
        return at

    if chance.random() < 0.5:
        events.append(buyer.created(next_second(), status="incomplete"))
        events.append(buyer.updated(next_second(), status="active"))
    else:
        events.append(buyer.created(next_second(),
                                    status=chance.choice(LIVE)))
    for _ in range(chance.randrange(2, 8)):
        events.append(chance.choice([
            lambda: buyer.updated(next_second(), status="active",
                                  quantity=chance.randrange(1, 100)),
            lambda: buyer.updated(next_second(), status="past_due",
                                  quantity=chance.randrange(1, 100)),
            lambda: buyer.invoice_failed(next_second()),
            lambda: buyer.invoice_paid(next_second()),
        ])())
    if chance.random() < 0.3:
        events.append(buyer.deleted(next_second()))
    return events


def snapshots(events):
    return [e for e in events if e["type"].startswith(
        "customer.subscription.")]


def status_of(event):
    return event["data"]["object"]["status"]


def newest(events):
    """The snapshot that stands; a final one before any other."""
    return max(snapshots(events), key=lambda e: (
        status_of(e) in TERMINAL, e["created"]))


def expected_status(events):
    snapshot = newest(events)
    status = status_of(snapshot)

    def last(type):
        return max([e["created"] for e in events if e["type"] == type
                    and e["created"] > snapshot["created"]], default=0)

    failed, paid = last("invoice.payment_failed"), last("invoice.paid")
    if status == "active" and failed > paid:
        return "past_due"
    if status == "past_due" and paid > failed:
        return "active"
    return status


class Books:
    """Many buyers, all their events, and the rows these must end in."""

    def __init__(self, desk, buyers, chance):
        self.desk = desk
        self.lives = {}
        for _ in range(buyers):
            buyer = desk.buyer()
            self.lives[buyer] = random_life(buyer, chance)
        self.events = [e for life in self.lives.values() for e in life]
        chance.shuffle(self.events)

    def expected(self):
        rows = {}
        for buyer, life in self.lives.items():
            status = expected_status(life)
            standing = newest(life)
            paid = status in LIVE or status not in TERMINAL
            rows[buyer.subscription] = {
                "status": status,
                "seat_limit": standing["data"]["object"]["items"]["data"][0][
                    "quantity"],
                "last_event_at": when(standing["created"]),
                "account": buyer.account,
                "tier": "paid" if paid else "free",
                "subscription_status": status,
            }
        return rows

    def actual(self):
        rows = self.desk.sql("""
            SELECT s.stripe_subscription_id AS id, s.status, s.seat_limit,
                   s.last_event_at, a.external_id AS account, a.tier,
                   a.subscription_status
            FROM billing.subscriptions s
            LEFT JOIN billing.accounts a ON a.id = s.account_id""")
        return {row.pop("id"): row for row in rows}

    def check(self):
        """Every row as the model says, every event in the ledger, once."""
        actual, expected = self.actual(), self.expected()
        same(sorted(actual), sorted(expected), "subscriptions")
        wrong = ["%s: expected %r, got %r" % (id, expected[id], actual[id])
                 for id in expected if actual[id] != expected[id]]
        same(wrong, [], "rows that are wrong")
        ledger = self.desk.sql("SELECT event_id, processed_at, outcome "
                               "FROM billing.stripe_events")
        same(sorted(r["event_id"] for r in ledger),
             sorted(e["id"] for e in self.events), "events in the ledger")
        same([r for r in ledger if r["processed_at"] is None
              or r["outcome"] not in ("applied", "stale")], [],
             "events not taken")


def taken_or_later(reply):
    """What is wrong with a reply that must be a 200, or a 503 that says when
    to come back."""
    if reply.status == 200:
        if reply.json["status"] not in ("applied", "duplicate", "stale"):
            return "a 200 that says " + reply.json["status"]
        return None
    if reply.status != 503:
        return "not a 503"
    if not reply.headers.get("retry-after", "").isdigit():
        return "a 503 without Retry-After"
    return None


class Load:
    """Posts events from several threads, round and round until stopped.

    answers[event id] holds what each delivery got: a status, or the name of
    the exception when there was no reply.
    """

    def __init__(self, desk, events, threads=6):
        self.desk = desk
        self.events = events
        self.threads = threads
        self.answers = {e["id"]: [] for e in events}
        self.bad = []
        self.stopping = False

    def run(self, judge):
        """JUDGE(reply) returns a complaint, or None."""
        def post(i):
            while not self.stopping:
                for event in self.events[i::self.threads]:
                    self.post(event, judge)
                    if self.stopping:
                        return

        in_threads(self.threads, post)

    def post(self, event, judge):
        try:
            reply = self.desk.post_event(event)
        except OSError as error:
            self.answers[event["id"]].append(type(error).__name__)
            return
        self.answers[event["id"]].append(reply.status)
        complaint = judge(reply)
        if complaint:
            self.bad.append("%s: %s: %r" % (event["id"], complaint, reply))

    def seen(self):
        """How often each answer came."""
        counts = {}
        for answers in self.answers.values():
            for answer in answers:
                counts[answer] = counts.get(answer, 0) + 1
        return counts


def redeliver(desk, events, threads=4):
    """As a provider does: everything again, until each got its 200."""
    def post(i):
        for event in events[i::threads]:
            reply = desk.post_event(event)
            same(reply.status, 200, "status of %r" % reply.body)
            same(reply.json["status"] in ("applied", "duplicate", "stale"),
                 True, reply.json["status"])

    in_threads(threads, post)


def buyers_like(desk, count, **options):
    """Buyers who differ in their ids alone, with bound accounts."""
    buyers = [Buyer(**options) for _ in range(count)]
    for number, buyer in enumerate(buyers):
        buyer.account = "%s-%d" % (buyer.customer, number)
        buyer.metadata = {"account": buyer.account}
    desk.sql("INSERT INTO billing.accounts (external_id) VALUES "
             + ", ".join(["(%s)"] * count), *[b.account for b in buyers])
    return buyers
