#!/usr/bin/python3 -B
"""GET /metrics: what it counts, and that Prometheus' own tool is content."""

import os
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import SOURCE, Desk, wait_until
from harness.tap import Suite, same, true

RULES = os.path.join(SOURCE, "nginx", "prometheus-rules.yml")

# What each rule needs to fire: some series, and the labels of the alert.
ALERTS = """
rule_files: [%s]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'paydesk_database_up', values: '1x9 0x20'}
      - {series: 'paydesk_failures_waiting{provider="stripe"}',
         values: '0x4 3x40'}
      - {series: 'paydesk_workers{program="portal"}', values: '4x60'}
      - {series: 'paydesk_workers_busy{program="portal"}', values: '4x60'}
      - {series: 'paydesk_workers{program="account"}', values: '4x60'}
      - {series: 'paydesk_workers_busy{program="account"}', values: '1x60'}
      - {series: 'paydesk_dispute_due_seconds',
         values: '172860-60x20'}
      - {series: 'paydesk_disputes{state="lost"}', values: '7x60'}
      - {series: 'paydesk_disputes{state="open"}', values: '0x4 1x60'}
      - {series: 'paydesk_unknown_prices{price="price_x"}', values: '2x60'}
      - {series: 'paydesk_unmatched_payers', values: '1x90'}
    alert_rule_test:
      - {eval_time: 9m, alertname: PaydeskDatabaseDown, exp_alerts: []}
      - eval_time: 12m
        alertname: PaydeskDatabaseDown
        exp_alerts:
          - exp_labels: {severity: page}
            exp_annotations:
              summary: the database is not there, or has another schema
              action: >-
                curl /healthz says which of the two. Stripe resends what it was
                refused for three days; Gumroad's outage ends up in replay.
      - {eval_time: 14m, alertname: PaydeskFailuresWaiting, exp_alerts: []}
      - eval_time: 16m
        alertname: PaydeskFailuresWaiting
        exp_alerts:
          - exp_labels: {severity: ticket, provider: stripe}
            exp_annotations:
              summary: 3 deliveries of stripe could not be applied
              action: see /ops, which tells the command
      - eval_time: 20m
        alertname: PaydeskWorkersBusy
        exp_alerts:
          - exp_labels: {severity: page, program: portal}
            exp_annotations:
              summary: all workers of portal are busy
              action: more workers, or find out what they wait for
      - {eval_time: 1m, alertname: PaydeskDisputeDue, exp_alerts: []}
      - eval_time: 3m
        alertname: PaydeskDisputeDue
        exp_alerts:
          - exp_labels: {severity: page}
            exp_annotations:
              summary: the evidence of a dispute is due in 1d 23h 58m 0s
              action: answer it at Stripe; /ops says which one
      - {eval_time: 4m, alertname: PaydeskDisputeOpen, exp_alerts: []}
      - eval_time: 6m
        alertname: PaydeskDisputeOpen
        exp_alerts:
          - exp_labels: {severity: ticket, state: open}
            exp_annotations:
              summary: 1 disputes are not over (open)
              action: >-
                /ops lists them with the day until which Stripe takes evidence
      - eval_time: 12m
        alertname: PaydeskUnknownPrice
        exp_alerts:
          - exp_labels: {severity: ticket, price: price_x}
            exp_annotations:
              summary: >-
                2 subscriptions have the price price_x, which is not in the
                catalog
              action: list it under its plan, then paydesk catalog apply FILE
      - {eval_time: 59m, alertname: PaydeskUnmatched, exp_alerts: []}
      - eval_time: 61m
        alertname: PaydeskUnmatched
        exp_alerts:
          - exp_labels: {severity: ticket}
            exp_annotations:
              summary: somebody pays, and has no account
              action: stripe-webhook link CUSTOMER ACCOUNT
"""

suite = Suite(Desk)


def scrape(desk):
    reply = desk.request("GET", "/metrics")
    same(reply.status, 200, repr(reply.body))
    return reply.body.decode()


def value(text, sample):
    """The value of SAMPLE, a name with labels; 0 when it is not there."""
    found = re.findall(r"^%s (\S+)$" % re.escape(sample), text, re.M)
    true(len(found) < 2, "%s is there %d times" % (sample, len(found)))
    return float(found[0]) if found else 0


def all_counted(desk, program):
    wait_until(lambda: value(
        scrape(desk), 'paydesk_workers{program="%s"}' % program)
        == desk.workers, 10, "all workers of %s" % program)


def promtool(*arguments, input=None):
    result = subprocess.run(
        ["promtool", *arguments], input=input, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=60)
    same(result.returncode, 0, result.stdout)
    return result.stdout


@suite.case("promtool check metrics has no complaint, with all kinds of facts")
def checked(desk):
    desk.deliver(stripe.Buyer().created(), answer="unmatched")
    desk.sql("INSERT INTO billing.gumroad_events (payload) VALUES ('x=y')")
    same(promtool("check", "metrics", input=scrape(desk)), "")


@suite.case("the reply says that it is Prometheus' text")
def content_type(desk):
    reply = desk.request("GET", "/metrics")
    same(reply.headers["content-type"],
         "text/plain; version=0.0.4; charset=utf-8")


@suite.case("every metric of the manual is there, and no other")
def documented(desk):
    with open(os.path.join(SOURCE, "cgi-bin", "health.8")) as file:
        manual = set(re.findall(r"\b(paydesk_[a-z_]+[a-z])\b", file.read()))
    there = set(re.findall(r"^# TYPE (\S+)", scrape(desk), re.M))
    same(there, manual - {"paydesk_health"})


@suite.case("a delivery is counted by type and outcome")
def events(desk):
    sample = ('paydesk_events_total{provider="stripe",'
              'type="customer.subscription.created",outcome="%s"}')
    before = scrape(desk)
    event = desk.buyer().created()
    desk.deliver(event)
    desk.deliver(event, answer="duplicate")
    after = scrape(desk)
    for outcome in ("applied", "duplicate"):
        same(value(after, sample % outcome) - value(before, sample % outcome),
             1, outcome)


@suite.case("a type that is not handled is counted as other, whatever it is")
def foreign_type(desk):
    desk.deliver(stripe.event('x"} 1\nforged{a="', {"id": "obj"}),
                 answer="ignored")
    text = scrape(desk)
    true("forged" not in text, text)
    true(value(text, 'paydesk_events_total{provider="stripe",type="other",'
               'outcome="ignored"}') >= 1, text)


@suite.case("a status that Stripe may invent is counted as other")
def foreign_status(desk):
    desk.sql("INSERT INTO billing.subscriptions (stripe_subscription_id, "
             "status) VALUES ('sub_new', 'very_new\"')")
    text = scrape(desk)
    desk.sql("DELETE FROM billing.subscriptions "
             "WHERE stripe_subscription_id = 'sub_new'")
    same(value(text, 'paydesk_subscriptions{status="other"}'), 1)
    true("very_new" not in text, text)


@suite.case("requests are counted by program and status, and timed")
def requests(desk):
    refused = 'paydesk_http_requests_total{program="stripe-webhook",code="400"}'
    count = 'paydesk_request_duration_seconds_count{program="stripe-webhook"}'
    before = scrape(desk)
    for _ in range(3):
        same(desk.request("POST", "/webhooks/stripe", b"{}").status, 400)
    after = scrape(desk)
    same(value(after, refused) - value(before, refused), 3)
    same(value(after, count) - value(before, count), 3)


@suite.case("each program has its workers; the one that answers is busy")
def workers(desk):
    for program in ("stripe-webhook", "account", "license", "health"):
        all_counted(desk, program)
    text = scrape(desk)
    same(value(text, 'paydesk_workers_busy{program="health"}'), 1)
    same(value(text, 'paydesk_workers_busy{program="account"}'), 0)


@suite.case("a worker that is killed takes no count with it")
def killed(desk):
    same(desk.request("GET", "/account").status, 401)
    sample = 'paydesk_http_requests_total{program="account",code="401"}'
    counted = value(scrape(desk), sample)
    true(counted >= 1, "nothing was counted")
    desk.expect_log("terminated by signal")
    desk.end_workers("account", signal.SIGKILL)
    wait_until(lambda: desk.request("GET", "/account").status == 401, 10,
               "an answer")
    true(value(scrape(desk), sample) > counted, "counters went back")
    all_counted(desk, "account")


@suite.case("failures, mails and unmatched subscriptions come from the books")
def books(desk):
    before = scrape(desk)
    with desk.failing("P0001"):
        desk.deliver(desk.buyer().created(), answer="handler_error")
    desk.deliver(stripe.Buyer().created(), answer="unmatched")
    desk.sql("""INSERT INTO billing.emails (kind, to_email, subject, body_text,
                body_html, created_at, next_attempt_at)
                VALUES ('license', 'a@example.org', 's', 't', 'h',
                now() - interval '1 hour', now() + interval '1 hour')""")
    after = scrape(desk)
    for sample in ('paydesk_failures_waiting{provider="stripe"}',
                   "paydesk_failures_total",
                   "paydesk_unmatched_subscriptions",
                   'paydesk_mails{status="queued"}'):
        same(value(after, sample) - value(before, sample), 1, sample)
    true(3600 <= value(after, "paydesk_mail_oldest_age_seconds") < 3660,
         "age of the mail")
    true(value(after, 'paydesk_last_event_age_seconds{provider="stripe"}')
         < 60, "age of the last event")
    desk.sql("DELETE FROM billing.emails")


@suite.case("it answers this host alone")
def local_only(desk):
    with open(os.path.join(SOURCE, "nginx", "paydesk.conf")) as file:
        location = file.read().split("location = /metrics {")[1].split("}")[0]
    same(re.findall(r"^\t(?:allow|deny) .*;$", location, re.M),
         ["\tallow 127.0.0.1;", "\tallow ::1;", "\tdeny all;"])


@suite.case("the sample rules are valid")
def rules(_):
    true("SUCCESS" in promtool("check", "rules", RULES), "promtool")


@suite.case("alerts fire when they should, and not before")
def alerts(_):
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(ALERTS % RULES)
        file.flush()
        true("SUCCESS" in promtool("test", "rules", file.name), "promtool")


@suite.case("every metric that a rule reads exists")
def rules_read(desk):
    with open(RULES) as file:
        read = set(re.findall(r"\bpaydesk_[a-z_]+", file.read()))
    there = set(re.findall(r"^# TYPE (\S+)", scrape(desk), re.M))
    same({re.sub("_bucket$", "", name) for name in read} - there, set())


suite.main()
