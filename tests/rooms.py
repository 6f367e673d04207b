#!/usr/bin/python3 -B
"""Every module stands in a room of common/, and uses what is below it alone."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.desk import SOURCE
from harness.sources import paths
from harness.tap import Suite, same, true

# The floors, from the ground up; rooms of one floor do not use each other.
FLOORS = [{"base"}, {"program"}, {"catalog", "mail", "ops"},
          {"stripe", "licence"}, {"command"}]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
LINES_MAX = 500

suite = Suite()


MODULES = paths("common/*/*.[ch]")


def text(path):
    with open(os.path.join(SOURCE, path)) as file:
        return file.read()


def included(path):
    return re.findall(r'^#\s*include\s+"([^"]+)"', text(path), re.M)


def room(path):
    return path.split("/")[-2]


@suite.case("the rooms are the ones that the floors name, and hold every module")
def rooms():
    same({path.split("/")[1] for path in paths("common/*/")}, set(FLOOR))
    same(paths("common/*.[ch]", "common/*/*/*.[ch]"), [])


@suite.case("an include names its room, and that is below or the same")
def arrows():
    wrong = []
    for path in MODULES:
        for name in included(path):
            target = name.split("/")[0]
            if name.count("/") != 1 or target not in FLOOR or (
                    target != room(path) and
                    FLOOR[target] >= FLOOR[room(path)]):
                wrong.append("%s includes %s" % (path, name))
    same(wrong, [])


@suite.case("no header includes itself by a detour")
def circles():
    arrows = {path[len("common/"):]: included(path)
              for path in MODULES if path.endswith(".h")}

    def walk(name, way):
        true(name not in way, "a circle: " + " -> ".join(way + [name]))
        for following in arrows.get(name, []):
            walk(following, way + [name])

    for name in arrows:
        walk(name, [])


@suite.case("a unit suite includes what its room may use, and no more")
def unit_suites():
    wrong = []
    for path in paths("tests/unit/*/*.c"):
        for name in included(path):
            target = name.split("/")[0]
            if "/" in name and target != room(path) and \
                    FLOOR[target] >= FLOOR[room(path)]:
                wrong.append("%s includes %s" % (path, name))
    same(wrong, [])


@suite.case("no name of a header is used twice")
def names():
    headers = [os.path.basename(path) for path in MODULES
               if path.endswith(".h")]
    same(sorted(name for name in set(headers) if headers.count(name) > 1), [])


@suite.case("no file has more than %d lines" % LINES_MAX)
def lengths():
    same([path for path in MODULES + paths("cgi-bin/*.c")
          if text(path).count("\n") > LINES_MAX], [])


suite.main()
