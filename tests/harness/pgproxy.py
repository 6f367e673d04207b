"""A link to PostgreSQL that can be cut between any two messages."""

import contextlib
import os
import shutil
import socket
import struct
import tempfile
import threading

TO_SERVER, TO_CLIENT = "to the server", "to the client"


class Cut:
    """Where to cut: before message NUMBER (from 1) in a direction.

    `hang` swallows all that follows instead, with both ends open.
    """

    def __init__(self, direction, number, hang=False):
        self.direction = direction
        self.number = number
        self.hang = hang
        self.fired = threading.Event()


class Proxy:
    """A Unix socket in a directory of its own, as libpq's host."""

    def __init__(self, server_socket):
        self.server_socket = server_socket
        self.directory = tempfile.mkdtemp(prefix="paydesk-test.")
        os.chmod(self.directory, 0o711)
        self.lock = threading.Lock()
        self.cut = None
        self.seen = {TO_SERVER: [], TO_CLIENT: []}
        self.links = []
        self.backends = {}
        self.closed = False
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(os.path.join(self.directory, ".s.PGSQL.5432"))
        self.listening.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, cut):
        """Count from now on, and cut there (None: count alone)."""
        with self.lock:
            self.cut = cut
            self.seen = {TO_SERVER: [], TO_CLIENT: []}

    def messages(self, direction):
        """The types of what has passed since arm()."""
        with self.lock:
            return list(self.seen[direction])

    def cut_backends(self):
        """Process ids of the server's ends of links that are cut."""
        return [pid for link, pid in self.backends.items()
                if link[0].fileno() < 0]

    def close(self):
        self.closed = True
        self.listening.close()
        for link in self.links:
            self._close(link)
        shutil.rmtree(self.directory)

    def _accept(self):
        while not self.closed:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self.server_socket)
            except OSError:
                client.close()
                continue
            link = (client, server)
            self.links.append(link)
            for source, target, direction in (
                    (client, server, TO_SERVER), (server, client, TO_CLIENT)):
                threading.Thread(
                    target=self._forward, daemon=True,
                    args=(link, source, target, direction)).start()

    def _forward(self, link, source, target, direction):
        with contextlib.suppress(OSError, EOFError):
            if direction == TO_SERVER:
                self._startup(source, target)
            while True:
                kind, message = self._message(source)
                if kind == b"K":
                    self.backends[link] = struct.unpack(
                        ">I", message[5:9])[0]
                if not self._pass(kind, direction):
                    self._cut(link, source)
                    return
                target.sendall(message)
        self._close(link)

    def _pass(self, kind, direction):
        with self.lock:
            cut = self.cut
            if (cut and cut.direction == direction
                    and len(self.seen[direction]) + 1 == cut.number):
                return False
            self.seen[direction].append(kind.decode())
            return True

    def _cut(self, link, source):
        cut, self.cut = self.cut, None
        if cut.hang:
            cut.fired.set()
            while source.recv(65536):
                pass
        self._close(link)
        cut.fired.set()

    def _startup(self, source, target):
        length = self._exactly(source, 4)
        target.sendall(length + self._exactly(
            source, struct.unpack(">I", length)[0] - 4))

    def _message(self, source):
        head = self._exactly(source, 5)
        length = struct.unpack(">I", head[1:])[0]
        return head[:1], head + self._exactly(source, length - 4)

    @staticmethod
    def _exactly(source, count):
        data = b""
        while len(data) < count:
            piece = source.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    @staticmethod
    def _close(link):
        for end in link:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
