#!/usr/bin/python3 -B
"""Who calls: bearer tokens good and bad, and no header of a client."""

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import jwt, stripe
from harness.customers import ENVIRONMENT, SITE, Shop, refused
from harness.jwt import KeyPair, claims, encode, hs256
from harness.tap import Suite, has, same, true
from harness.worker import Worker

OTHER_PAGE = "https://www.example.org"
AUDIENCE, ISSUER = "paydesk", "https://app.example.com"


class Callers(Shop):
    def __init__(self):
        self.keys = tempfile.mkdtemp(prefix="paydesk-test.")
        self.pairs = {kind: KeyPair(self.keys, kind)
                      for kind in KeyPair.OPTIONS}
        super().__init__(environment={"ALLOWED_ORIGINS": OTHER_PAGE
                                      + " https://admin.example.org"})

    def close(self):
        shutil.rmtree(self.keys)
        super().close()

    def environment(self, **changes):
        """Of a worker of our own; a value of None unsets."""
        return self.command_environment({
            "DATABASE_URL": self.program_conninfo("account"), **changes})

    def worker(self, **changes):
        return Worker(self.program("account"), self.environment(**changes))


suite = Suite(Callers)


def show(desk, token, headers=None):
    return desk.request("GET", "/account", headers={
        "Authorization": "Bearer " + token, **(headers or {})})


# ------------------------------------------------------------------- tokens

WHO = "user-4711"


def spoilt(text, at):
    other = "A" if text[at] != "A" else "B"
    return text[:at] + other + text[at + 1:]


def bad_tokens():
    good = claims(WHO)
    half = jwt.token(WHO).rsplit(".", 1)[0]
    none = jwt.b64(b'{"alg":"none"}') + "." + jwt.b64(
        json.dumps(good).encode())
    return {
        "empty": "",
        "no JWT": "abc",
        "two parts": half,
        "two parts and a dot": half + ".",
        "four parts": jwt.token(WHO) + ".x",
        "no signature, alg none": none + ".",
        "no signature, alg None": none.replace("none", "None") + ".",
        "alg none, signed": encode(good, hs256(), alg="none"),
        "alg HS384": encode(good, hs256(digest=hashlib.sha384), alg="HS384"),
        "alg HS512": encode(good, hs256(digest=hashlib.sha512), alg="HS512"),
        "alg RS256": encode(good, hs256(), alg="RS256"),
        "alg unknown": encode(good, hs256(), alg="XX256"),
        "alg a number": encode(good, hs256(), alg=1),
        "another secret": encode(good, hs256("another")),
        "an empty secret": encode(good, hs256("")),
        "crit": encode(good, hs256(), crit=["exp"]),
        "signature spoilt": spoilt(jwt.token(WHO), -5),
        "claims spoilt": spoilt(jwt.token(WHO), 50),
        "header spoilt": spoilt(jwt.token(WHO), 5),
        "claims no JSON": encode(b"{", hs256()),
        "claims a list": encode(b"[]", hs256()),
        "no exp": encode({"sub": WHO}, hs256()),
        "exp null": encode({**good, "exp": None}, hs256()),
        "exp a text": encode({**good, "exp": str(good["exp"])}, hs256()),
        "exp true": encode({**good, "exp": True}, hs256()),
        "exp negative": encode({**good, "exp": -1}, hs256()),
        "exp far too large": encode({**good, "exp": 1e300}, hs256()),
        "expired": jwt.token(WHO, expires_in=-1),
        "expires now": jwt.token(WHO, expires_in=0),
        "not valid yet": jwt.token(WHO, nbf=int(time.time()) + 60),
        "nbf a text": jwt.token(WHO, nbf="0"),
        "an audience, none expected": jwt.token(WHO, aud="other"),
        "no sub": encode({"exp": good["exp"]}, hs256()),
        "sub empty": encode({**good, "sub": ""}, hs256()),
        "sub a number": encode({**good, "sub": 1}, hs256()),
        "sub with a line end": encode({**good, "sub": "a\nb"}, hs256()),
        "sub with a NUL": encode({**good, "sub": "a\0b"}, hs256()),
        "sub of 256 bytes": encode({**good, "sub": "x" * 256}, hs256()),
    }


@suite.each("401: a token with {fault}", list(bad_tokens()))
def bad_token(desk, fault):
    reply = refused(show(desk, bad_tokens()[fault]), 401, "unauthorized")
    if fault != "empty":
        same(reply.headers["www-authenticate"],
             'Bearer error="invalid_token"')
    true(WHO not in reply.body.decode(), "the reply names the caller")


@suite.each("a good token: {kind}", [
    {"kind": "plain", "more": {}},
    {"kind": "nbf now", "more": {"nbf": int(time.time())}},
    {"kind": "an issuer, none expected", "more": {"iss": "x"}},
    {"kind": "other claims", "more": {"scope": ["a"], "n": {"a": 1}}}])
def good_token(desk, kind, more):
    customer = desk.customer()
    same(show(desk, jwt.token(customer.id, **more)).status, 200)


@suite.case("exp may have a fraction")
def fraction(desk):
    customer = desk.customer()
    token = encode({"sub": customer.id, "exp": time.time() + 9.5}, hs256())
    same(show(desk, token).status, 200)


@suite.each("ids as they are: {id}", ["auth0|5f7c8ec7c33c6c004bbafe82",
                                      "ada@example.com", "名前", "a b", "'; --"])
def ids(desk, id):
    stranger = desk.stranger("i@example.com")
    stranger.id = id + stripe.new_id("")
    same(stranger.show().status, 200)
    has(stranger.row(), external_id=stranger.id)


@suite.each("an e-mail that is none makes no account: {email}", [
    "", "x", "@example.com", "a@", "a b@example.com", "a@b\n", "x" * 330
    + "@example.com", 5, ["a@example.com"]])
def bad_email(desk, email):
    stranger = desk.stranger(email)
    refused(stranger.show(), 404, "user_not_found")


# ------------------------------------------------------- keys and algorithms

def with_keys(desk, **settings):
    return desk.worker(AUTH_JWT_SECRET=None, **settings)


@suite.each("{alg} by a public key, the algorithm {how}", [
    {"alg": alg, "kind": kind, "how": how, "named": named}
    for alg, kind in (("RS256", "rsa"), ("ES256", "ec"))
    for how, named in (("named", True), ("implied", False))])
def public_key(desk, alg, kind, how, named):
    pair, customer = desk.pairs[kind], desk.customer()
    more = {"AUTH_JWT_ALG": alg} if named else {}

    def status(worker, token):
        return worker.request("GET", "/account", headers={
            "Authorization": "Bearer " + token}).status

    with with_keys(desk, AUTH_JWT_PUBLIC_KEY=pair.public, **more) as worker:
        same(status(worker, encode(claims(customer.id), pair.sign, alg)), 200)
        for name, token in {
                "HMAC with the public key": encode(
                    claims(customer.id), hs256(pair.pem)),
                "HMAC that says " + alg: encode(
                    claims(customer.id), hs256(pair.pem), alg),
                "none": encode(claims(customer.id), lambda text: b"", "none"),
                "RSA of another hash": encode(
                    claims(customer.id), pair.sign,
                    alg.replace("256", "512")),
                "another key": encode(
                    claims(customer.id), KeyPair(tempfile.mkdtemp(
                        dir=desk.keys), kind).sign, alg),
                "expired": encode(claims(customer.id, -5), pair.sign, alg),
                }.items():
            same(status(worker, token), 401, name)


@suite.case("the public key may be given as PEM, or with _FILE")
def pem(desk):
    pair, customer = desk.pairs["ec"], desk.customer()
    token = encode(claims(customer.id), pair.sign, "ES256")
    for settings in ({"AUTH_JWT_PUBLIC_KEY": pair.pem},
                     {"AUTH_JWT_PUBLIC_KEY_FILE": pair.public}):
        with with_keys(desk, **settings) as worker:
            same(worker.request("GET", "/account", headers={
                "Authorization": "Bearer " + token}).status, 200)


BAD_SETTINGS = {
    "alg none": {"AUTH_JWT_ALG": "none"},
    "alg unknown": {"AUTH_JWT_ALG": "HS512"},
    "EdDSA": {"AUTH_JWT_ALG": "EdDSA"},
    "RS256 without a key": {"AUTH_JWT_ALG": "RS256"},
    "HS256 without a secret": {"AUTH_JWT_ALG": "HS256",
                               "AUTH_JWT_SECRET": None,
                               "AUTH_JWT_PUBLIC_KEY": "rsa"},
    "an algorithm without anything": {"AUTH_JWT_ALG": "HS256",
                                      "AUTH_JWT_SECRET": None},
    "RS256 with an EC key": {"AUTH_JWT_ALG": "RS256",
                             "AUTH_JWT_PUBLIC_KEY": "ec"},
    "ES256 with an RSA key": {"AUTH_JWT_ALG": "ES256",
                              "AUTH_JWT_PUBLIC_KEY": "rsa"},
    "secret and key without an algorithm": {"AUTH_JWT_PUBLIC_KEY": "rsa"},
    "a weak RSA key": {"AUTH_JWT_SECRET": None,
                       "AUTH_JWT_PUBLIC_KEY": "weak"},
    "another curve": {"AUTH_JWT_SECRET": None, "AUTH_JWT_PUBLIC_KEY": "p384"},
    "an Ed25519 key": {"AUTH_JWT_SECRET": None,
                       "AUTH_JWT_PUBLIC_KEY": "ed25519"},
    "a private key": {"AUTH_JWT_SECRET": None, "AUTH_JWT_PUBLIC_KEY":
                      "private"},
    "no key at this path": {"AUTH_JWT_SECRET": None,
                            "AUTH_JWT_PUBLIC_KEY": "/nowhere"},
    "a site that is no URL": {"SITE_URL": "app.example.com"},
    "a site with a query": {"SITE_URL": "https://app.example.com/?a=b"},
    "an origin with a path": {"ALLOWED_ORIGINS": "https://a.example/x"},
    "any origin": {"ALLOWED_ORIGINS": "*"},
}


@suite.each("refused at start, with the setting's name: {what}",
            list(BAD_SETTINGS))
def bad_settings(desk, what):
    settings = dict(BAD_SETTINGS[what])
    key = settings.get("AUTH_JWT_PUBLIC_KEY")
    if key == "private":
        settings["AUTH_JWT_PUBLIC_KEY"] = desk.pairs["rsa"].private
    elif key in desk.pairs:
        settings["AUTH_JWT_PUBLIC_KEY"] = desk.pairs[key].public
    result = desk.run("check", program="account", environment={
        "DATABASE_URL": desk.program_conninfo("account"), **settings})
    same(result.returncode, 78, result.stderr)
    true(result.stderr.startswith(b"account: ")
         and any(name.encode() in result.stderr for name in settings)
         and result.stderr.count(b"\n") == 1, result.stderr)


@suite.case("audience and issuer that the settings name are demanded")
def audience(desk):
    customer = desk.customer()
    good = {"aud": AUDIENCE, "iss": ISSUER}
    rows = [(good, 200), ({**good, "aud": ["x", AUDIENCE]}, 200),
            ({**good, "aud": "paydes"}, 401), ({**good, "aud": []}, 401),
            ({**good, "aud": AUDIENCE + "\0"}, 401),
            ({**good, "aud": [[AUDIENCE]]}, 401), ({"iss": ISSUER}, 401),
            ({"aud": AUDIENCE}, 401), ({**good, "iss": "x"}, 401),
            ({**good, "iss": [ISSUER]}, 401)]
    with desk.worker(AUTH_JWT_AUDIENCE=AUDIENCE,
                     AUTH_JWT_ISSUER=ISSUER) as worker:
        for more, status in rows:
            reply = worker.request("GET", "/account", headers={
                "Authorization": "Bearer " + jwt.token(customer.id, **more)})
            same(reply.status, status, repr(more))


@suite.case("without any key every token is refused")
def no_key(desk):
    with desk.worker(AUTH_JWT_SECRET=None) as worker:
        for token in (jwt.token("x"), encode(claims("x"), hs256(""))):
            same(worker.request("GET", "/account", headers={
                "Authorization": "Bearer " + token}).status, 401)


# --------------------------------------------- no header sets the identity

SPELLINGS = ["Remote-User", "REMOTE_USER", "Remote_User", "remote-user",
             "X-Remote-User", "HTTP-Remote-User", "HTTP_REMOTE_USER",
             "Paydesk-User", "Paydesk-Email", "PAYDESK_EMAIL",
             "X-Paydesk-Email", "Paydesk-Role", "PAYDESK_ROLE",
             "X-Paydesk-Role", "X-Account", "X-Account-Email",
             "X-Account-Role", "X-Forwarded-User", "X-User", "Auth-User",
             "Auth-Type", "Proxy", "Proxy-Authorization", "Script-Name",
             "Request-Method", "Document-Root", "Content_Length",
             "Remote.User", "Remote User", "Remote-User ", "\tRemote-User"]


@suite.each("the header {header!r} names nobody", SPELLINGS)
def header(desk, header):
    known = desk.customer()
    for value in (known.id, "admin", "x@example.com"):
        client = desk.raw()
        client.send(("GET /account HTTP/1.1\r\nHost: a\r\n%s: %s\r\n"
                     "Connection: close\r\n\r\n" % (header, value)).encode())
        status = client.reply().status
        true(status in (400, 401), "status %d" % status)


@suite.each("beside a token the header {header!r} changes nothing", SPELLINGS[:-3])
def header_and_token(desk, header):
    known, caller = desk.customer(), desk.customer()
    reply = show(desk, caller.token(), {header: known.id})
    same((reply.status, reply.json["referral_code"]),
         (200, caller.row()["referral_code"]))


@suite.each("Authorization {value!r} names nobody", [
    "Basic dXNlcjpwYXNz", "Basic", "Bearer", "Bearer ", "bearer",
    "Token x", "Digest username=user", "x" * 4000])
def authorization(desk, value):
    refused(desk.request("GET", "/account", headers={
        "Authorization": value}), 401, "unauthorized")


@suite.case("a query, a cookie or a body names nobody either")
def elsewhere(desk):
    token = desk.customer().token()
    for path, headers in (
            ("/account?access_token=" + token, {}),
            ("/account?REMOTE_USER=x", {}),
            ("/account", {"Cookie": "REMOTE_USER=x; token=" + token})):
        refused(desk.request("GET", path, headers=headers), 401,
                "unauthorized")


# ---------------------------------------------------------------- a browser

@suite.case("CORS: an allowed origin is told so, also with an error")
def cors(desk):
    for customer in (desk.customer(), desk.stranger()):
        reply = customer.show({"Origin": OTHER_PAGE})
        has(reply.headers, **{
            "access-control-allow-origin": OTHER_PAGE,
            "access-control-allow-credentials": "true", "vary": "Origin"})
    reply = desk.request("GET", "/account", headers={"Origin": OTHER_PAGE})
    has(reply.headers, **{"access-control-allow-origin": OTHER_PAGE})


@suite.each("CORS: {origin} is told nothing", [
    "https://evil.example", "null", "https://www.example.org.evil.example",
    "http://www.example.org", "https://www.example.org:444",
    "https://www.example.or", "https://www.example.org/", SITE])
def no_cors(desk, origin):
    reply = desk.customer().show({"Origin": origin})
    same([h for h in reply.headers if h.startswith("access-control")], [])
    same(reply.headers["vary"], "Origin")


@suite.each("CORS: preflight at {path}", ["/account", "/account/referral",
                                          "/checkout", "/portal"])
def preflight(desk, path):
    reply = desk.request("OPTIONS", path, headers={
        "Origin": OTHER_PAGE, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type"})
    same((reply.status, reply.body), (204, b""))
    has(reply.headers, **{"access-control-allow-origin": OTHER_PAGE})
    allowed = reply.headers["access-control-allow-headers"].lower()
    for name in ("authorization", "content-type", "idempotency-key"):
        true(name in allowed, name)
    reply = desk.request("OPTIONS", path, headers={
        "Origin": "https://evil.example"})
    true("access-control-allow-origin" not in reply.headers, "allowed")


@suite.case("without ALLOWED_ORIGINS there is no CORS at all")
def cors_off(desk):
    customer = desk.customer()
    with desk.worker(ALLOWED_ORIGINS=None) as worker:
        reply = worker.request("GET", "/account", headers={
            "Origin": SITE, "Authorization": "Bearer " + customer.token()})
        same(reply.status, 200)
        same([h for h in reply.headers if h.startswith("access-control")
              or h == "vary"], [])
        same(worker.request("OPTIONS", "/account").status, 405)


# ------------------------------------------------------------------ the log

@suite.case("no id, address or token reaches a log")
def log(desk):
    stranger = desk.stranger("private@example.com")
    token = stranger.token()
    show(desk, token)
    show(desk, token + "x")
    stranger.checkout()
    for name in ("account", "checkout", "nginx-access", "nginx",
                 "postgresql"):
        text = desk.log(name)
        for secret in (stranger.id, "private@example.com", token, jwt.SECRET,
                       ENVIRONMENT["AUTH_JWT_SECRET"]):
            true(secret not in text, "%s.log has %s" % (name, secret[:12]))


suite.main()
