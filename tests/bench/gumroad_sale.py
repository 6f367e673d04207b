"""A sale at Gumroad through gumroad-webhook: audit row, licence, mail.

Every sale is new. Without a provider the mail is sent in no time, so what is
measured is minting, queueing and marking. The ceiling makes the very same
four calls with pgbench.
"""

import os
import re
import secrets

from harness import gumroad

LINE = re.compile(
    r" path=/webhooks/gumroad status=(\d+).*? outcome=(\S+) .*\bdb=(\d+)")
WARM_LICENSES = 2000


class GumroadSale:
    title = "a sale through gumroad-webhook"
    program = "gumroad-webhook"
    script = "gumroad-sale.lua"
    ceiling_script = "gumroad-sale.pgbench"
    outcome = "ok"
    has_ledger = False
    goals = {"ratio": 0.40, "round_trips": 4, "pss_mb": 6, "start": 0.1}

    def __init__(self, desk):
        self.desk = desk
        self.prefix = None
        self.body = gumroad.encode(gumroad.sale(sale_id="{sale}"))

    def arguments(self):
        return [self.body, gumroad.SECRETS[0], self.prefix]

    def begin(self):
        self.prefix = "bench-%s-" % secrets.token_hex(6)
        self.log_size = os.path.getsize(self._log())

    def finish(self, run):
        """Count what a run left behind; wrong counts are an error."""
        run["rows"] = self.desk.value("""
            SELECT count(*) FROM billing.licenses l
            JOIN billing.emails e ON e.license_id = l.id
            WHERE starts_with(l.source_order_id, %s) AND e.status = 'sent'
            """, self.prefix)
        run["answers"], run["round_trips"] = self._logged()
        wrong = [name for name in ("refused", "broken") if run[name]]
        if not (run["count"] <= run["rows"]
                <= run["count"] + run["connections"]):
            wrong.append("rows")
        if run["answers"] != {("200", "ok"): run["rows"]}:
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
                if "level=info" in line:
                    continue
                found = LINE.search(line)
                answer = found.group(1, 2) if found else line
                answers[answer] = answers.get(answer, 0) + 1
                trips = max(trips, int(found[3]) if found else 0)
        return answers, trips

    def warm(self):
        return self.desk.count("licenses") >= WARM_LICENSES

    def prepare_ceiling(self):
        self.desk.sql("VACUUM ANALYZE billing.licenses")

    def ceiling_variables(self):
        mail = self.desk.row("SELECT * FROM billing.emails LIMIT 1")
        return {"payload": self.body, "subject": mail["subject"],
                "text": mail["body_text"], "html": mail["body_html"],
                "blob": "b" * 380}

    def first_request(self):
        return (gumroad.PATH + "?secret=" + gumroad.SECRETS[0],
                gumroad.encode(gumroad.sale()).encode(), {})

    def check_books(self):
        """Every licence of ours has one mail, and its audit row says so."""
        wrong = self.desk.sql("""
            SELECT l.id FROM billing.licenses l
            LEFT JOIN billing.emails e ON e.license_id = l.id
            LEFT JOIN billing.gumroad_events g ON g.license_id = l.id
            WHERE l.source_order_id ~ '^bench-'
            GROUP BY l.id HAVING count(DISTINCT e.id) <> 1
            OR count(DISTINCT g.id) <> 1 OR NOT bool_and(g.processed)
            LIMIT 3""")
        if wrong:
            raise AssertionError("the books are wrong: %r" % wrong)
