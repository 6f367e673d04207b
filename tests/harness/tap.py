"""A test program is a table of named behaviours; each is one TAP line.

    suite = Suite(lambda: Desk())

    @suite.case("a signed event is applied")
    def applied(desk):
        same(desk.deliver(...).status, 200)

    @suite.each("a {status} subscription is stored", STATUSES)
    def stored(desk, status):
        ...

    suite.main()

The fixture is made once, handed to every case and closed at the end; what
close() finds wrong fails one last line.  `PROGRAM -k WORDS` runs the cases
whose name contains the words, `-l` lists the names, `--hold` waits before the
end, so that one can look at what there is.

Each case has a time limit, and so have the start and the end of the fixture:
what runs over fails, with the place where it stood, and the suite goes on.
When it ends, no process that it has started, or that those have, lives on.
"""

import argparse
import contextlib
import faulthandler
import signal
import sys
import threading
import time
import traceback

from . import processes

SLOW_S = 2      # a case that takes longer says so
CASE_S = 60     # the limit of a case that names none
START_S = 120   # of making the fixture
CLOSE_S = 60    # of closing it
AGAIN_S = 40    # what a case that has run over has to clean up behind itself
STUCK_S = 90    # beyond its limit: the whole program is ended
LEAVE_S = 10    # for threads that cases have left behind


class Skip(Exception):
    """Raised by a case that cannot be run here, with the reason."""


class OverTime(BaseException):
    """No `except Exception` of a case may take this one for its own."""


def same(actual, expected, about=""):
    if actual != expected:
        raise AssertionError("%sexpected %r\n%sgot      %r" % (
            about + ": " if about else "", expected,
            " " * (len(about) + 2) if about else "", actual))


def has(row, **fields):
    """Compare the named fields of a row or a reply; report all that differ."""
    if row is None:
        raise AssertionError("there is no row, expected %r" % fields)
    wrong = ["%s: expected %r, got %r" % (name, want, row.get(name))
             for name, want in fields.items()
             if name not in row or row[name] != want]
    if wrong:
        raise AssertionError("\n".join(wrong))


def true(condition, message):
    if not condition:
        raise AssertionError(message)


class Suite:
    def __init__(self, fixture=None, start_s=None):
        self.fixture = fixture
        self.start_s = start_s or START_S
        self.cases = []

    def case(self, name, limit_s=CASE_S):
        def add(function):
            self.cases.append((name, function, {}, limit_s))
            return function
        return add

    def each(self, name, rows, limit_s=CASE_S):
        """One case a row; a row is a dict, or a value for the name's field."""
        def add(function):
            for row in rows:
                if not isinstance(row, dict):
                    row = {_only_field(name): row}
                self.cases.append((name.format(**row), function, row, limit_s))
            return function
        return add

    def main(self):
        options = _options()
        cases = [c for c in self.cases if options.k in c[0]]
        if options.l:
            print("\n".join(name for name, *_ in cases))
            sys.exit(0)

        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        processes.adopt_orphans()
        print("1..%d" % (len(cases) + (self.fixture is not None)), flush=True)
        failed = 0
        try:
            subject = self._start()
            try:
                if options.hold:
                    cases = [case[:-1] + (None,) for case in cases]
                    _hold(subject, "runs the cases")
                for number, case in enumerate(cases, 1):
                    failed += not _run_case(number, case, subject)
                if options.hold:
                    _hold(subject, "ends it")
            finally:
                if subject is not None:
                    failed += not _close(len(cases) + 1, subject)
        finally:
            left = processes.end_descendants()
            _comment(["left behind, and killed: " + one for one in left])
            # Threads that wait for ever do not keep the program.
            faulthandler.dump_traceback_later(LEAVE_S, exit=True)
        sys.exit(1 if failed or left else 0)

    def _start(self):
        if self.fixture is None:
            return None
        try:
            with _limit(self.start_s):
                return self.fixture()
        except BaseException as error:
            _comment(_told(error))
            print("Bail out! the system under test did not start")
            sys.exit(1)


def _only_field(name):
    return name[name.index("{") + 1:name.index("}")].split("!")[0]


def _options():
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", metavar="WORDS", default="",
                        help="only the cases whose name contains WORDS")
    parser.add_argument("-l", action="store_true", help="list the cases")
    parser.add_argument("--hold", action="store_true",
                        help="wait for Enter before and after the cases; they"
                        " have no time limit")
    return parser.parse_args()


def _hold(subject, then):
    if hasattr(subject, "described"):
        _comment(subject.described())
    print("Enter " + then, flush=True)
    sys.stdin.readline()


@contextlib.contextmanager
def _limit(seconds):
    """Raise OverTime in the block when it takes longer, and again should its
    cleaning up hang as well.  What even that does not reach, because it waits
    inside a library, ends the program.  None is no limit."""
    if seconds is None:
        yield
        return

    def over(*_):
        raise OverTime("over the time limit of %g s" % seconds, _threads())

    signal.signal(signal.SIGALRM, over)
    faulthandler.dump_traceback_later(seconds + STUCK_S, exit=True)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()


def _threads():
    """Where the other threads stand, which the main one may be waiting for."""
    frames = sys._current_frames()
    return [line for thread in threading.enumerate()
            if thread is not threading.main_thread()
            and thread.ident in frames
            for line in [thread.name + ":\n"] + traceback.format_stack(
                frames[thread.ident])[-4:]]


def _told(error):
    """What there is to say of an error, as lines."""
    said = traceback.format_exception(
        type(error), error, error.__traceback__.tb_next)
    if isinstance(error, OverTime):
        message, threads = error.args
        said = [message + "; it stood here:\n"] + said[:-1] + threads
    return "".join(said).split("\n")


def _run_case(number, case, subject):
    name, function, row, limit_s = case
    args = [] if subject is None else [subject]
    passed = _run(number, name, limit_s, lambda: function(*args, **row))
    if not passed and hasattr(subject, "diagnose"):
        _comment(subject.diagnose())
    return passed


def _close(number, subject):
    """The last case.  What does not close is ended without being asked."""
    passed = _run(number, "at the end the same workers run, the logs are clean "
                  "and nothing is left behind", CLOSE_S, subject.close)
    if not passed and hasattr(subject, "abandon"):
        processes.end_descendants()
        with contextlib.suppress(Exception, OverTime), _limit(CLOSE_S):
            subject.abandon()
    return passed


def _run(number, name, limit_s, function):
    label = "%d - %s" % (number, name.replace("#", "\\#"))
    started = time.monotonic()
    try:
        with _limit(limit_s):
            function()
    except Skip as reason:
        print("ok %s # SKIP %s" % (label, reason), flush=True)
        return True
    except (Exception, OverTime) as error:
        print("not ok %s" % label)
        _comment(_told(error))
        return False
    print("ok %s" % label, flush=True)
    took = time.monotonic() - started
    if took > SLOW_S:
        _comment(["%.1f s" % took])
    return True


def _comment(lines):
    for line in lines:
        if line:
            print("# " + line)
    sys.stdout.flush()
