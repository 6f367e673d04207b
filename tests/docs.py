#!/usr/bin/python3 -B
"""The manuals and the programs say the same: routes, settings, commands; and
paydesk(7) explains every error, outcome and warning that there is."""

import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import sources
from harness.desk import BUILD, SOURCE, clean_environment
from harness.tap import Suite, same, true

PROGRAMS = sorted(os.path.basename(path)[:-len(".c")] for path in
                  glob.glob(os.path.join(SOURCE, "cgi-bin", "*.c")))

suite = Suite()


def source(program):
    with open(os.path.join(SOURCE, "cgi-bin", program + ".c")) as file:
        return file.read()


def manual(program, chapter=8):
    """The manual's text as a reader sees it: no macros, no escapes."""
    with open(os.path.join(SOURCE, "cgi-bin", "%s.%d" % (
            program, chapter))) as file:
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
    listed = help_of(program).split("\nSettings")[1]
    return re.findall(r'^  ([A-Z][A-Z_]{3,})\s', listed, re.M)


def commands(program):
    """Their first words, once each: `events list` and its sisters are one."""
    usage = help_of(program).split("Usage:")[1].split("\n\n")[0]
    return sorted(set(re.findall(r"^  %s ([a-z][a-z-]*)" % re.escape(program),
                                 usage, re.M)))


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


# ------------------------------------------------------------ paydesk(7)

def overview(title):
    return section(manual("paydesk", 7), title)


def explained(found, written, what):
    """Each of the sources' is in the manual, and each of the manual's is in
    the sources."""
    same(sorted(set(found) - set(written)), [],
         what + " that cgi-bin/paydesk.7 does not explain")
    same(sorted(set(written) - set(found)), [],
         what + " that cgi-bin/paydesk.7 explains and nothing has")


def codes(title):
    """{code: status} of items such as `.It 400 Cm this , that`."""
    return {code: status for status, names in re.findall(
        r"^\.It (?:(\d+) )?Cm (.*)$", overview(title), re.M)
        for code in names.split(" , ")}


@suite.case("paydesk(7) explains every code of an error, with its status")
def errors_explained():
    found, written = sources.errors(), codes("ERROR CODES")
    true(len(found) > 30, "the sources' codes were not found: %r" % found)
    explained(found, written, "codes")
    same([(code, written[code]) for code, status in sorted(found.items())
          if status not in (None, written[code])], [],
         "codes with another status in the sources")


@suite.case("paydesk(7) explains every outcome of a delivery")
def outcomes_explained():
    explained(sources.outcomes(), codes("OUTCOMES"), "outcomes")


@suite.case("paydesk(7) explains every warning of the log")
def log_explained():
    written = re.findall(r'^\.It Li "(.*)"$', overview("LOG"), re.M)
    found = sources.log_lines()
    true(len(found) > 15, "the sources' warnings were not found: %r" % found)
    same([text for pattern, text in found.items()
          if not any(re.fullmatch(pattern, line) for line in written)], [],
         "warnings that cgi-bin/paydesk.7 does not explain")
    same([line for line in written
          if not any(re.fullmatch(pattern, line) for pattern in found)], [],
         "warnings that cgi-bin/paydesk.7 explains and nothing says")


@suite.case("paydesk(7) says of every table what it holds")
def tables_explained():
    explained(sources.tables(), [name for names in re.findall(
        r"^\.It Va (.*)$", overview("DATA"), re.M)
        for name in names.split(" , ")], "tables")


@suite.case("paydesk(7) names every setting, and no program or role that is "
            "not there")
def overview_complete():
    about = overview("DESCRIPTION")
    programs = set(re.findall(r"^\.It Xr (\S+) 8$", about, re.M))
    roles = set(re.findall(r"\bpaydesk_\w+", about))
    true(programs and roles, "programs %r, roles %r" % (programs, roles))
    same(sorted(programs - set(PROGRAMS)), [], "programs")
    same(sorted(roles - sources.roles()), [], "roles")
    explained({name for program in PROGRAMS for name in settings(program)},
              re.findall(r"\b[A-Z][A-Z_]{3,}\b", overview("SETTINGS")),
              "settings")


suite.main()
