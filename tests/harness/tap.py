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
whose name contains the words, `-l` lists the names.
"""

import argparse
import signal
import sys
import time
import traceback

SLOW_S = 2      # a case that takes longer says so


class Skip(Exception):
    """Raised by a case that cannot be run here, with the reason."""


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
    def __init__(self, fixture=None):
        self.fixture = fixture
        self.cases = []

    def case(self, name):
        def add(function):
            self.cases.append((name, function, {}))
            return function
        return add

    def each(self, name, rows):
        """One case a row; a row is a dict, or a value for the name's field."""
        def add(function):
            for row in rows:
                if not isinstance(row, dict):
                    row = {_only_field(name): row}
                self.cases.append((name.format(**row), function, row))
            return function
        return add

    def main(self):
        options = _options()
        cases = [c for c in self.cases if options.k in c[0]]
        if options.l:
            print("\n".join(name for name, _, _ in cases))
            sys.exit(0)

        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        print("1..%d" % (len(cases) + (self.fixture is not None)), flush=True)
        failed = 0
        subject = None
        try:
            if self.fixture:
                subject = self.fixture()
        except BaseException:
            _comment(traceback.format_exc().split("\n"))
            print("Bail out! the system under test did not start")
            sys.exit(1)
        try:
            for number, (name, function, row) in enumerate(cases, 1):
                args = [] if subject is None else [subject]
                passed = _run(number, name, lambda: function(*args, **row))
                if not passed and hasattr(subject, "diagnose"):
                    _comment(subject.diagnose())
                failed += not passed
        finally:
            if subject is not None:
                failed += not _run(
                    len(cases) + 1,
                    "at the end the same workers run, the logs are clean "
                    "and nothing is left behind", subject.close)
        sys.exit(1 if failed else 0)


def _only_field(name):
    return name[name.index("{") + 1:name.index("}")].split("!")[0]


def _options():
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", metavar="WORDS", default="",
                        help="only the cases whose name contains WORDS")
    parser.add_argument("-l", action="store_true", help="list the cases")
    return parser.parse_args()


def _run(number, name, function):
    label = "%d - %s" % (number, name.replace("#", "\\#"))
    started = time.monotonic()
    try:
        function()
    except Skip as reason:
        print("ok %s # SKIP %s" % (label, reason), flush=True)
        return True
    except Exception as error:
        print("not ok %s" % label)
        _comment("".join(traceback.format_exception(
            type(error), error, error.__traceback__.tb_next)).split("\n"))
        return False
    print("ok %s" % label, flush=True)
    took = time.monotonic() - started
    if took > SLOW_S:
        _comment(["%.1f s" % took])
    return True


def _comment(lines):
    print("\n".join("# " + line for line in lines if line), flush=True)
