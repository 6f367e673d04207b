"""A signed customer.subscription.updated event through stripe-webhook.

10,000 subscriptions over 10,000 accounts. Every event is new and turns its
subscription from active to past_due or back, so that the ledger, the
subscription and the account change with each.
"""

import os
import re
import subprocess
import time

from harness import desk as harness, stripe
from load import HERE

SUBSCRIPTIONS = 10000
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
HOLES = {"event": 28, "created": 10, "number": 7, "status": 10,
         "previous": 10}
LINE = re.compile(
    r" path=/webhooks/stripe status=(\d+).*? outcome=(\S+) .*\bdb=(\d+)")


def id_prefix(second):
    """As Stripe's ids begin: in the order of time."""
    digits = ""
    for _ in range(5):
        second, digit = divmod(second, 62)
        digits = DIGITS[digit] + digits
    return "evt_1" + digits + "SmB"


class StripeWebhook:
    title = "customer.subscription.updated through stripe-webhook"
    program = "stripe-webhook"
    outcome = "applied"
    has_ledger = True
    script = "stripe-webhook.lua"
    ceiling_script = "stripe-webhook.pgbench"
    goals = {"ratio": 0.40, "round_trips": 2, "pss_mb": 4, "start": 0.1}

    def __init__(self, desk):
        self.desk = desk
        self.next = 0
        self.epoch = int(time.time()) // 2 * 2 - 30 * 86400
        self.template = os.path.join(HERE, "stripe-webhook.json")
        self.body = self._body()
        desk.sql("""
            INSERT INTO billing.accounts
                (external_id, email, stripe_customer_id)
            SELECT 'user_' || n, n || '@example.com', 'cus_TmBench' || n
            FROM (SELECT lpad(generate_series(0, %s)::text, 7, '0') AS n) s
            """, SUBSCRIPTIONS - 1)

    def _body(self):
        with open(self.template) as file:
            body = file.read()
        for name, width in HOLES.items():
            body = body.replace("{%s}" % name, "0" * width)
        return body

    # ---------------------------------------------------------- over HTTP

    def arguments(self):
        return [self.template, harness.SECRET, SUBSCRIPTIONS, self.epoch,
                self.next]

    def begin(self):
        self.began = int(time.time())
        self.log_size = os.path.getsize(self._log())

    def finish(self, run):
        """Count what a run left behind; wrong counts are an error."""
        first, self.next = self.next, run["next"]
        run["rows"] = self.desk.value("""
            SELECT count(*) FROM billing.stripe_events
            WHERE event_id >= %s AND right(event_id, 8)::integer >= %s
            AND outcome = 'applied'""", id_prefix(self.began), first)
        run["answers"], run["round_trips"] = self._logged()
        wrong = [name for name in ("refused", "broken") if run[name]]
        if not (run["count"] <= run["rows"]
                <= run["count"] + run["connections"]):
            wrong.append("rows")
        if run["answers"] != {("200", "applied"): run["rows"]}:
            wrong.append("answers")
        if wrong:
            raise AssertionError("wrong %s: %r" % (", ".join(wrong), run))

    def _log(self):
        return os.path.join(self.desk.var, "log", self.program + ".log")

    def _logged(self):
        """How often each answer was given, and the most round trips."""
        answers, trips = {}, 0
        with open(self._log(), errors="replace") as file:
            file.seek(self.log_size)
            for line in file:
                found = LINE.search(line)
                answer = found.group(1, 2) if found else line
                answers[answer] = answers.get(answer, 0) + 1
                trips = max(trips, int(found[3]) if found else 0)
        return answers, trips

    def warm(self):
        """Whether each subscription has had its first event."""
        return self.desk.count("subscriptions") == SUBSCRIPTIONS

    # ---------------------------------------------- on the database alone

    def prepare_ceiling(self):
        """After the warming up: the twin tables copy what is there."""
        subprocess.run(
            ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f",
             os.path.join(HERE, "stripe-webhook.sql"), self.desk.conninfo],
            check=True)

    def ceiling_variables(self):
        return {"prefix": id_prefix(int(time.time())), "payload": self.body,
                "subscriptions": SUBSCRIPTIONS}

    # -------------------------------------------------------------- other

    def first_request(self):
        """Path, body and headers of a request that a new worker can answer
        with 200."""
        buyer = self.desk.buyer()
        body = stripe.encode(buyer.created())
        return "/webhooks/stripe", body, {
            "Stripe-Signature": stripe.sign(body, harness.SECRET)}

    def check_books(self):
        """Every subscription and account is as its newest event says."""
        wrong = self.desk.sql("""
            WITH newest AS (
                SELECT stripe_subscription_id, max(created_at) AS at,
                       CASE extract(epoch FROM max(created_at))::bigint % 2
                       WHEN 0 THEN 'active' ELSE 'past_due' END AS status
                FROM billing.stripe_events WHERE outcome = 'applied'
                GROUP BY stripe_subscription_id)
            SELECT n.*, s.status, s.last_event_at, a.subscription_status
            FROM newest n
            FULL JOIN billing.subscriptions s USING (stripe_subscription_id)
            LEFT JOIN billing.accounts a ON a.id = s.account_id
            WHERE (s.last_event_at, s.status, a.subscription_status)
                IS DISTINCT FROM (n.at, n.status, n.status)
            LIMIT 3""")
        if wrong:
            raise AssertionError("the books are wrong: %r" % wrong)
