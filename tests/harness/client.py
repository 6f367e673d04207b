"""HTTP as a provider speaks it: keep-alive, and raw bytes when need be."""

import http.client
import json
import socket


class Reply:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {k.lower(): v for k, v in headers}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "%d %r" % (self.status, self.body[:200])


class Client:
    """One keep-alive connection.  Not for two threads at a time."""

    def __init__(self, port, timeout=30):
        self.port = port
        self.timeout = timeout
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        fresh = self.connection is None
        if fresh:
            self.connection = http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=self.timeout)
        try:
            self.connection.request(method, path, body, headers or {})
            answer = self.connection.getresponse()
            return Reply(answer.status, answer.getheaders(), answer.read())
        except (http.client.RemoteDisconnected, BrokenPipeError,
                ConnectionResetError):
            self.close()
            if fresh:
                raise
            # The server had closed the idle connection: nothing was read.
            return self.request(method, path, body, headers)
        except BaseException:
            self.close()
            raise

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None


class RawClient:
    """Sends bytes as they are; reads replies that carry a length."""

    def __init__(self, port, timeout=30):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def _until(self, mark):
        while mark not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("the server closed after %r" % self.buffer)
            self.buffer += data
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def _bytes(self, count):
        while len(self.buffer) < count:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("the server closed inside a body")
            self.buffer += data
        body, self.buffer = self.buffer[:count], self.buffer[count:]
        return body

    def _chunked(self):
        body = b""
        while True:
            size = int(self._until(b"\r\n").split(b";")[0], 16)
            body += self._bytes(size)
            self._until(b"\r\n")
            if size == 0:
                return body

    def reply(self):
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = [tuple(part.strip() for part in line.split(":", 1))
                   for line in lines[1:]]
        names = {k.lower(): v for k, v in headers}
        if "chunked" in names.get("transfer-encoding", ""):
            body = self._chunked()
        else:
            body = self._bytes(int(names.get("content-length", 0)))
        return Reply(status, headers, body)

    def close(self):
        self.socket.close()


def request_bytes(method, path, body=b"", **headers):
    """A request as bytes; headers by name with _ for -."""
    lines = ["%s %s HTTP/1.1" % (method, path), "Host: 127.0.0.1"]
    if body or "Content_Length" not in headers:
        headers.setdefault("Content_Length", len(body))
    lines += ["%s: %s" % (k.replace("_", "-"), v)
              for k, v in headers.items() if v is not None]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
