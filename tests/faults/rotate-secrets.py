#!/usr/bin/python3 -B
"""Webhook secrets are rotated as the README says while deliveries go on: the
new one joins the old, the provider changes over, the old one goes. No delivery
is refused."""

import os
import signal
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import gumroad, processes
from harness.desk import Desk, wait_until
from harness.gumroad import encode, sale
from harness.tap import Suite, same, true

WORKERS = 3
THREADS = 3
ENOUGH = 40     # deliveries in each stage of the rotation
OLD, NEW = "whsec_rotate_old_0123456789", "whsec_rotate_new_0123456789"


class Rotating(Desk):
    """A desk whose secrets are in files, as systemd's credentials are."""

    def __init__(self):
        self.secrets = tempfile.TemporaryDirectory()
        os.chmod(self.secrets.name, 0o755)
        settings = {}
        for name, secret in (("STRIPE_WEBHOOK_SECRET", OLD),
                             ("GUMROAD_WEBHOOK_SECRET", "old")):
            self.write(name, secret)
            settings[name] = None
            settings[name + "_FILE"] = self.path(name)
        super().__init__(WORKERS, settings, programs=[
            "stripe-webhook", "gumroad-webhook"])
        self.workers_may_change = True

    def path(self, name):
        return os.path.join(self.secrets.name, name)

    def write(self, name, *secrets):
        with open(self.path(name), "w") as file:
            file.write(" ".join(secrets) + "\n")
        os.chmod(self.path(name), 0o644)

    def change(self, program, name, *secrets):
        """Write the setting, and have multiwatch start workers that read
        it."""
        self.write(name, *secrets)
        before = set(self.worker_pids(program))
        os.kill(processes.parent(min(before)), signal.SIGUSR2)

        def replaced():
            now = set(self.worker_pids(program))
            return len(now) == WORKERS and not now & before

        wait_until(replaced, 20, "new workers")


class Provider:
    """Delivers without a pause, with the secret that it has just then."""

    def __init__(self, deliver, secret):
        self.deliver = deliver
        self.secret = secret
        self.taken = 0
        self.refused = []
        self.stopping = False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run)
                        for _ in range(THREADS)]

    def run(self):
        while not self.stopping:
            reply = self.deliver(self.secret)
            with self.lock:
                if reply.status == 200:
                    self.taken += 1
                else:
                    self.refused.append(repr(reply))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join()

    def await_more(self):
        """Enough deliveries that began after this moment."""
        goal = self.taken + ENOUGH
        wait_until(lambda: self.taken >= goal or self.refused, 30,
                   "%d deliveries" % ENOUGH)


suite = Suite(Rotating)


def stripe_delivery(desk):
    buyer = desk.buyer()

    def deliver(secret):
        return desk.post_event(buyer.updated(), secret=secret)

    return deliver


def gumroad_delivery(desk):
    def deliver(secret):
        return desk.request(
            "POST", gumroad.PATH + "?secret=" + secret, encode(sale()),
            {"Content-Type": "application/x-www-form-urlencoded"})

    return deliver


@suite.each("{program}: no delivery is refused while {name} changes", [
    {"program": "stripe-webhook", "name": "STRIPE_WEBHOOK_SECRET",
     "old": OLD, "new": NEW, "delivery": stripe_delivery},
    {"program": "gumroad-webhook", "name": "GUMROAD_WEBHOOK_SECRET",
     "old": "old", "new": "new", "delivery": gumroad_delivery},
])
def rotate(desk, program, name, old, new, delivery):
    deliver = delivery(desk)
    with Provider(deliver, old) as provider:
        provider.await_more()
        desk.change(program, name, old, new)
        provider.await_more()
        provider.secret = new
        provider.await_more()
        desk.change(program, name, new)
        provider.await_more()
    same(provider.refused[:3], [], "refused")
    true(deliver(old).status in (400, 404), "the old secret still works")


suite.main()
