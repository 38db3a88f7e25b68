# SPDX-License-Identifier: Apache-2.0
"""
What a relay can do to a connection. A fault happens when data of events goes up, which `watch`
recognises; `hits` counts how often it did, `hit` is set by the first. end() lets things go on: what
is held then goes its way or is cut, as the fault says.
"""

import contextlib
import socket
import threading

from servers.relay import Cut, reset

PIECE = 512
PAUSE_SECONDS = 0.002


def anything(link, data):
    """Every byte is of an event: syslog."""
    return True


def http_post(link, data):
    """The begin of a request with events, not a question for acknowledgements."""
    head = data.split(b"\r\n", 1)[0]
    return head.startswith((b"POST ", b"PUT ")) and b"/services/collector/ack" not in head


def kafka_produce(link, data):
    """A Produce request begins in these bytes: frames of length, api key (0), …"""
    left, found = link.state.get("kafka", (0, b""))[0], False
    data = link.state.get("kafka", (0, b""))[1] + data
    while data:
        skip = min(left, len(data))
        data, left = data[skip:], left - skip
        if len(data) < 6:
            break
        left = 4 + int.from_bytes(data[:4], "big")
        found = found or data[4:6] == b"\0\0"
    link.state["kafka"] = (left, data)
    return found


def is_interim(data):
    """HTTP's "go on", which is no answer yet."""
    return data.startswith(b"HTTP/1.1 100")


class Fault:
    """Passes everything on."""

    def __init__(self, watch=anything):
        self.watch = watch
        self.hits = 0
        self.hit = threading.Event()
        self.ended = threading.Event()

    def strike(self):
        self.hits += 1
        self.hit.set()

    def end(self):
        self.ended.set()

    def finish(self):
        """The test is over: nothing may wait any more."""
        self.ended.set()

    def connected(self, link):
        pass

    def upward(self, link, data):
        link.to_server(data)

    def downward(self, link, data):
        link.to_client(data)


class Struck(Fault):
    """Does strike_at(link, data) when events go up, until it ends."""

    def upward(self, link, data):
        if not self.ended.is_set() and self.watch(link, data):
            self.strike_at(link, data)
        else:
            link.to_server(data)


class Reset(Struck):
    """Half of what came is passed on, then RST to both."""

    def strike_at(self, link, data):
        link.to_server(data[: len(data) // 2])
        self.strike()
        raise Cut


class HalfClose(Struck):
    """The far end says that it sends no more (FIN), reads on, and throws away what it reads."""

    def strike_at(self, link, data):
        reset(link.server)
        link.server = None
        with contextlib.suppress(OSError):
            socket.socket.shutdown(link.client, socket.SHUT_WR)
        self.strike()
        link.client.settimeout(0.1)
        while not self.ended.is_set():
            with contextlib.suppress(TimeoutError):
                if not link.client.recv(65536):
                    break
        raise Cut


class BlackHole(Struck):
    """
    Nothing is read or answered any more, and nobody says so. With `vanish` the connection is never
    heard of again, also after the end: only the client's own time-out helps it.
    """

    def __init__(self, watch=anything, vanish=True):
        super().__init__(watch)
        self.vanish = vanish
        self.stopped = threading.Event()

    def finish(self):
        super().finish()
        self.stopped.set()

    def connected(self, link):
        if not self.ended.is_set() and self.hit.is_set():
            self.hold(link)

    def strike_at(self, link, data):
        self.strike()
        self.hold(link)
        link.to_server(data)

    def hold(self, link):
        """Until the end, or with `vanish` until the test is over."""
        (self.stopped if self.vanish else self.ended).wait()
        if self.vanish:
            raise Cut


class Swallow(Struck):
    """The far end's kernel takes it, confirms it, and nobody reads it: the machine dies. See `after`."""

    def __init__(self, watch=anything, after=None):
        super().__init__(watch)
        self.after = after  # returns when the client may have believed it

    def strike_at(self, link, data):
        self.after()
        self.strike()
        raise Cut


class Slow(Fault):
    """Little pieces with pauses, both ways."""

    def trickle(self, send, data):
        for at in range(0, len(data), PIECE):
            send(data[at : at + PIECE])
            self.ended.wait(PAUSE_SECONDS)

    def upward(self, link, data):
        if self.watch(link, data):
            self.strike()
        self.trickle(link.to_server, data)

    def downward(self, link, data):
        self.trickle(link.to_client, data)


class Answered(Fault):
    """Does answer(link, data) with what the far end says after events went up, until it ends."""

    def upward(self, link, data):
        if self.watch(link, data):
            link.state["answer is due"] = True
        link.to_server(data)

    def downward(self, link, data):
        if link.state.get("answer is due") and not self.ended.is_set() and not is_interim(data):
            self.answer(link, data)
        else:
            link.to_client(data)


class AckLost(Answered):
    """The far end took it and said so; nobody heard it."""

    def answer(self, link, data):
        self.strike()
        raise Cut


class Garbage(Answered):
    """What comes back is no protocol at all."""

    def answer(self, link, data):
        self.strike()
        link.to_client(b"\xff\x00garbage\r\n\r\n" * 8)
        raise Cut


class At(Fault):
    """
    Calls action() once at a named point, with everything held: `connected`, `middle` (half of some
    events is through), `unanswered` (the far end has all, its answer is held), `answered` (the
    answer is through). The connection ends with it.
    """

    POINTS = ("connected", "middle", "unanswered", "answered")

    def __init__(self, watch, point, action):
        super().__init__(watch)
        self.point, self.action = point, action
        self.lock = threading.Lock()

    def act(self):
        """Of several connections one acts; what the others have sent by then is cut as well."""
        with self.lock:
            if not self.hit.is_set():
                self.action()
                self.strike()
        raise Cut

    def connected(self, link):
        if self.point == "connected" and not self.hit.is_set():
            self.act()

    def upward(self, link, data):
        of_events = self.watch(link, data)
        link.state["answer is due"] = link.state.get("answer is due") or of_events
        if of_events and self.point == "middle" and not self.hit.is_set():
            link.to_server(data[: len(data) // 2])
            self.act()
        link.to_server(data)

    def downward(self, link, data):
        due = link.state.get("answer is due") and not self.hit.is_set() and not is_interim(data)
        if due and self.point == "unanswered":
            self.act()
        link.to_client(data)
        if due and self.point == "answered":
            self.act()
