"""A private Exim of Debian's: a real SMTP server that delivers into files."""

import contextlib
import email
import email.policy
import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile

from .desk import free_port, wait_until
from .processes import END_SETUID_WITH_US
from .tap import true

PROGRAM = "/usr/sbin/exim4"
USER = "shop"
PASSWORD = "pass-word"

CONFIGURATION = """
primary_hostname = mail.example.org
spool_directory = %(directory)s/spool
log_file_path = %(directory)s/log/%%s
pid_file_path = %(directory)s/pid
exim_user = %(user)d
exim_group = %(group)d
never_users =
daemon_smtp_ports = %(port)d
local_interfaces = 127.0.0.1
host_lookup =
rfc1413_query_timeout = 0s
keep_environment =
add_environment =
disable_ipv6 = true
tls_advertise_hosts = *
tls_certificate = %(directory)s/server.pem
tls_privatekey = %(directory)s/server.key
acl_smtp_rcpt = rcpt

begin acl
rcpt:
  deny
    local_parts = unknown
    message = 5.1.1 There is nobody of that name
  defer
    local_parts = busy
    message = 4.2.0 Try again later
%(require)s
  accept

begin routers
all:
  driver = accept
  transport = files

begin transports
files:
  driver = appendfile
  directory = %(directory)s/mail
  create_directory
  maildir_format
  user = %(user)d
  group = %(group)d
  envelope_to_add
  return_path_add

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and {{eq{$auth2}{""" + USER + """}}{eq{$auth3}{""" \
    + PASSWORD + """}}}}
  server_set_id = $auth2
"""


class Exim:
    """Listens on self.port as an ordinary user.  With guarded=True it takes
    mail only from who is encrypted and has logged in."""

    def __init__(self, guarded=False):
        true(os.path.exists(PROGRAM), "install exim4-daemon-light")
        self.port = free_port()
        self.directory = tempfile.mkdtemp(prefix="paydesk-exim.")
        owner = os.stat(self.directory)
        who = {}
        uid, gid = owner.st_uid, owner.st_gid
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            uid, gid = entry.pw_uid, entry.pw_gid
            who = {"user": uid, "group": gid, "extra_groups": []}
        os.chmod(self.directory, 0o755)
        for name in ("spool", "log", "mail"):
            os.mkdir(os.path.join(self.directory, name))
            os.chown(os.path.join(self.directory, name), uid, gid)
        self._make_certificate(uid, gid)
        configuration = os.path.join(self.directory, "exim.conf")
        with open(configuration, "w") as file:
            file.write(CONFIGURATION % {
                "directory": self.directory, "user": uid, "group": gid,
                "port": self.port, "require": """
  deny
    !encrypted = *
    message = 5.7.0 Encryption needed
  deny
    !authenticated = *
    message = 5.7.0 Authentication needed""" if guarded else ""})
        os.chown(self.directory, uid, gid)
        self.errors = open(os.path.join(self.directory, "errors"), "w+b")
        self.process = subprocess.Popen(
            [*END_SETUID_WITH_US, PROGRAM, "-C", configuration, "-bdf", "-oX",
             "127.0.0.1.%d" % self.port],
            stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors,
            cwd=self.directory, **who)
        wait_until(self._listening, 10, "Exim: " + self.said())

    def said(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def _listening(self):
        true(self.process.poll() is None, "Exim has ended: " + self.said())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _make_certificate(self, uid, gid):
        self.ca = os.path.join(self.directory, "server.pem")
        key = os.path.join(self.directory, "server.key")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.ca],
            check=True, stderr=subprocess.DEVNULL)
        for path in (self.ca, key):
            os.chown(path, uid, gid)

    def messages(self, count):
        """The messages, parsed, once there are COUNT."""
        pattern = os.path.join(self.directory, "mail", "new", "*")
        found = []

        def there():
            found[:] = sorted(glob.glob(pattern), key=os.path.getmtime)
            return len(found) >= count

        wait_until(there, 10, "%d messages" % count)
        parsed = []
        for path in found:
            with open(path, "rb") as file:
                parsed.append(email.message_from_binary_file(
                    file, policy=email.policy.default))
        return parsed

    def close(self):
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.process.kill()
        self.process.wait()
        self.errors.close()
        shutil.rmtree(self.directory, ignore_errors=True)
