#!/usr/bin/python3 -B
"""The examples in nginx/ on a real nginx: TLS, auth_request with a real back
end, auth_basic, rate limits."""

import contextlib
import glob
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.client import Reply
from harness.customers import SITE, Shop, refused
from harness.desk import SOURCE, free_port, wait_until
from harness.processes import END_WITH_US
from harness.tap import Suite, has, same, true

ELSEWHERE = "127.0.0.2"  # not the address that the limits leave out


class BackEnd(BaseHTTPRequestHandler):
    """The host application: who has this cookie?"""

    def do_GET(self):
        with self.server.lock:
            self.server.seen.append(dict(self.headers.items()))
        found = re.search(r"session=([^;]+)", self.headers.get("Cookie", ""))
        account = self.server.sessions.get(found[1]) if found else None
        self.send_response(204 if account else 401)
        for name, value in (account or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args):
        pass


class Front:
    """tls-server.conf with its neighbours, the names filled in."""

    def __init__(self, desk, caller):
        self.desk = desk
        self.directory = tempfile.mkdtemp(prefix="paydesk-test.")
        self.port, self.plain_port = free_port(), free_port()
        self.back = ThreadingHTTPServer(("127.0.0.1", 0), BackEnd)
        self.back.sessions, self.back.seen = {}, []
        self.back.lock = threading.Lock()
        threading.Thread(target=self.back.serve_forever, daemon=True).start()
        self._certificate()
        self._permissive_openssl()
        self._files(caller)
        owner = os.stat(desk.var + "/pg")
        if os.geteuid() == 0:
            for path in [self.directory] + glob.glob(self.directory + "/*"):
                os.chown(path, owner.st_uid, owner.st_gid)
        self.conf = os.path.join(self.directory, "tls-server.conf")
        self.checked = self._nginx("-t", stderr=subprocess.PIPE)
        self.said = self.checked.communicate()[1].decode()
        same(self.checked.returncode, 0, self.said)
        self.process = self._nginx("-g", "daemon off;",
                                   stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        wait_until(self._listens, 10, "nginx")

    def _nginx(self, *arguments, **options):
        return self.desk._as_owner_of_the_cluster(
            *END_WITH_US, "nginx", "-e", os.path.join(self.directory, "error.log"),
            "-c", self.conf, *arguments,
            env={**os.environ, "OPENSSL_CONF": self.openssl}, **options)

    def _certificate(self):
        subprocess.run([
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
            "-days", "1", "-subj", "/CN=billing.example.com", "-addext",
            "subjectAltName=DNS:billing.example.com,IP:127.0.0.1",
            "-keyout", self.directory + "/privkey.pem",
            "-out", self.directory + "/fullchain.pem"], check=True,
            stderr=subprocess.DEVNULL)
        self.tls = ssl.create_default_context(
            cafile=self.directory + "/fullchain.pem")

    def _permissive_openssl(self):
        """A system that allows TLS 1.0 and weak ciphers: what nginx's own
        settings refuse is refused by nothing else."""
        self.openssl = os.path.join(self.directory, "openssl.cnf")
        with open(self.openssl, "w") as file:
            file.write("openssl_conf = init\n[init]\nssl_conf = ssl\n"
                       "[ssl]\nsystem_default = all\n[all]\n"
                       "MinProtocol = TLSv1\n"
                       "CipherString = ALL:@SECLEVEL=0\n")

    def _files(self, caller):
        with open(self.desk.var + "/sockets") as file:
            sockets = file.read().strip()
        here = self.directory
        for path in glob.glob(os.path.join(SOURCE, "nginx", "*.conf")):
            name = os.path.basename(path)
            with open(path) as file:
                text = file.read()
            for pattern, change in (
                    (r"/run/paydesk/", sockets + "/"),
                    (r"/etc/ssl/paydesk/", here + "/"),
                    (r"/var/log/nginx/(\S+?);", here + r"/\1;"),
                    (r"/var/log/nginx/", here + "/"),
                    (r"/run/nginx.pid", here + "/nginx.pid"),
                    (r"/etc/nginx/paydesk.htpasswd", here + "/htpasswd"),
                    (r"user www-data;\n", ""),
                    (r"\n\t\tlisten \[::\][^\n]*", ""),
                    (r"listen 80\b", "listen 127.0.0.1:%d" % self.plain_port),
                    (r"listen 443\b", "listen 127.0.0.1:%d" % self.port),
                    (r"127.0.0.1:3000", "127.0.0.1:%d"
                     % self.back.server_port),
                    (r"http \{\n", "http {\n" + "".join(
                        "\t%s_temp_path %s/%s;\n" % (kind, here, kind)
                        for kind in ("client_body", "proxy", "fastcgi",
                                     "uwsgi", "scgi")))):
                text = re.sub(pattern, change, text)
            with open(os.path.join(here, name), "w") as file:
                file.write(text)
        if caller:
            shutil.copy(os.path.join(here, caller),
                        os.path.join(here, "paydesk-caller.conf"))
        made = subprocess.run(["openssl", "passwd", "-apr1", "secret"],
                              stdout=subprocess.PIPE, check=True)
        with open(os.path.join(here, "htpasswd"), "w") as file:
            file.write("script:" + made.stdout.decode())
        os.chmod(os.path.join(here, "privkey.pem"), 0o600)

    def _listens(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True

    def request(self, method, path, body=None, headers=None, source=None):
        link = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=self.tls, timeout=20,
            source_address=(source, 0) if source else None)
        try:
            link.request(method, path, body, headers or {})
            answer = link.getresponse()
            return Reply(answer.status, answer.getheaders(), answer.read())
        finally:
            link.close()

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.back.shutdown()
        self.back.server_close()
        with open(os.path.join(self.directory, "error.log")) as file:
            log = [line for line in file
                   if "password mismatch" not in line
                   and "was not found in" not in line]
        shutil.rmtree(self.directory)
        same([line for line in log if re.search(
            r"\[(warn|error|crit|alert|emerg)\]", line)], [], "nginx's log")


class Fronts(Shop):
    def __init__(self):
        super().__init__(programs=None)
        self.fronts = contextlib.ExitStack()
        try:
            self.bearer = self._front(None)
            self.cookie = self._front("auth-request.conf")
            self.basic = self._front("auth-basic.conf")
        except BaseException:
            self.abandon()
            raise

    def _front(self, caller):
        front = Front(self, caller)
        self.fronts.callback(front.close)
        return front

    def abandon(self):
        with contextlib.suppress(AssertionError, OSError):
            self.fronts.close()
        super().abandon()

    def close(self):
        try:
            self.fronts.close()
        finally:
            super().close()

    def session(self, account=None, **headers):
        """A cookie of the host application's, for a customer of the desk."""
        customer = account or self.customer()
        cookie = stripe.new_id("session")
        self.cookie.back.sessions[cookie] = {
            "X-Account": customer.id,
            **{"X-Account-" + k.capitalize(): v for k, v in headers.items()}}
        return customer, {"Cookie": "theme=dark; session=" + cookie}


suite = Suite(Fronts)
JSON = {"Content-Type": "application/json"}


def code(customer):
    return customer.row()["referral_code"]


# ---------------------------------------------------------------------- TLS

@suite.case("nginx -t finds nothing wrong with the TLS server, nor to remark")
def syntax(desk):
    for front in (desk.bearer, desk.cookie, desk.basic):
        true("syntax is ok" in front.said and "test is successful"
             in front.said and "[warn]" not in front.said, front.said)


@suite.case("over TLS: bearer token, webhook, security headers")
def over_tls(desk):
    customer = desk.customer()
    reply = desk.bearer.request("GET", "/account", headers={
        "Authorization": "Bearer " + customer.token()})
    same((reply.status, reply.json["referral_code"]), (200, code(customer)))
    has(reply.headers, **{
        "strict-transport-security": "max-age=63072000",
        "x-content-type-options": "nosniff", "cache-control": "no-store",
        "content-security-policy": "default-src 'none'"})
    event = desk.buyer().created()
    body = stripe.encode(event)
    reply = desk.bearer.request("POST", "/webhooks/stripe", body, {
        **JSON, "Stripe-Signature": stripe.sign(
            body, desk.settings["STRIPE_WEBHOOK_SECRET"])})
    has(reply.json, status="applied")


@suite.case("plain HTTP is sent to TLS, with its method")
def redirected(desk):
    link = http.client.HTTPConnection("127.0.0.1", desk.bearer.plain_port)
    link.request("POST", "/checkout", "{}", {"Host": "billing.example.com"})
    answer = link.getresponse()
    same((answer.status, answer.getheader("Location")),
         (308, "https://billing.example.com/checkout"))
    link.close()


@suite.case("protocols before TLS 1.2 are refused")
def old_tls(desk):
    """nginx alone decides: its OpenSSL is told to allow them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    warnings.simplefilter("ignore", DeprecationWarning)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", desk.bearer.port)) as link:
        try:
            context.wrap_socket(link)
        except (ssl.SSLError, OSError):
            return
    raise AssertionError("TLS 1.1 was accepted")


# ------------------------------------------------------------- auth_request

@suite.case("auth_request: the application's session says who calls")
def by_session(desk):
    customer, cookie = desk.session()
    reply = desk.cookie.request("GET", "/account", headers=cookie)
    same((reply.status, reply.json["referral_code"]), (200, code(customer)))
    reply = desk.cookie.request("POST", "/checkout", b'{"cadence":"monthly"}',
                                {**cookie, **JSON})
    same(reply.status, 200, repr(reply.body))


@suite.case("auth_request: e-mail and role come the same way")
def by_session_more(desk):
    stranger, cookie = desk.session(desk.stranger(), email="s@example.com")
    same(desk.cookie.request("GET", "/account", headers=cookie).status, 200)
    has(stranger.row(), email="s@example.com")
    _, cookie = desk.session(desk.stranger(), role="admin")
    refused(desk.cookie.request("POST", "/checkout", b'{"cadence":"monthly"}',
                                {**cookie, **JSON}), 400,
            "admin_cannot_purchase")


@suite.each("auth_request: 401 as JSON on {path}", [
    "/account", "/account/referral", "/checkout", "/portal"])
def no_session(desk, path):
    for headers in ({}, {"Cookie": "session=none"},
                    {"Authorization": "Bearer " + desk.customer().token()}):
        method = "GET" if path == "/account" else "POST"
        refused(desk.cookie.request(method, path, b"{}" if method == "POST"
                                    else None, {**headers, **JSON}), 401,
                "unauthorized")


@suite.each("auth_request: the header {header} changes nothing", [
    "Remote-User", "X-Account", "X-Account-Email", "X-Account-Role",
    "Paydesk-Role", "Authorization"])
def headers_of_clients(desk, header):
    customer, cookie = desk.session()
    other = desk.customer()
    value = ("Bearer " + other.token() if header == "Authorization"
             else other.id)
    reply = desk.cookie.request("GET", "/account",
                                headers={**cookie, header: value})
    same((reply.status, reply.json["referral_code"]), (200, code(customer)))


@suite.case("auth_request: the application is asked without the body")
def asked(desk):
    _, cookie = desk.session()
    desk.cookie.request("POST", "/portal", b'{"flow":"x"}', {**cookie, **JSON})
    seen = {k.lower(): v for k, v in desk.cookie.back.seen[-1].items()}
    same(seen.get("content-length", ""), "")
    same(seen["x-original-uri"], "/portal")


@suite.each("auth_request: a page of {origin} may {verb}", [
    {"origin": SITE, "verb": "call", "status": 200},
    {"origin": "our own host", "verb": "call", "status": 200},
    {"origin": "nobody (no Origin)", "verb": "call", "status": 200},
    {"origin": "https://evil.example", "verb": "not", "status": 403},
    {"origin": "null", "verb": "not", "status": 403},
    {"origin": SITE + ".evil.example", "verb": "not", "status": 403}])
def origins(desk, origin, verb, status):
    _, cookie = desk.session()
    headers = {**cookie, **JSON, "Origin": origin}
    if origin == "our own host":
        headers.update(Origin="https://billing.example.com",
                       Host="billing.example.com")
    elif origin.startswith("nobody"):
        del headers["Origin"]
    reply = desk.cookie.request("POST", "/checkout",
                                b'{"cadence":"monthly"}', headers)
    same(reply.status, status, repr(reply.body))
    if status == 403:
        refused(reply, 403, "origin_not_allowed")


@suite.case("auth_request: a browser that says cross-site may not")
def cross_site(desk):
    _, cookie = desk.session()
    refused(desk.cookie.request("POST", "/portal", b"{}", {
        **cookie, **JSON, "Sec-Fetch-Site": "cross-site"}), 403,
        "origin_not_allowed")


@suite.each("auth_request: a foreign form gets nowhere: {type}", [
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "text/plain", None])
def foreign_form(desk, type):
    _, cookie = desk.session()
    headers = {**cookie, **({"Content-Type": type} if type else {})}
    for path in ("/checkout", "/portal", "/account/referral"):
        for body in (b'{"cadence":"monthly"}', b""):
            refused(desk.cookie.request("POST", path, body, headers), 415,
                    "unsupported_media_type")


# --------------------------------------------------------------- auth_basic

BASIC = {"Authorization": "Basic c2NyaXB0OnNlY3JldA=="}  # script:secret


@suite.case("auth_basic: the user is the account")
def basic(desk):
    customer = desk.customer(external_id="script")
    reply = desk.basic.request("GET", "/account", headers=BASIC)
    same((reply.status, reply.json["referral_code"]), (200, code(customer)))


@suite.each("auth_basic: 401 {how}", [
    {"how": "with a wrong password", "value": "Basic c2NyaXB0Ondyb25n"},
    {"how": "without a password", "value": "Basic c2NyaXB0Og=="},
    {"how": "for an unknown user", "value": "Basic eDp5"},
    {"how": "without anything", "value": None}])
def basic_refused(desk, how, value):
    refused(desk.basic.request("GET", "/account", headers={
        "Authorization": value} if value else {}), 401, "unauthorized")


@suite.case("where auth_basic is off a name and password say nothing")
def basic_off(desk):
    refused(desk.bearer.request("GET", "/account", headers=BASIC), 401,
            "unauthorized")


# -------------------------------------------------------------- rate limits

def hammer(desk, path, count, source=None, **headers):
    statuses = []
    for _ in range(count):
        reply = desk.bearer.request("POST", path, b"{}", {**JSON, **headers},
                                    source)
        statuses.append(reply.status)
        if reply.status == 429:
            refused(reply, 429, "too_many_requests")
            true("retry-after" in reply.headers, "Retry-After")
    return statuses


@suite.each("limits: an address may burst to 20 and no more on {path}", [
    {"path": "/checkout", "source": "127.0.0.4"},
    {"path": "/portal", "source": "127.0.0.5"},
    {"path": "/account/referral", "source": "127.0.0.6"}])
def address_limit(desk, path, source):
    """One more a second comes free while the 60 are asked."""
    started = time.monotonic()
    let_in = sum(status != 429 for status in hammer(desk, path, 60, source))
    free = int(time.monotonic() - started) + 1
    true(20 <= let_in <= 21 + free, "%d let in, %d free" % (let_in, free))


@suite.case("limits: one credential has less than an address")
def credential_limit(desk):
    statuses = hammer(desk, "/portal", 15, "127.0.0.3",
                      Authorization="Bearer " + desk.customer().token())
    same(statuses[-1], 429, "the last")
    true(statuses.index(429) >= 10, "%r" % statuses)


@suite.case("limits: calls from this host and webhooks are not counted")
def unlimited(desk):
    same(set(hammer(desk, "/checkout", 60)), {401})
    body = stripe.encode(desk.buyer().created())
    for _ in range(60):
        reply = desk.bearer.request("POST", "/webhooks/stripe", body, {
            **JSON, "Stripe-Signature": "t=1,v1=00"}, ELSEWHERE)
        same(reply.status, 400)


suite.main()
