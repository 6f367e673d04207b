#!/usr/bin/python3 -B
"""An upgrade of a busy desk: an additive migration and new rules under load, with
the old workers going on, then replaced, and PostgreSQL restarted in between."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import Desk, wait_until
from harness.schema import migrate, newest, with_files, works
from harness.service import WORKERS, under_load
from harness.tap import Suite, same, true

MIGRATION = """-- compatible from %d
ALTER TABLE billing.stripe_events ADD COLUMN written_by text;
ALTER TYPE billing.stripe_facts ADD ATTRIBUTE said_by text;
"""
RULE = "INSERT INTO billing.stripe_events (event_id,"
NEW_RULE = "INSERT INTO billing.stripe_events (written_by, event_id,"
VALUES = "VALUES (event, type_, api_version_, livemode_, created,\n\t\t\tnow()"

suite = Suite(lambda: Desk(workers=1, programs=["stripe-webhook"]))


def next_release():
    def changed(text):
        true(RULE in text and VALUES in text, "the rule has another text")
        return text.replace(RULE, NEW_RULE).replace(
            VALUES, VALUES.replace("(", "('the new rules', ", 1))

    return with_files({
        "%03d-next.sql" % (newest() + 1): MIGRATION % newest(),
        "rules/stripe.sql": changed})


def written_by_new_rules(desk):
    return desk.value("SELECT count(*) FROM billing.stripe_events"
                      " WHERE written_by = 'the new rules'")


@suite.case("every answer is a 200, or a 503 of the database's restart that a"
            " resend mends; the new rules are obeyed by the old workers")
def upgraded(desk):
    with under_load(desk, retried=True) as (service, load), \
            next_release() as runner:
        old = service.workers()
        said = works(migrate(runner=runner, url=desk.conninfo))
        true("-next" in said and "read the rules" in said, said)
        load.await_answers()
        same(service.workers(), old, "workers")
        true(written_by_new_rules(desk) > 0, "the rules are the old ones")
        same(load.causes, set(), "causes of a 503 during the migration")

        desk.expect_log("the database system is ", "terminating connection",
                        "not applied and not noted: ")
        desk.restart_postgres()
        load.await_answers()
        service.upgrade()
        service.reload()
        wait_until(lambda: len(service.workers()) == WORKERS, 20,
                   "%d workers of the new copy" % WORKERS)
        load.await_answers()
    true(load.causes <= {"unavailable"}, load.causes)


suite.main()
