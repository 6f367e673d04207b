#!/usr/bin/python3 -B
"""clang compiles all of it without a warning, and its libFuzzer finds nothing
in the readers of what comes from outside."""

import glob
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                os.pardir))

from harness.desk import SOURCE
from harness.tap import Suite, same, true

FUZZ_S = 120            # for each fuzzer

suite = Suite(lambda: Tree())


class Tree:
    """The sources, to be built with clang; fuzzers and sanitizers included."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="paydesk-test.")
        self.source = os.path.join(self.directory, "source")
        shutil.copytree(SOURCE, self.source, ignore=shutil.ignore_patterns(
            "*.o", "*.a", "*.log", "*.trs", "var", ".git", "Makefile",
            "config.status"))
        for name in ("cgi-bin", "tests/unit", "tests/fuzz"):
            for path in glob.glob(os.path.join(self.source, name, "**", "*"),
                                  recursive=True):
                if os.path.isfile(path) and os.access(path, os.X_OK) and \
                        "." not in os.path.basename(path):
                    os.remove(path)

    def run(self, *command, timeout=1500):
        result = subprocess.run(
            command, cwd=self.source, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=timeout)
        same(result.returncode, 0, result.stdout[-4000:])
        return result.stdout

    def close(self):
        shutil.rmtree(self.directory)


@suite.case("clang compiles programs and unit suites without a warning",
            limit_s=1800)
def compiles(tree):
    if not os.path.exists(os.path.join(tree.source, "configure")):
        tree.run("autoreconf", "-i")
    tree.run("./configure", "-q", "--enable-werror", "--enable-fuzzing",
             "CC=clang")
    tree.run("make", "-s", "-j%d" % os.cpu_count(), "all")
    tree.run("make", "-s", "-j%d" % os.cpu_count(), "check", "TESTS=")


FUZZERS = [os.path.basename(path)[:-len(".c")] for path in sorted(
    glob.glob(os.path.join(SOURCE, "tests", "fuzz", "fuzz-*.c")))]


@suite.each("{fuzzer} finds nothing in %d s" % FUZZ_S, FUZZERS,
            limit_s=FUZZ_S + 120)
def fuzz(tree, fuzzer):
    said = tree.run("tests/fuzz/" + fuzzer, "-max_total_time=%d" % FUZZ_S,
                    "-max_len=8192", "-print_final_stats=1")
    true("stat::number_of_executed_units" in said, said[-2000:])


suite.main()
