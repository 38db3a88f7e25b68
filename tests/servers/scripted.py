# SPDX-License-Identifier: Apache-2.0
"""
A small HTTP server of ours for what real ones will not do on demand. It speaks one of three dialects
(dialects.py), takes events whole or not at all, and remembers the ids that it really took. A script
(scripts.py) may answer in its place. In this process; as a process of its own, to be killed:

    python3 -m servers.scripted DIALECT PORT FILE      ids go to FILE before they are acknowledged;
                                                       HEC: none while there is FILE.hold
"""

import contextlib
import gzip
import os
import socket
import sys
import threading
import zlib
from pathlib import Path

from servers.process import Server, accepts, free_ports

CHUNK = 65536
HEAD_MAX = 65536


class Request:
    def __init__(self, head, body):
        first, *rest = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ", 2)
        self.path = self.target.partition("?")[0]
        self.headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in rest if line)
        }
        self.raw = body
        self.body = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body


class Connection:
    """Reads requests; writes replies."""

    def __init__(self, sock):
        self.sock = sock
        self.held = b""

    def more(self):
        data = self.sock.recv(CHUNK)
        if not data:
            raise ConnectionError("closed")
        self.held += data

    def take(self, count):
        while len(self.held) < count:
            self.more()
        taken, self.held = self.held[:count], self.held[count:]
        return taken

    def until(self, mark):
        while mark not in self.held:
            if len(self.held) > HEAD_MAX:
                raise ConnectionError("a head without end")
            self.more()
        taken, _, self.held = self.held.partition(mark)
        return taken

    def chunks(self):
        body = b""
        while size := int(self.until(b"\r\n").split(b";")[0], 16):
            body += self.take(size)
            self.take(2)
        self.until(b"\r\n")
        return body

    def request(self):
        head = self.until(b"\r\n\r\n")
        lower = head.lower()
        if b"expect: 100-continue" in lower:
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if b"transfer-encoding: chunked" in lower:
            return Request(head, self.chunks())
        length = lower.partition(b"\r\ncontent-length:")[2].split(b"\r\n")[0].strip() or b"0"
        return Request(head, self.take(int(length)))

    def reply(self, status, body=b"", headers=()):
        lines = [f"HTTP/1.1 {status} Told", f"Content-Length: {len(body)}", *headers]
        if body and not any(line.lower().startswith("content-type") for line in headers):
            lines.append("Content-Type: application/json")
        self.sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


class Scripted:
    """Listens at `port`; `taken` are ids, in the order in which they were taken, repeats too."""

    def __init__(self, dialect, port=None, record=None):
        self.dialect = dialect
        self.port = port or free_ports(1)[0]
        self.record = record  # called with the ids before they are acknowledged
        self.taken = []
        self.script = None
        self.requests = 0
        self.lock = threading.Lock()
        self.listener = None
        self.problems = []  # what no client should send

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *error):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[sock], daemon=True).start()

    def serve(self, sock):
        with sock:
            connection = Connection(sock)
            while True:
                try:
                    request = connection.request()
                except (OSError, ValueError, EOFError, zlib.error) as error:
                    if not isinstance(error, ConnectionError):
                        self.problems.append(repr(error))
                    return
                if not self.answer(connection, request):
                    return

    def answer(self, connection, request):
        """False: the connection is over."""
        self.requests += 1
        script = self.script
        try:
            if script and script.answer(self, connection, request):
                return not script.closes
            connection.reply(*self.dialect.answer(self, request))
        except OSError:
            return False
        except (ValueError, KeyError, IndexError) as error:
            self.problems.append(f"{request.method} {request.target}: {error!r}")
            connection.reply(400, b"{}")
        return True

    def take(self, identities):
        """They are ours from now on."""
        with self.lock:
            if self.record:
                self.record(identities)
            self.taken += identities

    def received(self):
        with self.lock:
            return list(self.taken)


class ScriptedProcess(Server):
    """The same as a process, which can be killed: what it acknowledged is in its file."""

    name = "scripted"

    def __init__(self, folder, dialect):
        super().__init__(folder)
        self.dialect = dialect
        (self.port,) = free_ports(1)
        self.file = self.folder / "taken"
        self.hold = self.folder / "taken.hold"  # HEC: nothing is indexed while it is there

    def environment(self):
        above = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        return dict(os.environ, PYTHONPATH=above, PYTHONDONTWRITEBYTECODE="1")

    def command(self):
        return [sys.executable, "-m", "servers.scripted", self.dialect, self.port, self.file]

    def ready(self):
        return accepts(self.port)

    def received(self):
        text = self.file.read_text() if self.file.exists() else ""
        return text[: text.rfind("\n") + 1].split()


def main(dialect, port, path):
    from servers.dialects import DIALECTS, Hec

    hold = Path(f"{path}.hold")
    with open(path, "a") as file:

        def record(identities):
            file.write("".join(f"{one}\n" for one in identities))
            file.flush()

        made = Hec(hold.exists) if dialect == Hec.name else DIALECTS[dialect]()
        with Scripted(made, int(port), record):
            threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
