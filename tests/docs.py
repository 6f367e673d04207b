#!/usr/bin/python3 -B
"""The manuals and the programs say the same: routes, settings, commands."""

import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.desk import BUILD, SOURCE, clean_environment
from harness.tap import Suite, same, true

PROGRAMS = sorted(os.path.basename(path)[:-len(".c")] for path in
                  glob.glob(os.path.join(SOURCE, "cgi-bin", "*.c")))

suite = Suite()


def source(program):
    with open(os.path.join(SOURCE, "cgi-bin", program + ".c")) as file:
        return file.read()


def manual(program):
    """The manual's text as a reader sees it: no macros, no escapes."""
    with open(os.path.join(SOURCE, "cgi-bin", program + ".8")) as file:
        text = file.read()
    text = re.sub(r'^\.\\".*$', "", text, flags=re.M)
    text = re.sub(r"\\f(\[\w*\]|.)", "", text)
    return text.replace("\\-", "-").replace("\\&", "")


def section(text, title):
    found = re.search(r'^\.S[Hh] "?%s"?$(.*?)(?=^\.S[Hh] |\Z)' % title, text,
                      re.M | re.S)
    true(found, "the manual has no section " + title)
    return found.group(1)


def help_of(program):
    result = subprocess.run(
        [os.path.join(BUILD, "cgi-bin", program), "--help"],
        env=clean_environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, timeout=20)
    same(result.returncode, 0, "exit status of --help")
    return result.stdout.decode()


def routes(program):
    return re.findall(r'^\s+([A-Z]+) (/\S+)$', help_of(program), re.M)


def settings(program):
    return re.findall(r'^  ([A-Z][A-Z_]{3,})\s{2,}', help_of(program), re.M)


def commands(program):
    usage = help_of(program).split("Usage:")[1].split("\n\n")[0]
    return re.findall(r"^  %s ([a-z][a-z-]*)" % re.escape(program), usage,
                      re.M)


def options(program):
    return set(re.findall(r"(?<!\w)--[a-z][a-z-]*", help_of(program)))


def words_of(text):
    """Words as a macro line gives them: `.Nm prog Cm send Op Fl -json`."""
    return set(re.findall(r"[A-Za-z_][\w-]*", text))


@suite.case("every program has a manual")
def has_manual():
    true(PROGRAMS, "there are no programs")
    for program in PROGRAMS:
        true(manual(program), program)


@suite.each("{program}: every route of the program is in the manual",
            PROGRAMS)
def routes_documented(program):
    found = routes(program)
    true(found, "--help lists no route")
    text = manual(program)
    for method, path in found:
        true(method in text and path in text, "%s %s" % (method, path))


@suite.each("{program}: every setting of the program is in the manual",
            PROGRAMS)
def settings_documented(program):
    found = settings(program)
    true(found, "--help lists no setting")
    for name in found:
        true(re.search(r"\b%s\b" % name, manual(program)), name)


@suite.each("{program}: every command and option is in the manual", PROGRAMS)
def commands_documented(program):
    found = commands(program)
    true("check" in found, "--help lists no check: %r" % found)
    synopsis = section(manual(program), "SYNOPSIS")
    for name in found:
        true(name in words_of(synopsis), name + " is not in the SYNOPSIS")
    for option in options(program):
        true(option[2:] in words_of(manual(program)), option)


@suite.each("{program}: every command of the manual's synopsis exists",
            PROGRAMS)
def commands_exist(program):
    synopsis = section(manual(program), "SYNOPSIS")
    named = set(re.findall(r"^\.Cm ([a-z][a-z-]+)", synopsis, re.M))
    true(named, "no command was found in the SYNOPSIS")
    same(sorted(named - set(commands(program))), [],
         "commands that --help does not know")


@suite.each("{program}: every reply code of the program is in the manual",
            PROGRAMS)
def codes_documented(program):
    for code in set(re.findall(r'"((?:not|invalid)_[a-z_]+)"',
                               source(program))):
        true(code in manual(program), code)


@suite.each("{program}: the manual has the sections that one looks for",
            PROGRAMS)
def sections(program):
    for title in ("NAME", "SYNOPSIS", "DESCRIPTION", "ENVIRONMENT",
                  "EXIT STATUS", "EXAMPLES", "SEE ALSO"):
        section(manual(program), title)


suite.main()
