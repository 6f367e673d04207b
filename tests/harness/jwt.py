"""Bearer tokens, good and bad: signed with the standard library or openssl."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import time

SECRET = "a-secret-of-the-tests-0123456789abcdef"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encode(claims, sign, alg="HS256", **header):
    """A token; SIGN makes the signature of its first two parts."""
    head = {"alg": alg, "typ": "JWT", **header}
    text = b64(json.dumps(head).encode()) + "." + b64(
        claims if isinstance(claims, bytes) else json.dumps(claims).encode())
    return text + "." + b64(sign(text.encode()))


def hs256(secret=SECRET, digest=hashlib.sha256):
    key = secret if isinstance(secret, bytes) else secret.encode()
    return lambda text: hmac.new(key, text, digest).digest()


def claims(sub, expires_in=300, **more):
    made = {"sub": sub, "exp": int(time.time()) + expires_in, **more}
    return {name: value for name, value in made.items() if value is not None}


def token(sub, **more):
    """What the host application would make, signed with SECRET."""
    return encode(claims(sub, **more), hs256())


class KeyPair:
    """A key that openssl makes: "rsa" or "ec", in a directory."""

    OPTIONS = {"rsa": ["-algorithm", "RSA", "-pkeyopt",
                       "rsa_keygen_bits:2048"],
               "weak": ["-algorithm", "RSA", "-pkeyopt",
                        "rsa_keygen_bits:1024"],
               "ec": ["-algorithm", "EC", "-pkeyopt",
                      "ec_paramgen_curve:P-256"],
               "p384": ["-algorithm", "EC", "-pkeyopt",
                        "ec_paramgen_curve:P-384"],
               "ed25519": ["-algorithm", "ED25519"]}

    def __init__(self, directory, kind):
        self.kind = kind
        self.private = os.path.join(directory, kind + ".key")
        self.public = os.path.join(directory, kind + ".pub")
        self._openssl("genpkey", *self.OPTIONS[kind], "-out", self.private)
        self._openssl("pkey", "-in", self.private, "-pubout", "-out",
                      self.public)
        os.chmod(self.public, 0o644)
        with open(self.public) as file:
            self.pem = file.read()

    @staticmethod
    def _openssl(*arguments, input=b""):
        return subprocess.run(["openssl", *arguments], input=input, check=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL).stdout

    def sign(self, text):
        made = self._openssl("dgst", "-sha256", "-sign", self.private,
                             input=text)
        return self._raw(made) if self.kind == "ec" else made

    @staticmethod
    def _raw(der):
        """The two numbers of a DER signature, 32 bytes each."""
        numbers, at = [], 2
        for _ in range(2):
            length = der[at + 1]
            numbers.append(der[at + 2:at + 2 + length].lstrip(b"\0")
                           .rjust(32, b"\0"))
            at += 2 + length
        return b"".join(numbers)
