#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
What the shipping process does to deliver makes no events, or each batch would cause the next one; what
it would do elsewhere does, and of a place that it knows by name one connection to each address.
"""

import http.client
import http.server
import json
import threading

from lib.agent import Failure
from lib.daemon import Daemon, Place
from lib.harness import run
from lib.match import lookup

HEARTBEATS = 6


class Collector(http.server.ThreadingHTTPServer):
    """A webhook that wants a new connection for each request, and keeps what it gets."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.changed = threading.Condition()
        self.requests, self.events = 0, []
        self.port = self.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.shutdown()
        self.server_close()

    def take(self, body):
        with self.changed:
            self.requests += 1
            self.events += [json.loads(line) for line in body.splitlines()]
            self.changed.notify_all()

    def await_heartbeats(self, count):
        def have_come():
            return sum(lookup(e, "netaudit.event") == "heartbeat" for e in self.events) >= count

        with self.changed:
            if not self.changed.wait_for(have_come, 60):
                raise Failure(f"{count} heartbeats did not come, {self.requests} requests did")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_POST(self):
        self.server.take(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def deliver(test, host):
    """What the collector has when so many heartbeats were delivered to it, of nothing else and itself."""
    with Place() as place, Collector() as collector:
        webhook = {
            "name": "webhook",
            "type": "http",
            "dialect": "webhook",
            "url": [f"http://{host}:{collector.port}/"],
            "compression": "none",
            # This host has other things to say.
            "select": ["event=heartbeat", f"port={collector.port}"],
        }
        configuration = place.configuration(
            [webhook], heartbeat={"interval": "1s"}, capture={"snapshot": False}
        )
        with Daemon(test, place, configuration):
            collector.await_heartbeats(HEARTBEATS)
        return collector, [e for e in collector.events if lookup(e, "event.kind") != "state"]


def no_feedback(test):
    """Requests come as often as heartbeats do, and no event is about one."""
    collector, about = deliver(test, "127.0.0.1")
    if about:
        raise Failure(f"{len(about)} events about the deliveries, as {about[0]}")
    if collector.requests > len(collector.events):
        raise Failure(f"{collector.requests} requests for {len(collector.events)} events")


def names_are_told_once(test):
    """A name may come to mean anything: the first connection to each of its addresses is told, whole."""
    collector, about = deliver(test, "localhost")
    # localhost may be ::1 as well, where nobody listens; then the lookup tries both by datagram sockets.
    there = [
        event
        for event in about
        if lookup(event, "destination.ip") == "127.0.0.1" and lookup(event, "network.transport") == "tcp"
    ]
    names = sorted(lookup(event, "netaudit.event") for event in there)
    ends = {lookup(event, "netaudit.socket.cookie") for event in there}
    if not {"established", "accepted", "closed"} <= set(names) or names.count("established") > 1:
        raise Failure(f"of one connection is told: {names}")
    if len(ends) != 2:
        raise Failure(f"told of {len(ends)} sockets and not of both ends of one connection: {names}")
    if collector.requests < HEARTBEATS:
        raise Failure(f"{collector.requests} requests show nothing")


def others_are_seen(test):
    """Another process's connection to the same endpoint is an event, at both of its ends."""
    with Place() as place, Collector() as collector:
        configuration = place.configuration(
            [
                {
                    "name": "webhook",
                    "type": "http",
                    "dialect": "webhook",
                    "url": [f"http://127.0.0.1:{collector.port}/"],
                    "compression": "none",
                    "select": ["event=heartbeat", f"port={collector.port} event=established,accepted"],
                }
            ],
            heartbeat={"interval": "1s"},
            capture={"snapshot": False},
        )
        with Daemon(test, place, configuration):
            collector.await_heartbeats(1)
            connection = http.client.HTTPConnection("127.0.0.1", collector.port)
            connection.request("POST", "/", body="")
            connection.getresponse().read()
            seen = sum(lookup(e, "netaudit.event") == "heartbeat" for e in collector.events)
            collector.await_heartbeats(seen + 2)
        names = sorted(
            lookup(e, "netaudit.event")
            for e in collector.events
            if lookup(e, "event.kind") != "state"
        )
        if names != ["accepted", "established"]:
            raise Failure(f"events of another process's connection: {names}")


def own_traffic(test):
    test.step("no feedback", no_feedback, test)
    test.step("names are told once", names_are_told_once, test)
    test.step("others are seen", others_are_seen, test)


if __name__ == "__main__":
    run(own_traffic)
