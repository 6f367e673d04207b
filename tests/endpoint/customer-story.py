#!/usr/bin/python3 -B
"""What bootstrap run tells a person to do as a customer works as it stands,
offline, and ends in a purchase."""

import json
import os
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import Desk, clean_environment
from harness.tap import Suite, has, same, true

MADE_UP = ("STRIPE_WEBHOOK_SECRET", "STRIPE_API_KEY", "STRIPE_API_BASE",
           "CATALOG")

suite = Suite(lambda: Desk(environment=dict.fromkeys(MADE_UP)))


def shell(desk, number):
    """The NUMBERth curl line of those printed, run in a shell."""
    token = [line for line in desk.printed if line.startswith("token=")]
    curls = [line for line in desk.printed
             if line.startswith("curl ") and "$token" in line]
    same((len(token), len(curls)), (1, 3), "lines")
    result = subprocess.run(
        ["sh", "-c", token[0] + "\n" + curls[number]], cwd="/",
        env=clean_environment(), stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30)
    same(result.returncode, 0)
    return json.loads(result.stdout)


def click(url, button=None):
    data = b"do=" + button.encode() if button else None
    with urllib.request.urlopen(url, data, timeout=30) as page:
        return page.read().decode()


@suite.case("buy, see the page, pay: the account may use what it bought")
def buy(desk):
    has(shell(desk, 2), access=False, features={
        "projects": 1, "export": False})
    url = shell(desk, 0)["url"]
    true("demo@example.com" in click(url) and "Pay</button>" in click(url),
         "the page")
    page = click(url, "pay")
    same(page.count("&quot;status&quot;:&quot;applied&quot;"), 3, page)
    has(shell(desk, 2), access=True, reason="trial", plan="pro",
        period="annual", tier="paid", trial_days_remaining=14,
        features={"projects": 100, "export": True})
    same(shell(desk, 0)["error"], "already_subscribed")
    true("no longer open" in click(url, "pay"), "paid twice")


@suite.case("manage: cancel, change one's mind, end it")
def manage(desk):
    url = shell(desk, 1)["url"]
    true("trialing" in click(url), "the page")
    for button, expected in (
            ("cancel", {"access": True, "cancel_at_period_end": True}),
            ("resume", {"access": True, "cancel_at_period_end": False}),
            ("end", {"access": False, "status": "canceled",
                     "tier": "free"})):
        true("applied" in click(url, button), button)
        has(shell(desk, 2), **expected)


@suite.case("whoever had a trial pays at once the next time")
def again(desk):
    click(shell(desk, 0)["url"], "pay")
    has(shell(desk, 2), access=True, reason="subscription", status="active")


suite.main()
