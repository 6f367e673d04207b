#!/usr/bin/python3 -B
"""make install and uninstall: every file in its place, units that systemd
takes and that may do next to nothing, and an operator's files left alone."""

import glob
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import BUILD, SOURCE, clean_environment
from harness.tap import Skip, Suite, same, true

EXPOSURE_MAX = 1.2      # as systemd-analyze counts
UNITS = ("paydesk@.socket", "paydesk@.service", "paydesk-mail.timer",
         "paydesk-mail.service", "paydesk-sample.timer",
         "paydesk-sample.service")
PROGRAMS = sorted(os.path.basename(path)[:-2] for path in glob.glob(
    os.path.join(SOURCE, "cgi-bin", "*.c")))
SERVICES = sorted(os.path.basename(path)[:-3] for path in glob.glob(
    os.path.join(SOURCE, "nginx", "systemd", "*.service.in")))
VARIABLES = ("bindir sbindir libexecdir pkgdatadir mandir sysconfdir unitdir"
             " sysusersdir").split()


def run(*command, status=0, **options):
    """What it printed, on both channels."""
    environment = {k: v for k, v in clean_environment().items()
                   if not k.startswith(("MAKE", "MFLAGS", "DESTDIR"))}
    environment.update(options.pop("environment", {}))
    result = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=120, **options)
    same(result.returncode, status, "%s: %s" % (command, result.stdout))
    return result.stdout


def systemd(*command, **options):
    if shutil.which(command[0]) is None:
        raise Skip("there is no %s: install systemd" % command[0])
    return run(*command, environment={"SYSTEMD_COLORS": "0", "LC_ALL": "C"},
               **options)


class Tree:
    """What make install has put below a directory of its own."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="paydesk-test.")
        words = " ".join("$(%s)" % name for name in VARIABLES)
        printed = run("make", "-s", "-C", BUILD, "--eval",
                      "where:;@echo %s" % words, "where").split()
        self.where = dict(zip(VARIABLES, printed))
        self.where["settings"] = self.where["sysconfdir"] + "/paydesk"
        self.make("install")

    def make(self, target):
        return run("make", "-s", "-C", BUILD, target, "DESTDIR=" + self.root)

    def path(self, place, *names):
        return os.path.join(self.root + self.where[place], *names)

    def files(self):
        return sorted(os.path.join(directory, name)
                      for directory, _, names in os.walk(self.root)
                      for name in names)

    def read(self, place, *names):
        with open(self.path(place, *names)) as file:
            return file.read()

    def program(self, name):
        return self.path("libexecdir", "paydesk", name)

    def close(self):
        shutil.rmtree(self.root)


suite = Suite(Tree)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def installed(tree, permissions, place, *names):
    same(oct(mode(tree.path(place, *names))), oct(permissions),
         "the mode of " + "/".join(names))


@suite.each("{program} has its program, manual, settings file and directory"
            " for secrets", PROGRAMS)
def endpoint(tree, program):
    installed(tree, 0o755, "libexecdir", "paydesk", program)
    installed(tree, 0o644, "mandir", "man8", program + ".8")
    installed(tree, 0o640, "settings", program + ".env")
    installed(tree, 0o700, "settings", "secrets", program)


@suite.case("units, migrations, nginx's files and an example catalog are"
            " there; only root sees the secrets")
def shared(tree):
    installed(tree, 0o700, "settings", "secrets")
    installed(tree, 0o644, "settings", "catalog.json.example")
    installed(tree, 0o755, "pkgdatadir", "sql", "migrate")
    installed(tree, 0o755, "sbindir", "paydesk")
    installed(tree, 0o644, "mandir", "man8", "paydesk.8")
    installed(tree, 0o644, "sysusersdir", "paydesk.conf")
    for unit in UNITS:
        installed(tree, 0o644, "unitdir", unit)
    for directory, pattern in (("sql", "*.sql"), ("nginx", "*.conf")):
        for path in glob.glob(os.path.join(SOURCE, directory, pattern)):
            name = os.path.basename(path)
            if name != "development.conf":
                installed(tree, 0o644, "pkgdatadir", directory, name)


def stats_directory(tree):
    return "run/" + re.search("^RuntimeDirectory=(.*)$", tree.read(
        "unitdir", "paydesk@.service"), re.M).group(1)


@suite.each("{program}: the settings file explains every setting, and systemd"
            " can read it", PROGRAMS)
def settings_file(tree, program):
    text = tree.read("settings", program + ".env")
    for line in text.splitlines():
        true(re.fullmatch(r"(# ?.*|#?[A-Z_]+=\S*|)", line), repr(line))
        true(not line.endswith("\\"), repr(line))
    listed = run(tree.program(program), "--help").split("\nSettings, ")[1]
    wanted = set(re.findall(r"^  ([A-Z_]+) ", listed, re.M))
    found = set(re.findall(r"^#?([A-Z_]+)=", text, re.M))
    same(found, wanted | {"PAYDESK_WORKERS"})
    true("STATS_DIR" not in wanted
         or "STATS_DIR=/%s\n" % stats_directory(tree) in text, "STATS_DIR")
    for name in ("STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET", "SMTP_URL"):
        true(not re.search("^%s=" % name, text, re.M), name)


@suite.case("the example catalog passes the check of catalog apply")
def example(tree):
    run(tree.program("account"), "catalog", "apply",
        tree.path("settings", "catalog.json.example"), status=78,
        environment={"DATABASE_URL": ""})


@suite.case("systemd-analyze verify has nothing to say about any unit")
def verified(tree):
    # As they were installed, with the programs where they are now.
    with tempfile.TemporaryDirectory(prefix="paydesk-test.") as directory:
        names = os.listdir(tree.path("unitdir"))
        for name in names:
            with open(os.path.join(directory, name), "w") as file:
                file.write(tree.read("unitdir", name).replace(
                    tree.where["libexecdir"], tree.path("libexecdir")))
        same(systemd("systemd-analyze", "verify", "--man=no", *(
            os.path.join(directory, name.replace("@.", "@stripe-webhook."))
            for name in names)), "")


@suite.each("{service} is exposed by %s at most" % EXPOSURE_MAX, SERVICES)
def exposed(tree, service):
    said = systemd("systemd-analyze", "security", "--offline=true",
                   "--no-pager", tree.path("unitdir", service))
    level = float(re.search(r"exposure level for \S+: ([0-9.]+)",
                            said).group(1))
    true(level <= EXPOSURE_MAX, said)


@suite.each("{service} runs what is installed, with its settings and secrets",
            SERVICES)
def started(tree, service):
    text = tree.read("unitdir", service)
    true("@sandbox@" not in text and "dir@" not in text, text)
    command = re.search(r"^ExecStart=(.*)$", text, re.M).group(1).split()
    while not command[0].startswith(tree.where["libexecdir"]):
        command.pop(0)
    program = os.path.basename(command[0])
    true("EnvironmentFile=%s/%s.env\n" % (tree.where["settings"], program)
         in text, "EnvironmentFile")
    true("LoadCredential=secret:%s/secrets/%s\n" % (
        tree.where["settings"], program) in text, "LoadCredential")
    if program == "%i":
        program = "stripe-webhook"
    help_text = run(tree.program(program), "--help")
    if len(command) > 1:
        true(re.search("^  %s %s" % (program, command[1]), help_text, re.M),
             "%s has no command %s" % (program, command[1]))


@suite.case("systemd-sysusers makes the user paydesk of it")
def user(tree):
    root = tempfile.mkdtemp(dir=tree.root)
    os.mkdir(root + "/etc")
    systemd("systemd-sysusers", "--root=" + root,
            tree.path("sysusersdir", "paydesk.conf"))
    with open(root + "/etc/passwd") as file:
        true(file.read().startswith("paydesk:x:"), "no user paydesk")
    shutil.rmtree(root)


@suite.case("paydesk runs a command as the user, with the settings and the"
            " secrets of the program")
def operator(tree):
    directory = tempfile.mkdtemp(dir=tree.root)
    script = os.path.join(directory, "paydesk")
    with open(script, "w") as file:
        file.write(tree.read("sbindir", "paydesk").replace(
            tree.where["libexecdir"], tree.path("libexecdir")))
    with open(os.path.join(directory, "systemd-run"), "w") as file:
        file.write('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    for name in os.listdir(directory):
        os.chmod(os.path.join(directory, name), 0o755)
    path = {"PATH": directory + ":" + os.environ["PATH"]}
    said = run(script, "portal", "check", "a b", environment=path).split("\n")
    same(said[-5:], ["--", tree.program("portal"), "check", "a b", ""])
    said = run(script, "portal", "check", "$HOME", environment={
        **path, "DATABASE_URL": "host=here dbname=x"}).split("\n")
    same(said[-6:-1], ["env", "DATABASE_URL=host=here dbname=x",
                       tree.program("portal"), "check", "$$HOME"])
    for option in ("User=paydesk",
                   "EnvironmentFile=%s/portal.env" % tree.where["settings"],
                   "LoadCredential=secret:%s/secrets/portal"
                   % tree.where["settings"]):
        true(option in said, option)
    true("portal check" in run(script, "portal", "--help"), "--help")
    true(all(name in run(script, "--help") for name in PROGRAMS), "--help")
    for words in ([], ["portal"], ["nothing", "check"], ["../portal", "x"],
                  ["--what"]):
        run(script, *words, status=64)
    shutil.rmtree(directory)


@suite.case("an upgrade keeps what the operator has written; uninstall removes"
            " the rest, and says what it leaves")
def keeps(tree):
    changed = tree.path("settings", "portal.env")
    secret = tree.path("settings", "secrets", "checkout", "STRIPE_API_KEY")
    catalog = tree.path("settings", "catalog.json")
    for path in (changed, secret, catalog):
        with open(path, "a") as file:
            file.write("mine\n")
    tree.make("install")
    for path in (changed, secret, catalog):
        with open(path) as file:
            true(file.read().endswith("mine\n"), path)
    said = tree.make("uninstall")
    same(tree.files(), sorted([changed, secret, catalog]))
    for path in (changed, os.path.dirname(secret)):
        true(path[len(tree.root):] in said, said)


@suite.case("where nothing was changed, uninstall leaves nothing")
def leaves_nothing(tree):
    shutil.rmtree(tree.root)
    tree.make("install")
    true(os.path.exists(tree.path("settings", "portal.env")), "no install")
    tree.make("uninstall")
    same(tree.files(), [])
    true(not os.path.exists(tree.path("settings")), "the settings' directory")


suite.main()
