"""One worker without nginx, spoken to over FastCGI: for settings that
`bootstrap run` would fill in, and for a database link that we hold."""

import os
import shutil
import socket
import struct
import subprocess
import tempfile

from .client import Reply
from .processes import END_WITH_US

BEGIN, END, PARAMS, STDIN, STDOUT, STDERR = 1, 3, 4, 5, 6, 7
RECORD_MAX = 65535


def _record(kind, data):
    return struct.pack(">BBHHBB", 1, kind, 1, len(data), 0, 0) + data


def _stream(kind, data):
    pieces = [data[i:i + RECORD_MAX] for i in range(0, len(data), RECORD_MAX)]
    return b"".join(_record(kind, piece) for piece in pieces + [b""])


def _length(n):
    return bytes([n]) if n < 128 else struct.pack(">I", n | 0x80000000)


def _pairs(variables):
    out = b""
    for name, value in variables.items():
        name, value = name.encode(), str(value).encode("latin-1")
        out += _length(len(name)) + _length(len(value)) + name + value
    return out


class Worker:
    def __init__(self, program, environment):
        self.directory = tempfile.mkdtemp(prefix="paydesk-test.")
        self.path = os.path.join(self.directory, "socket")
        self.errors = open(os.path.join(self.directory, "log"), "w+b")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self.path)
            listening.listen(16)
            self.process = subprocess.Popen(
                [*END_WITH_US, program], stdin=listening, env=environment,
                stdout=self.errors, stderr=self.errors)

    def request(self, method, path, body=b"", headers=None, timeout=30,
                variables=None):
        uri = path
        path, _, query = uri.partition("?")
        names = {
            "REQUEST_METHOD": method, "SCRIPT_NAME": path,
            "DOCUMENT_URI": path, "REQUEST_URI": uri, "QUERY_STRING": query,
            "CONTENT_LENGTH": len(body), "CONTENT_TYPE": "application/json",
            "SERVER_PROTOCOL": "HTTP/1.1", "GATEWAY_INTERFACE": "CGI/1.1",
            "REMOTE_ADDR": "127.0.0.1", "REQUEST_ID": "test",
            **(variables or {}),
        }
        for name, value in (headers or {}).items():
            names["HTTP_" + name.upper().replace("-", "_")] = value
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(timeout)
            link.connect(self.path)
            link.sendall(_record(BEGIN, struct.pack(">HB5x", 1, 0))
                         + _stream(PARAMS, _pairs(names))
                         + _stream(STDIN, body))
            return self._reply(link.makefile("rb"))

    def _reply(self, file):
        out = b""
        while True:
            header = file.read(8)
            if len(header) < 8:
                raise EOFError("the worker closed after %r" % out[:200])
            _, kind, _, length, padding, _ = struct.unpack(">BBHHBB", header)
            data = file.read(length)
            file.read(padding)
            if kind == STDOUT:
                out += data
            elif kind == END:
                break
        head, _, body = out.partition(b"\r\n\r\n")
        headers = [tuple(part.strip() for part in line.split(":", 1))
                   for line in head.decode("latin-1").split("\r\n") if line]
        status = dict((k.lower(), v) for k, v in headers).get("status", "200")
        return Reply(int(status.split()[0]), headers, body)

    def log(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def stop(self):
        """Ask it to end; returns its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the worker did not end on SIGTERM")

    def close(self):
        try:
            return self.stop()
        finally:
            self.errors.close()
            shutil.rmtree(self.directory)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
