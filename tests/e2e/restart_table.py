#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
What an agent knew, the next one of the same boot goes on with: a connection that lives longer than
agents do has its events once, and its `closed` is of the whole of it.
"""

import json
import os
import socket
import subprocess
import sys
import time
from datetime import datetime

from lib.agent import Failure
from lib.daemon import Daemon, Place
from lib.harness import run
from lib.match import MISSING, lookup

SENT, ANSWERED, SENT_LATER = 5, 7, 3
# Who connects has ended long before the connection does: its child has it.
CLIENT = f"""
import os, socket, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.sendall(bytes({SENT}))
client.recv({ANSWERED}, socket.MSG_WAITALL)
if os.fork():
    os._exit(0)
sys.stdin.read()
client.sendall(bytes({SENT_LATER}))
client.close()
"""


def query(test, configuration):
    done = subprocess.run(
        [test.netaudit, "query", "-c", str(configuration), "--format", "ecs"],
        capture_output=True,
        timeout=120,
    )
    if done.returncode:
        raise Failure(f"query: status {done.returncode}: {done.stderr.decode()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def daemon_of(test, place, configuration):
    """Whose kernel programs end with it: in between nobody watches."""
    return Daemon(test, place, configuration, env={"NETAUDIT_TEST_BPFFS": str(place.folder / "none")})


class Client:
    def __init__(self, port):
        self.command = [sys.executable, "-c", CLIENT, str(port)]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE)
        return self

    def finish(self):
        self.process.stdin.close()

    def __exit__(self, *error):
        self.finish()
        self.process.wait()


def listen():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


def port_of(listener):
    return listener.getsockname()[1]


def answer(listener):
    """Accepts, and answers what came."""
    server, _ = listener.accept()
    server.recv(SENT, socket.MSG_WAITALL)
    server.sendall(bytes(ANSWERED))
    return server


def name_of(event):
    return lookup(event, "netaudit.event")


def about(events, port):
    return [
        event
        for event in events
        if port in (lookup(event, "source.port"), lookup(event, "destination.port"))
    ]


def names(events):
    return sorted(name_of(event) for event in events)


def demand(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what}: {got}, not {wanted}")


def seconds(text):
    """Of a time as events have it, whose digits are more than Python's."""
    return datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00").timestamp()


def by_id(events):
    told = {}
    for event in events:
        identity = lookup(event, "netaudit.connection.id")
        if identity is not MISSING:
            told.setdefault(identity, {})[name_of(event)] = event
    return told


def check_whole(beginning, closed, sent, answered):
    """`closed` is of the connection that `beginning` began."""
    demand("source.bytes", lookup(closed, "source.bytes"), sent)
    demand("destination.bytes", lookup(closed, "destination.bytes"), answered)
    for field in ("process.entity_id", "process.executable", "process.args", "user.id"):
        demand(field, lookup(closed, field), lookup(beginning, field))
    start = seconds(lookup(closed, "event.start"))
    if abs(start - seconds(beginning["@timestamp"])) > 0.001:
        raise Failure(f"began at {start}: {beginning['@timestamp']}")
    demand("outcome", lookup(closed, "event.outcome"), "success")


def long_lived(test, ways):
    """`ways`: how one agent after the other ends meanwhile."""
    with Place() as place:
        configuration = place.configuration()
        daemon = daemon_of(test, place, configuration)
        daemon.start()
        with listen() as listener, listen() as other, Client(port_of(listener)) as client:
            port, other_port = port_of(listener), port_of(other)
            server = answer(listener)
            client.process.wait()
            for end in ways:
                end(daemon)
                daemon.start()
            client.finish()
            server.recv(SENT_LATER, socket.MSG_WAITALL)
            server.recv(1)
            server.close()
        daemon.stop()
        events = query(test, configuration)
    listened = ["bound", "closed", "listening"]
    whole = ["accepted", "closed", "closed", "connect_attempted", "established"]
    demand("events", names(about(events, port)), sorted(whole + listened))
    demand("of the other listener", names(about(events, other_port)), listened)
    for told in by_id(about(events, port)).values():
        beginning = told.get("connect_attempted") or told["accepted"]
        check_whole(beginning, told["closed"], SENT + SENT_LATER, ANSWERED)


def connect_pair(family, address):
    """A listener and both ends of a connection to it."""
    listener = socket.socket(family)
    listener.bind(address)
    listener.listen()
    client = socket.socket(family)
    client.connect(listener.getsockname())
    return [listener, client, listener.accept()[0]]


def send_datagrams():
    """Who receives, one that is connected, one that is not; each sends one."""
    receiver, connected, unconnected = (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)
    )
    receiver.bind(("127.0.0.1", 0))
    connected.connect(receiver.getsockname())
    connected.send(b"x")
    unconnected.sendto(b"x", receiver.getsockname())
    receiver.recv(1)
    receiver.recv(1)
    return [receiver, connected, unconnected]


def inode_of(one):
    return str(os.fstat(one.fileno()).st_ino)


def await_told(test, configuration, one):
    """Until the journal has an event of the socket: it was the last to be made."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        events = query(test, configuration)
        if any(lookup(event, "netaudit.socket.inode") == inode_of(one) for event in events):
            return
    raise Failure("the last socket was not told")


def all_kinds(test, end):
    """
    Whatever is open: nothing of it begins again, and each ends once. A kill takes with it what
    was counted of datagrams and not told.
    """
    with Place() as place:
        families = ["inet", "inet6", "unix"]
        configuration = place.configuration(capture={"families": families})
        daemon = daemon_of(test, place, configuration)
        daemon.start()
        inet = connect_pair(socket.AF_INET, ("127.0.0.1", 0))
        told = inet + connect_pair(socket.AF_INET6, ("::1", 0))
        told += connect_pair(socket.AF_UNIX, f"\0netaudit-{os.getpid()}")
        told.append(socket.create_connection(("::ffff:127.0.0.1", port_of(inet[0]))))
        told.append(inet[0].accept()[0])
        others = [socket.socket(), *socket.socketpair()]
        if end == Daemon.stop:
            receiver, *senders = send_datagrams()
            told.append(receiver)
            others += senders
        await_told(test, configuration, (told + others)[-1])
        end(daemon)
        daemon.start()
        end(daemon)
        daemon.start()
        inodes = [inode_of(one) for one in told]
        for one in told + others:
            one.close()
        daemon.stop()
        events = query(test, configuration)
    own = [event for event in events if lookup(event, "process.pid") == os.getpid()]
    ended = [lookup(event, "netaudit.socket.inode") for event in own if name_of(event) == "closed"]
    demand("closed", sorted(ended), sorted(inodes))
    demand("existing", [event for event in own if name_of(event) == "existing"], [])
    if end == Daemon.stop:
        flows = [event for event in own if name_of(event) == "flow"]
        demand("bytes of flows", sum(lookup(event, "source.bytes") for event in flows), 4)


def while_away(test):
    """What ended without an agent is told as not seen, what began as existing."""
    with Place() as place, listen() as listener:
        port = port_of(listener)
        configuration = place.configuration()
        daemon = daemon_of(test, place, configuration)
        daemon.start()
        with socket.create_connection(("127.0.0.1", port)) as client:
            server, (_, ended) = listener.accept()
            daemon.stop()
        server.close()
        with socket.create_connection(("127.0.0.1", port)) as client:
            server, (_, began) = listener.accept()
            daemon.start()
            daemon.stop()
        server.close()
        events = query(test, configuration)
        client.close()
    gone = about(events, ended)
    # The attempt has no port yet.
    demand("of the one that ended", names(gone), ["accepted", "closed", "closed", "established"])
    for event in gone:
        if name_of(event) == "closed":
            demand("outcome", lookup(event, "event.outcome"), "unknown")
    demand("of the one that began", names(about(events, began)), ["existing", "existing"])


def another_connection(test):
    """A socket that connects again after a restart has the next ordinal."""
    with Place() as place, listen() as listener, listen() as closed, socket.socket() as client:
        port = port_of(listener)
        refusing = port_of(closed)
        closed.close()
        configuration = place.configuration()
        daemon = daemon_of(test, place, configuration)
        daemon.start()
        client.connect_ex(("127.0.0.1", refusing))
        daemon.stop()
        daemon.start()
        client.connect(("127.0.0.1", port))
        daemon.stop()
        told = by_id(query(test, configuration))
    ids = [
        identity
        for identity, of in told.items()
        if "connect_attempted" in of and lookup(of["connect_attempted"], "process.pid") == os.getpid()
    ]
    demand("attempts", len(ids), 2)
    first, second = sorted(ids)
    demand("id", second, first[:-1] + "2")
    demand("names", sorted(told[second]), ["connect_attempted", "established"])


def restart_table(test):
    test.step("one SIGTERM", long_lived, test, [Daemon.stop])
    test.step("SIGTERM and kill -9", long_lived, test, [Daemon.stop, Daemon.kill, Daemon.stop])
    test.step("all kinds of sockets, SIGTERM", all_kinds, test, Daemon.stop)
    test.step("all kinds of sockets, kill -9", all_kinds, test, Daemon.kill)
    test.step("ends and begins while no agent runs", while_away, test)
    test.step("another connection of a socket", another_connection, test)


if __name__ == "__main__":
    run(restart_table)
