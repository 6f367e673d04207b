"""What an event costs while the ledger grows.

Ledgers of several sizes stand side by side, and one after the other takes the
place of billing.stripe_events, so that all are measured in the same minutes.
Their rows have ids as real ones and columns as applied events, but payloads
of 100 bytes: 3 KB would say nothing more, since no insert reads them, and
would fill the disk.
"""

import time

from stripe_webhook import DIGITS

CHUNK = 500000
PAYLOAD_BYTES = 100
DIGIT = "substr('%s', at / %d %% 62 + 1, 1)"
TIME = " || ".join(DIGIT % (DIGITS, 62 ** power) for power in (4, 3, 2, 1, 0))
EVENT_ID = """'evt_1' || %s || 'SmB'
    || lpad((random() * 9999999)::integer::text, 7, '0')
    || lpad(n::text, 8, '0')""" % TIME
EVENTS_PER_SECOND = 2  # of the past that the ledger remembers


class Ledgers:
    def __init__(self, desk):
        self.desk = desk
        desk.expect_log("canceling autovacuum task")  # by a rename
        desk.sql("ALTER TABLE billing.stripe_events RENAME TO ledger_load")
        self.current = None

    def make(self, rows, progress):
        table = "billing.ledger_%d" % rows
        self.desk.sql("CREATE TABLE %s (LIKE billing.ledger_load"
                      " INCLUDING ALL)" % table)
        end = int(time.time()) - 3600
        for first in range(0, rows, CHUNK):
            progress("ledger of %d rows: %d" % (rows, first))
            self._fill(table, first, min(rows, first + CHUNK),
                       end - rows // EVENTS_PER_SECOND)
        self.desk.sql("VACUUM ANALYZE " + table)

    def _fill(self, table, first, last, start):
        self.desk.sql("""
            INSERT INTO %s (event_id, type, api_version, livemode,
                created_at, received_at, processed_at, outcome,
                stripe_customer_id, stripe_subscription_id, payload)
            SELECT %s, 'customer.subscription.updated', '2025-03-31.basil',
                false, to_timestamp(at), to_timestamp(at), to_timestamp(at),
                'applied', 'cus_TmBench' || lpad((n %% 10000)::text, 7, '0'),
                'sub_1SmBench2eZvKYlo0' || lpad((n %% 10000)::text, 7, '0'),
                repeat('x', %d)
            FROM (SELECT n, %d + n / %d AS at
                  FROM generate_series(%d, %d) n) past
            """ % (table, EVENT_ID, PAYLOAD_BYTES, start, EVENTS_PER_SECOND,
                   first, last - 1))

    def use(self, rows):
        """This one is the ledger now; that of no rows starts empty again."""
        if self.current is not None:
            self.desk.sql("ALTER TABLE billing.stripe_events RENAME TO"
                          " ledger_%d" % self.current)
        self.desk.sql("ALTER TABLE billing.ledger_%d RENAME TO stripe_events"
                      % rows)
        if rows == 0:
            self.desk.sql("TRUNCATE billing.stripe_events")
        self.current = rows
