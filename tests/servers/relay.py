# SPDX-License-Identifier: Apache-2.0
"""
A TCP relay of our own in front of a server, in this process: what happens to a connection is decided
by a fault (relay_faults.py) that sees every byte. It ends TLS where a test wants that, and may begin
it anew towards the server.
"""

import contextlib
import select
import socket
import ssl
import struct
import threading

CHUNK = 65536
LOOK_SECONDS = 0.05
NO_LINGER = struct.pack("ii", 1, 0)
# What its kernel takes while it reads nothing: a machine's tcp_rmem may be more than the 8 MiB that
# output syslog holds back, and what lies above is lost, as its guarantee says.
RECEIVE_BYTES = 1 << 20


def reset(sock):
    """Closes by RST: what the peer has not read is gone."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    with contextlib.suppress(OSError):
        sock.close()


class Cut(Exception):
    """A fault ends the connection, by RST unless it was closed already."""


class Link:
    """One connection: `client` is the program under test, `server` the far end."""

    def __init__(self, relay, client):
        self.relay = relay
        self.client = client
        self.server = None
        self.sent = 0  # bytes of the client that were passed on
        self.state = {}  # a fault's own

    def to_server(self, data):
        self.server.sendall(data)
        self.sent += len(data)

    def to_client(self, data):
        self.client.sendall(data)

    def connect(self):
        self.server = socket.create_connection(("127.0.0.1", self.relay.upstream), 10)
        self.server.settimeout(None)
        if self.relay.tls_out:
            self.server = self.relay.tls_out.wrap_socket(self.server, server_hostname="localhost")

    def readable(self):
        """The sockets that have something; TLS may have taken it from the kernel already."""
        both = [self.client, self.server]
        held = [one for one in both if isinstance(one, ssl.SSLSocket) and one.pending()]
        return held or select.select(both, [], [], LOOK_SECONDS)[0]

    def close(self):
        for sock in (self.client, self.server):
            if sock:
                reset(sock)


class Relay:
    """
    Listens at `port` from start() to stop(), and passes on to 127.0.0.1:`upstream`. `tls_in` is the
    context that it shows to clients. `fault`, where there is one, is asked about everything.
    """

    def __init__(self, port, upstream, tls_in=None, tls_out=None):
        self.port, self.upstream = port, upstream
        self.tls_in, self.tls_out = tls_in, tls_out
        self.fault = None
        self.refused = 0  # handshakes that failed
        self.accepted = 0
        self.lock = threading.Lock()
        self.links = set()
        self.listener = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.stop()

    def start(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        threading.Thread(target=self.accept, args=[self.listener], daemon=True).start()

    def stop(self):
        """Nothing listens any more, and all connections are reset."""
        if self.listener:
            with contextlib.suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
            self.listener.close()
        self.listener = None
        self.cut()

    def cut(self):
        with self.lock:
            links, self.links = self.links, set()
        for link in links:
            # The thread of the link sees an error, and closes.
            for sock in (link.client, link.server):
                with contextlib.suppress(OSError, AttributeError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self.serve, args=[client], daemon=True).start()

    def serve(self, client):
        link = Link(self, client)
        with self.lock:
            self.links.add(link)
        try:
            if self.tls_in:
                link.client = self.tls_in.wrap_socket(client, server_side=True)
            if self.fault:
                self.fault.connected(link)
            link.connect()
            while self.pass_on(link):
                pass
        except ssl.SSLError:
            self.refused += 1
        except (OSError, ValueError, Cut):
            pass
        finally:
            link.close()
            with self.lock:
                self.links.discard(link)

    def pass_on(self, link):
        """What is there now, in both directions; False: an end was closed."""
        for sock in link.readable():
            data = sock.recv(CHUNK)
            fault = self.fault
            if not data:
                self.finish(link, sock)
                return False
            if sock is link.client:
                fault.upward(link, data) if fault else link.to_server(data)
            else:
                fault.downward(link, data) if fault else link.to_client(data)
        return True

    def finish(self, link, ended):
        """One end said that it sends no more: the other hears it, and what it still says is passed."""
        client_ended = ended is link.client
        source, sink = (link.server, link.client) if client_ended else (link.client, link.server)
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sink if not client_ended else link.server, socket.SHUT_WR)
        if not client_ended:
            return
        while data := source.recv(CHUNK):
            link.to_client(data)
