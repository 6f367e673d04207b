"""A whole paydesk of a test's own: PostgreSQL, nginx, workers, fake Stripe.

It is started by `bootstrap run`, the one home of how everything is started,
in a private directory and on a free port, from a tree that is built already
(PAYDESK_BUILD, else this source tree).
"""

import contextlib
import datetime
import glob
import json
import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request

import psycopg2
import psycopg2.extensions
import psycopg2.extras

from . import processes, stripe
from .client import Client, RawClient
from .tap import has, same, true

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("PAYDESK_BUILD") or SOURCE)

PROGRAMS = sorted(os.path.basename(path)[:-len(".c")] for path in
                  glob.glob(os.path.join(SOURCE, "cgi-bin", "*.c")))
JOBS = ["outbox", "catch-up", "sample"]
FAKE_STRIPE = "fake-stripe"
ALL = PROGRAMS + JOBS + [FAKE_STRIPE]
# A migrated database that every desk of this build begins with.
TEMPLATE = os.path.join(BUILD, "tests", "template")
NOBODY = "http://127.0.0.1:9"   # where no Stripe listens

SECRET = "whsec_harness0123456789abcdef"
API_KEY = "sk_test_harness"
WEBHOOK = "/webhooks/stripe"
READY_SECONDS = 90
STOP_SECONDS = 30

# So that a signal, as that of a case's time limit, ends a wait in a query.
psycopg2.extensions.set_wait_callback(psycopg2.extras.wait_select)

# A setting that the person who runs the tests has in the environment must
# not change what is tested.
SETTINGS = re.compile(
    r"(DATABASE_URL|SITE_URL|CATALOG|GRACE_DAYS|REFERRAL_CREDIT_DAYS"
    r"|ALLOWED_ORIGINS|PAYLOAD_KEEP_DAYS|STATS_DIR|CREDENTIALS_DIRECTORY"
    r"|(STRIPE|PAYDESK|GUMROAD|AUTH|LICENSE|EMAIL|MAIL|POSTMARK|SMTP|PG).*)$")

# A client that is lost is one that a test has killed, or a job that bootstrap
# has ended; workers that end are noticed by their pids.
STRAY = re.compile(
    r"runtime error:|Sanitizer|SUMMARY:|[Aa]ssert|Segmentation|core dumped"
    r"|stack smashing|buffer overflow detected|(malloc|free)\(\)"
    r"|corruption \("
    r"|level=(warn|error)"
    r"|\[(warn|error|crit|alert|emerg)\]"
    r"|\b(WARNING|ERROR|FATAL|PANIC|TRAP):(?!  terminating autovacuum"
    r"|  terminating connection due to administrator command"
    r"|  connection to client lost)"
    r"|terminated by signal")

# What says nothing about why a case failed.
DULL_LOGS = ("initdb.log", "nginx-access.log")
DULL = re.compile(r"^\t|STATEMENT:|CONTEXT:|LOG:|status=200")

BOOKS = ("accounts", "subscriptions", "stripe_events", "webhook_failures",
         "referrals")

ANSWERS = {
    "applied": {"received": True, "applied": True, "status": "applied"},
    "duplicate": {"received": True, "applied": False, "status": "duplicate",
                  "duplicate": True},
    "ignored": {"received": True, "applied": False, "status": "ignored",
                "handled": False},
    "stale": {"received": True, "applied": False, "status": "stale"},
    "unmatched": {"received": True, "applied": False, "status": "unmatched"},
    "handler_error": {"received": True, "applied": False,
                      "status": "handler_error"},
}

TAKEN = ("applied", "duplicate", "stale", "unmatched")


def clean_environment():
    return {k: v for k, v in os.environ.items() if not SETTINGS.match(k)}


def free_port():
    """Below the range from which the kernel takes ports for connections."""
    while True:
        port = random.randrange(10000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port


def wait_until(condition, seconds=10, what="the condition"):
    """Poll CONDITION until it returns something true, and return that."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError("%s did not come within %g s" % (
                what, seconds))
        time.sleep(0.01)


def when(epoch):
    """Stripe's seconds as the database gives them back."""
    if epoch is None:
        return None
    return datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)


def in_threads(count, function):
    """Run FUNCTION(i) in COUNT threads; raise what any of them raised."""
    errors = []

    def run(i):
        try:
            function(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,), daemon=True)
               for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


class FakeStripe:
    """tests/fake/stripe and its control plane."""

    def __init__(self):
        self.process = subprocess.Popen(
            [*processes.END_WITH_US,
             os.path.join(SOURCE, "tests", "fake", "stripe")],
            stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def _ask(self, method, path, body=None):
        request = urllib.request.Request(
            self.url + "/_fake/" + path, method=method,
            data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def put(self, obj):
        return self._ask("PUT", "objects/" + obj["id"], obj)

    def next(self, match, *answers):
        self._ask("POST", "mode", {"match": match, "answers": answers})

    def requests(self):
        return self._ask("GET", "requests")

    def reset(self):
        self._ask("POST", "reset", {})

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Desk:
    """PROGRAMS names what is started of ALL: the fewer, the quicker.  With
    durable=False commits do not wait for the disk: for tests that post a
    great deal and crash nothing.  In ENVIRONMENT None unsets.  Without
    TEMPLATE the database is made as a user's first one."""

    def __init__(self, workers=2, environment=None, durable=True, port=None,
                 programs=None, template=TEMPLATE):
        self.expected_strays = []
        self.workers_may_change = False
        self._local = threading.local()
        self._connections = {}
        self._diagnosed = {}
        self.process = None
        self.directory = tempfile.mkdtemp(prefix="paydesk-test.")
        os.chmod(self.directory, 0o711)
        self.var = os.path.join(self.directory, "var")
        self.catalog = os.path.join(self.directory, "catalog.json")
        with open(self.catalog, "w") as file:
            json.dump(stripe.CATALOG, file)
        os.chmod(self.catalog, 0o644)
        self.programs = ALL if programs is None else programs
        same([p for p in self.programs if p not in ALL], [], "no programs")
        self.stripe = FakeStripe() if FAKE_STRIPE in self.programs else None
        self.template = template
        self.port = port or free_port()
        self.workers = workers
        self.settings = {
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "STRIPE_API_KEY": API_KEY,
            "STRIPE_API_BASE": self.stripe.url if self.stripe else NOBODY,
            "CATALOG": self.catalog,
            **(environment or {}),
        }
        try:
            self._start()
            if not durable:
                self.alter_system("fsync = off")
        except BaseException:
            self.abandon()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.abandon()
        else:
            self.close()

    # -------------------------------------------------------- start, stop

    def bootstrap_environment(self):
        environment = {
            **clean_environment(), **self.settings,
            "PAYDESK_BUILD": BUILD, "PAYDESK_VAR": self.var,
            "PAYDESK_PORT": str(self.port),
            "PAYDESK_WORKERS": str(self.workers),
            "PAYDESK_PROGRAMS": None if self.programs is ALL
            else " ".join(self.programs),
            "PAYDESK_TEMPLATE": self.template}
        return {k: v for k, v in environment.items() if v is not None}

    def _start(self):
        self._stderr = open(os.path.join(self.directory, "bootstrap.log"),
                            "ab")
        self.process = subprocess.Popen(
            [*processes.END_WITH_US, os.path.join(SOURCE, "bootstrap"),
             "run"], env=self.bootstrap_environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self._stderr, start_new_session=True)
        self.conninfo = None
        self.printed = []
        ready = threading.Event()

        def read():
            for line in self.process.stdout:
                line = line.decode(errors="replace").rstrip("\n")
                self.printed.append(line)
                if line.startswith("paydesk database "):
                    self.conninfo = line[len("paydesk database "):]
                if line.startswith("paydesk ready "):
                    ready.set()
            ready.set()

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()
        ready.wait(READY_SECONDS)
        if not any(p.startswith("paydesk ready ") for p in self.printed):
            raise AssertionError("bootstrap run was not ready:\n" + "\n".join(
                self.printed + self.diagnose()))
        true(self.conninfo, "no line 'paydesk database' before 'ready'")
        wait_until(self._all_workers, 10, "%d workers of each" % self.workers)
        self.first_workers = self.all_worker_pids()

    def all_worker_pids(self):
        """The process ids of each program's workers."""
        of = {os.path.realpath(self.program(name)): name
              for name in self.programs if name in PROGRAMS}
        found = {name: [] for name in of.values()}
        for pid in processes.of_directory(self.directory):
            name = of.get(processes.executable(pid))
            if name and processes.name(processes.parent(pid)) == "multiwatch":
                found[name].append(pid)
        return found

    def _all_workers(self):
        return all(len(pids) >= self.workers
                   for pids in self.all_worker_pids().values())

    def _stop(self):
        """End what bootstrap runs; returns what would not end by itself."""
        for connection in self._connections.values():
            connection.close()
        self._connections = {}
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        deadline = time.monotonic() + 2
        while (left := processes.of_directory(self.directory)):
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        names = [processes.describe(pid) for pid in left]
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process:
            self.process.wait()
            self._reader.join()
            self.process.stdout.close()
            self._stderr.close()
        return names

    def described(self):
        """Where to look at it, as lines."""
        return ["logs      %s/log" % self.var,
                "url       http://127.0.0.1:%d" % self.port,
                "database  %s" % self.conninfo] + [
                    "workers   %s: %s" % (name, " ".join(map(str, pids)))
                    for name, pids in self.all_worker_pids().items()]

    def restart(self):
        """Stop all, and start it again in the same directory; how many
        seconds the start took."""
        same(self._stop(), [], "still running")
        same(self.process.returncode, 0, "exit status of bootstrap")
        started = time.monotonic()
        self._start()
        return time.monotonic() - started

    def abandon(self):
        """End the desk without asking anything."""
        self._stop()
        if self.stripe:
            self.stripe.close()
        self._remove_sockets()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _remove_sockets(self):
        """A bootstrap that was killed leaves them in their directory."""
        with contextlib.suppress(OSError):
            with open(os.path.join(self.var, "sockets")) as file:
                shutil.rmtree(file.read().strip())

    def close(self):
        """End the desk and ask how it stands: every test's last case."""
        wrong = []
        with contextlib.suppress(psycopg2.Error):
            wrong += self.unbalanced()
        if self.process.poll() is not None:
            wrong.append("bootstrap has ended by itself (%d)"
                         % self.process.returncode)
        elif not self.workers_may_change and (
                self.all_worker_pids() != self.first_workers):
            wrong.append("the workers were %r and are %r" % (
                self.first_workers, self.all_worker_pids()))
        left = self._stop()
        if left:
            wrong.append("still running: " + "; ".join(left))
        wrong += ["stray log line: " + line for line in self.strays()]
        if self.stripe:
            self.stripe.close()
        shutil.rmtree(self.directory)
        if wrong:
            raise AssertionError("\n".join(wrong))

    def unbalanced(self):
        """What no sequence of events may ever leave in the books."""
        rules = {
            "a processed event has an outcome and no error":
                """SELECT event_id FROM billing.stripe_events
                   WHERE processed_at IS NOT NULL AND (error IS NOT NULL
                   OR outcome NOT IN ('applied', 'ignored', 'stale',
                                      'unmatched', 'skipped'))""",
            "an unprocessed event is a handler_error with its reason":
                """SELECT event_id FROM billing.stripe_events e
                   WHERE processed_at IS NULL AND (error IS NULL
                   OR outcome <> 'handler_error' OR NOT EXISTS (
                       SELECT FROM billing.webhook_failures f
                       WHERE f.id = e.event_id))""",
            "whoever has a live subscription is paid":
                """SELECT external_id FROM billing.accounts a
                   WHERE tier <> 'paid' AND EXISTS (
                       SELECT FROM billing.subscriptions s
                       WHERE s.account_id = a.id AND billing.is_base(s)
                       AND s.status IN ('trialing', 'active'))""",
            "a credited referral has converted, and the other way round":
                """SELECT code FROM billing.referrals
                   WHERE (converted_at IS NULL) <> (credited_at IS NULL)""",
            "no session is left inside a transaction":
                """SELECT usename, query FROM pg_stat_activity
                   WHERE state LIKE 'idle in transaction%'""",
        }
        return ["the books: %s, but not %r" % (rule, rows[:5])
                for rule, query in rules.items()
                if (rows := [tuple(r.values()) for r in self.sql(query)])]

    # --------------------------------------------------------------- logs

    def expect_log(self, *patterns):
        """These lines are what the test provokes."""
        self.expected_strays += [re.compile(p) for p in patterns]

    def log_files(self):
        return sorted(glob.glob(os.path.join(self.var, "log", "*"))) + [
            os.path.join(self.directory, "bootstrap.log")]

    def log(self, name):
        with open(os.path.join(self.var, "log", name + ".log"),
                  errors="replace") as file:
            return file.read()

    def strays(self):
        found = []
        for path in self.log_files():
            with open(path, errors="replace") as file:
                found += [
                    "%s: %s" % (os.path.basename(path), line.rstrip()[:400])
                    for line in file if STRAY.search(line)
                    and not any(p.search(line) for p in self.expected_strays)]
        return found[:20]

    def diagnose(self):
        """What the logs said of interest since this was asked last."""
        said = []
        for path in self.log_files():
            name = os.path.basename(path)
            with contextlib.suppress(OSError), open(path, "rb") as file:
                file.seek(self._diagnosed.get(path, 0))
                lines = file.read().decode(errors="replace").splitlines()
                self._diagnosed[path] = file.tell()
                if name not in DULL_LOGS:
                    said += ["%s: %s" % (name, line[:300])
                             for line in lines[-200:]
                             if not DULL.search(line)][-6:]
        return said

    # ----------------------------------------------------------- database

    def connect(self, **changes):
        """A connection of one's own, with autocommit off."""
        return psycopg2.connect(
            psycopg2.extensions.make_dsn(self.conninfo, **changes),
            cursor_factory=psycopg2.extras.RealDictCursor)

    def superuser(self):
        name = self.value("SELECT rolname FROM pg_roles WHERE oid = 10")
        connection = self.connect(user=name)
        connection.autocommit = True
        return connection

    def alter_system(self, change):
        """A setting of the whole cluster, at once for all sessions."""
        with contextlib.closing(self.superuser()) as connection:
            cursor = connection.cursor()
            cursor.execute("ALTER SYSTEM SET " + change)
            cursor.execute("SELECT pg_reload_conf()")

    def sql(self, query, *args):
        """Rows as dicts; as the schema's owner, each in its transaction."""
        key = threading.get_ident()
        if key not in self._connections or self._connections[key].closed:
            self._connections[key] = self.connect()
            self._connections[key].autocommit = True
        with self._connections[key].cursor() as cursor:
            cursor.execute(query, args or None)
            return [dict(r) for r in cursor] if cursor.description else []

    def row(self, query, *args):
        rows = self.sql(query, *args)
        true(len(rows) < 2, "more than one row: %r" % rows)
        return rows[0] if rows else None

    def value(self, query, *args):
        row = self.row(query, *args)
        return next(iter(row.values())) if row else None

    def column(self, query, *args):
        return [next(iter(row.values())) for row in self.sql(query, *args)]

    def count(self, table):
        return self.value("SELECT count(*) FROM billing." + table)

    def account(self, **columns):
        """Insert an account; its row comes back."""
        columns.setdefault("external_id", stripe.new_id("user"))
        columns.setdefault("email", columns["external_id"] + "@example.com")
        names = list(columns)
        return self.row(
            "INSERT INTO billing.accounts (%s) VALUES (%s) RETURNING *" % (
                ", ".join(names), ", ".join(["%s"] * len(names))),
            *columns.values())

    def buyer(self, bound=True, **options):
        """A buyer who has an account, bound to the customer id or not."""
        buyer = stripe.Buyer(stripe.new_id("user"), **options)
        buyer.email = buyer.account + "@example.com"
        self.account(external_id=buyer.account, email=buyer.email,
                     stripe_customer_id=buyer.customer if bound else None)
        return buyer

    def account_of(self, buyer):
        return self.row("SELECT * FROM billing.accounts "
                        "WHERE external_id = %s", buyer.account)

    def subscription_of(self, buyer):
        return self.row("SELECT * FROM billing.subscriptions "
                        "WHERE stripe_subscription_id = %s",
                        buyer.subscription)

    def ledger(self, event):
        return self.row("SELECT * FROM billing.stripe_events "
                        "WHERE event_id = %s", event["id"])

    def failures(self, event):
        return self.sql("SELECT * FROM billing.webhook_failures "
                        "WHERE id = %s ORDER BY failure_id", event["id"])

    def books(self):
        """All that is stored, as one value that can be compared."""
        return {table: self.value(
            "SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) "
            "FROM billing.%s t" % table) for table in BOOKS}

    @contextlib.contextmanager
    def nothing_stored(self, but=()):
        """The block may not change one column of one row, BUT in these
        tables."""
        before = self.books()
        yield
        after = self.books()
        same([t for t in BOOKS if after[t] != before[t] and t not in but],
             [], "tables that have changed")

    @contextlib.contextmanager
    def failing(self, sqlstate, table="subscriptions", times=None):
        """Every write to TABLE, or the first TIMES, fails with SQLSTATE."""
        self.expect_log("injected fault")
        self.sql("""
            CREATE SEQUENCE billing.test_faults;
            CREATE FUNCTION billing.test_fault() RETURNS trigger
            LANGUAGE plpgsql AS $$ BEGIN
                IF nextval('billing.test_faults') <= %d THEN
                    RAISE EXCEPTION 'injected fault'
                        USING ERRCODE = '%s';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER test_fault BEFORE INSERT OR UPDATE
                ON billing.%s FOR EACH ROW
                EXECUTE FUNCTION billing.test_fault()""" % (
                    times or 1000000, sqlstate, table))
        try:
            yield lambda: self.value(
                "SELECT last_value FROM billing.test_faults")
        finally:
            self.sql("""
                DROP TRIGGER test_fault ON billing.%s;
                DROP FUNCTION billing.test_fault();
                DROP SEQUENCE billing.test_faults""" % table)

    # --------------------------------------------------------------- HTTP

    def client(self):
        """This thread's keep-alive connection."""
        if not hasattr(self._local, "client"):
            self._local.client = Client(self.port)
        return self._local.client

    def raw(self, timeout=30):
        return RawClient(self.port, timeout)

    def request(self, method, path, body=None, headers=None):
        return self.client().request(method, path, body, headers)

    def post_event(self, event, secret=SECRET, t=None, header=None):
        """Sign and post an event (or bytes)."""
        body = stripe.encode(event)
        if header is None:
            header = stripe.sign(body, secret, t)
        return self.request("POST", WEBHOOK, body, {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": header})

    def deliver(self, *events, answer="applied"):
        """Post events and compare each reply with the reply table's row.

        With answer=None any will do by which the event has been taken.
        """
        for event in events:
            reply = self.post_event(event)
            same(reply.status, 200, "status of %s %r" % (
                event["type"], reply.body))
            if answer:
                has(reply.json, **ANSWERS[answer])
            else:
                true(reply.json["status"] in TAKEN, repr(reply))
        return reply

    # ---------------------------------------------------------- processes

    def program(self, name="stripe-webhook"):
        return os.path.join(BUILD, "cgi-bin", name)

    def worker_pids(self, name="stripe-webhook"):
        return self.all_worker_pids()[name]

    def end_workers(self, name, number):
        """A signal to all workers of a program; others take their place."""
        before = self.worker_pids(name)
        for pid in before:
            os.kill(pid, number)
        wait_until(lambda: len(set(self.worker_pids(name)) - set(before))
                   == self.workers, 10, "new workers")
        self.first_workers[name] = self.worker_pids(name)

    def run(self, *arguments, program="stripe-webhook", input=None,
            environment=None):
        """Run a program as a command, with the desk's settings."""
        return subprocess.run(
            [self.program(program), *arguments], input=input,
            env=self.command_environment(environment),
            stdin=None if input is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)

    def begin(self, *arguments, **options):
        """Start stripe-webhook as a command, which goes on by itself."""
        return subprocess.Popen(
            [*processes.END_WITH_US, self.program(), *arguments],
            env=self.command_environment(), stdin=subprocess.DEVNULL,
            **options)

    def command_environment(self, changes=None):
        environment = {
            **clean_environment(), **self.settings,
            "DATABASE_URL": self.program_conninfo(),
            "PAYDESK_PORT": str(self.port), **(changes or {})}
        return {k: v for k, v in environment.items() if v is not None}

    def apply(self, catalog, *arguments, status=0):
        """Make CATALOG, a document or a text, what is sold; what was said."""
        path = os.path.join(self.directory, "applied.json")
        with open(path, "w") as file:
            file.write(catalog if isinstance(catalog, str)
                       else json.dumps(catalog))
        ran = self.run("catalog", "apply", *arguments, path,
                       program="account",
                       environment={"DATABASE_URL": self.conninfo})
        said = (ran.stdout + ran.stderr).decode()
        same(ran.returncode, status, said)
        return said

    @contextlib.contextmanager
    def selling(self, catalog):
        """While it lasts CATALOG is what is sold; None: none was applied."""
        with open(self.settings["CATALOG"]) as file:
            usual = file.read()
        if catalog is None:
            self.sql("UPDATE billing.policy SET catalog_id = NULL, "
                     "default_plan = NULL, other_prices = 'paid'")
            for table in ("plan_products", "prices", "plans",
                          "gumroad_products", "catalogs"):
                self.sql("DELETE FROM billing." + table)
        else:
            self.apply(catalog, "--allow-loss", "999")
        try:
            yield
        finally:
            self.apply(usual, "--allow-loss", "999")

    def program_conninfo(self, name="stripe-webhook", **changes):
        return psycopg2.extensions.make_dsn(self.conninfo, **{
            "user": "paydesk_" + name.replace("-", "_"), **changes})

    # --------------------------------------------------------- PostgreSQL

    def _as_owner_of_the_cluster(self, *command, **options):
        owner = os.stat(self.var + "/pg")
        who = {}
        if os.geteuid() == 0:
            who = {"user": owner.st_uid, "group": owner.st_gid,
                   "extra_groups": []}
        return subprocess.Popen(command, cwd="/", stdin=subprocess.DEVNULL,
                                start_new_session=True, **who, **options)

    def stop_postgres(self, mode="fast"):
        self.expect_log("the outbox waits: ", "catch-up waits: ", "no sample: ")
        for connection in self._connections.values():
            connection.close()
        with open(self.var + "/pg/postmaster.opts") as file:
            self._postmaster = shlex.split(file.read())
        pg_ctl = os.path.join(os.path.dirname(self._postmaster[0]), "pg_ctl")
        stop = self._as_owner_of_the_cluster(
            pg_ctl, "-D", self.var + "/pg", "-m", mode, "-w", "stop",
            stdout=subprocess.DEVNULL)
        same(stop.wait(60), 0, "exit status of pg_ctl stop")

    def start_postgres(self):
        with open(self.var + "/log/postgresql.log", "ab") as log:
            postmaster = self._as_owner_of_the_cluster(
                *self._postmaster, stdout=log, stderr=log)
        threading.Thread(target=postmaster.wait, daemon=True).start()

        def connects():
            with contextlib.suppress(psycopg2.OperationalError):
                self.connect().close()
                return True

        wait_until(connects, 60, "a connection to PostgreSQL")

    def restart_postgres(self, mode="fast"):
        self.stop_postgres(mode)
        self.start_postgres()
