#!/usr/bin/python3 -B
"""README's chapter on adding an endpoint, followed by script in a copy of the
tree: its commands, and no touch of anything that it does not name."""

import contextlib
import filecmp
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import psycopg2

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir))

from harness import desk
from harness.tap import Suite, same, true

NOT_COPIED = shutil.ignore_patterns(
    ".git", "var", "_build", "_inst", "template", "*.tar.gz", "*.log", "*.trs")


def guide():
    """The commands of the chapter, step by step: 1. to 5."""
    with open(os.path.join(desk.SOURCE, "README")) as file:
        chapter = file.read().split("\nADD AN ENDPOINT\n")[1].split(
            "\n\n\n")[0]
    steps = re.split(r"^\d\. ", chapter, flags=re.M)[1:]
    return ["".join(line[4:] + "\n" for line in step.split("\n")
                    if line.startswith("    ") or not line).strip("\n") + "\n"
            for step in steps]


def copy_tree(original, copy):
    shutil.copytree(original, copy, symlinks=True, ignore=NOT_COPIED,
                    dirs_exist_ok=True)
    for path, directories, files in os.walk(copy):
        for name in [".", *files]:
            path_of = os.path.join(path, name)
            os.chmod(path_of, os.stat(path_of).st_mode | 0o200)


class Copy:
    """The sources and what is built of them, so that make has little to do."""

    def __init__(self):
        self.desk = None
        self.original = desk.SOURCE
        self.directory = tempfile.mkdtemp(prefix="paydesk-test.")
        os.chmod(self.directory, 0o755)
        top = os.path.commonpath([desk.SOURCE, desk.BUILD])
        self.source, self.build = (
            os.path.normpath(os.path.join(self.directory, "tree",
                                          os.path.relpath(path, top)))
            for path in (desk.SOURCE, desk.BUILD))
        copy_tree(desk.SOURCE, self.source)
        if desk.BUILD != desk.SOURCE:
            copy_tree(desk.BUILD, self.build)
        self._move([(desk.BUILD, self.build), (desk.SOURCE, self.source)])
        desk.SOURCE, desk.BUILD = self.source, self.build

    def _move(self, moves):
        """Paths that configure has written down are those of the copy."""
        for path in glob.glob(self.build + "/Makefile") + glob.glob(
                self.build + "/config.status") + glob.glob(
                    self.build + "/**/.deps/*", recursive=True):
            times = os.stat(path)
            with open(path) as file:
                text = file.read()
            for original, copy in moves:
                text = re.sub(re.escape(original) + r"(?=[/\s'\";)]|$)",
                              lambda _: copy, text)
            with open(path, "w") as file:
                file.write(text)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    def shell(self, script, directory):
        environment = {k: v for k, v in desk.clean_environment().items()
                       if not k.startswith(("MAKE", "MFLAGS"))}
        result = subprocess.run(
            ["sh", "-e", "-c", script], cwd=directory, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=300)
        same(result.returncode, 0, script + result.stdout)
        return result.stdout

    def changed(self):
        """Sources that are not what they were."""
        def walk(comparison, path):
            found = comparison.left_only + comparison.diff_files
            for name in found:
                yield os.path.join(path, name)
            for name, below in comparison.subdirs.items():
                yield from walk(below, os.path.join(path, name))

        return sorted(walk(filecmp.dircmp(self.source, self.original,
                                          [".git", "var", "_build"]), ""))

    def start(self):
        self.desk = desk.Desk(workers=1, template=None)
        return self.desk

    def close(self):
        try:
            if self.desk:
                self.desk.close()
        finally:
            shutil.rmtree(self.directory)


suite = Suite(Copy)


@suite.case("the commands of steps 1 to 4 change what they name, nothing else")
def followed(copy):
    before = copy.changed()
    steps = guide()
    same(len(steps), 5, "steps")
    copy.shell("".join(steps[:4]), copy.source)
    for name in ("seats.c", "seats.8"):     # change both, as step 1 says
        shutil.copy(os.path.join(HERE, name),
                    os.path.join(copy.source, "cgi-bin", name))
    changed = [name for name in copy.changed() if name not in before]
    migration = [name for name in changed if name.startswith("sql/")]
    same(len(migration), 2, "a migration and rules")
    same(changed, sorted(["Makefile.am", "cgi-bin/seats.8", "cgi-bin/seats.c",
                          "nginx/paydesk.conf", *migration]))


@suite.case("step 5: make builds it without a warning, and program and manual"
            " agree")
def built(copy):
    make, check, *_ = guide()[4].splitlines()
    said = copy.shell(make, copy.build)
    true("warning" not in said, said)
    program = os.path.join(copy.build, "cgi-bin", "seats")
    true(os.access(program, os.X_OK), "there is no program")
    same(check, "make -s check TESTS=tests/docs.py")
    copy.shell("PAYDESK_BUILD=%s /usr/bin/python3 -B %s/tests/docs.py" % (
        copy.build, copy.source), copy.build)


@suite.case("step 5: bootstrap starts it, and it answers through nginx")
def answered(copy):
    *_, run, curl = guide()[4].splitlines()
    same(run, "./bootstrap run")
    the_desk = copy.start()
    path = curl.split(":8080")[1]
    same(the_desk.request("GET", path).json, {"seats": 0})
    the_desk.deliver(the_desk.buyer().created(quantity=3),
                     the_desk.buyer().created(quantity=4))
    same(the_desk.request("GET", path).json, {"seats": 7})
    same(the_desk.request("POST", path, b"").status, 405)


@suite.case("its role may do what its statement needs, and no more")
def role(copy):
    copy.desk.expect_log("permission denied for table")
    with contextlib.closing(psycopg2.connect(
            copy.desk.program_conninfo("seats"))) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("SELECT sum(seat_limit) FROM billing.subscriptions")
        for query in ("SELECT * FROM billing.subscriptions",
                      "SELECT email FROM billing.accounts",
                      "DELETE FROM billing.subscriptions"):
            try:
                cursor.execute(query)
            except psycopg2.errors.InsufficientPrivilege:
                continue
            raise AssertionError(query)


@suite.case("make install brings it with its manual and its settings file")
def installed(copy):
    root = os.path.join(copy.directory, "root")
    copy.shell("make -s install DESTDIR=" + root, copy.build)
    names = {name for _, _, files in os.walk(root) for name in files}
    same({"seats", "seats.8", "seats.env"} - names, set(), "not installed")


suite.main()
