"""paydesk@stripe-webhook as its units run it, under load."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

from . import processes
from .desk import SOURCE, in_threads, wait_until
from .tap import same

WORKERS = 4
CONNECTIONS = 6
BETWEEN = 60            # answers from one restart to the next
NAME = "stripe-webhook"


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
    """New events without end, over connections that are kept. retried: as
    Stripe does, an event that got a 503 is sent again; its causes are kept."""

    def __init__(self, desk, retried=False):
        self.desk = desk
        self.retried = retried
        self.causes = set()
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
                while self.retried and reply.status == 503:
                    self.causes.add(reply.json["error"])
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
        same([r for r in ledger if r["processed_at"] is None
              or (r["deliveries"] != 1 and not self.retried)], [],
             "not exactly once")


@contextlib.contextmanager
def under_load(desk, retried=False):
    service = Service(desk)
    try:
        service.start()
        with Load(desk, retried) as load:
            load.await_answers()
            yield service, load
            load.await_answers()
        load.check()
    finally:
        service.close()
