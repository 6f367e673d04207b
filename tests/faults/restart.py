#!/usr/bin/python3 -B
"""A program is stopped, replaced and started again under load, as the units
of nginx/systemd do it: the socket outlives the workers, and every request gets
its 200."""

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import processes
from harness.desk import SOURCE, Desk, in_threads, wait_until
from harness.tap import Suite, same, true

WORKERS = 4
CONNECTIONS = 6
ROUNDS = 4
BETWEEN = 60            # answers from one restart to the next
NAME = "stripe-webhook"

suite = Suite(lambda: Desk(workers=1, programs=["stripe-webhook"]))


def unit(kind, key):
    """What the unit's template says."""
    with open(os.path.join(SOURCE, "nginx", "systemd",
                           "paydesk@.%s.in" % kind)) as file:
        return re.search("^%s=(.*)$" % key, file.read(), re.M).group(1)


class Service:
    """paydesk@stripe-webhook, with us as systemd: nginx finds our socket in
    the place of the desk's."""

    def __init__(self, desk):
        self.desk = desk
        self.process = None
        self.directory = tempfile.mkdtemp(prefix="paydesk-test.")
        self.program = os.path.join(self.directory, NAME)
        self.log = open(os.path.join(desk.var, "log", "restart.log"), "ab")
        self.upgrade()
        self._listen()

    def _listen(self):
        path = os.path.join(desk_sockets(self.desk), NAME + ".sock")
        mine = os.path.join(self.directory, "socket")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.setblocking(False)
        self.socket.bind(mine)
        os.chmod(mine, 0o600)
        owner = os.stat(path)
        os.chown(mine, owner.st_uid, owner.st_gid)
        self.socket.listen(int(unit("socket", "Backlog")))
        os.rename(mine, path)

    def upgrade(self):
        """Another copy takes the program's place, as make install does it."""
        shutil.copy(self.desk.program(NAME), self.program + ".new")
        os.rename(self.program + ".new", self.program)

    def start(self):
        command = unit("service", "ExecStart").replace(
            "${PAYDESK_WORKERS}", str(WORKERS)).replace(
                "@endpointdir@/%i", self.program).split()
        self.process = subprocess.Popen(
            [*processes.END_WITH_US, *command], stdin=self.socket,
            env=self.desk.command_environment(), stdout=self.log,
            stderr=self.log)

    def workers(self):
        """Those that run what is installed now."""
        installed = os.stat(self.program).st_ino
        found = set()
        for pid in processes.of_directory(self.directory):
            with contextlib.suppress(OSError):
                if os.stat("/proc/%d/exe" % pid).st_ino == installed:
                    found.add(pid)
        return found

    def stop(self):
        """SIGTERM for the first process, which has to see to the others."""
        same(unit("service", "KillMode"), "mixed")
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(int(unit("service", "TimeoutStopSec")))
        same(processes.of_directory(self.directory), [],
             "what systemd would have to kill")

    def reload(self):
        same(unit("service", "ExecReload"), "/bin/kill -USR2 $MAINPID")
        self.process.send_signal(signal.SIGUSR2)

    def close(self):
        if self.process.poll() is None:
            self.stop()
        self.socket.close()
        self.log.close()
        shutil.rmtree(self.directory)


def desk_sockets(desk):
    with open(os.path.join(desk.var, "sockets")) as file:
        return file.read().strip()


class Load:
    """New events without end, over connections that are kept."""

    def __init__(self, desk):
        self.desk = desk
        self.buyers = [desk.buyer() for _ in range(CONNECTIONS)]
        self.answers = {}
        self.broken = None
        self.stopping = False
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        def post(i):
            while not self.stopping:
                event = self.buyers[i].created()
                reply = self.desk.post_event(event)
                self.answers[event["id"]] = reply.status

        try:
            in_threads(CONNECTIONS, post)
        except OSError as error:
            self.broken = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()

    def await_answers(self):
        """That it goes on."""
        enough = len(self.answers) + BETWEEN
        wait_until(lambda: len(self.answers) >= enough
                   or not self.thread.is_alive(), 30, "more answers")

    def check(self):
        same(self.broken, None, "a request without an answer")
        wrong = {i: s for i, s in self.answers.items() if s != 200}
        same(wrong, {}, "answers")
        ledger = self.desk.sql(
            "SELECT event_id, deliveries, processed_at FROM "
            "billing.stripe_events WHERE event_id = ANY(%s)",
            list(self.answers))
        same(len(ledger), len(self.answers), "events in the ledger")
        same([r for r in ledger if r["deliveries"] != 1
              or r["processed_at"] is None], [], "not exactly once")


@contextlib.contextmanager
def under_load(desk):
    service = Service(desk)
    try:
        service.start()
        with Load(desk) as load:
            load.await_answers()
            yield service, load
            load.await_answers()
        load.check()
    finally:
        service.close()


@suite.case("%d times stopped by SIGTERM and started again, every second time"
            " as another copy: requests wait in the socket, each gets a 200 and"
            " is in the ledger once" % ROUNDS)
def restarted(desk):
    with under_load(desk) as (service, load):
        for i in range(ROUNDS):
            service.stop()
            if i % 2:
                service.upgrade()
            true(select.select([service.socket], [], [], 10)[0],
                 "no request came while nothing ran")
            service.start()
            load.await_answers()
            same(len(service.workers()), WORKERS, "workers of the new copy")


@suite.case("%d times reloaded as another copy, one worker after the other:"
            " each request gets a 200 and is in the ledger once" % ROUNDS)
def reloaded(desk):
    with under_load(desk) as (service, load):
        for _ in range(ROUNDS):
            service.upgrade()
            service.reload()
            wait_until(lambda: len(service.workers()) == WORKERS, 20,
                       "%d workers of the new copy" % WORKERS)
            load.await_answers()


suite.main()
