#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
What the shipping process does to deliver makes no events, or each batch would cause the next one; and
what it would do elsewhere does.
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


def no_feedback(test):
    """Requests come as often as heartbeats do, and no event is about one."""
    with Place() as place, Collector() as collector:
        webhook = {
            "name": "webhook",
            "type": "http",
            "dialect": "webhook",
            "url": [f"http://127.0.0.1:{collector.port}/"],
            "compression": "none",
            # This host has other things to say.
            "select": ["event=heartbeat", f"port={collector.port}"],
        }
        configuration = place.configuration(
            [webhook], heartbeat={"interval": "1s"}, capture={"snapshot": False}
        )
        with Daemon(test, place, configuration):
            collector.await_heartbeats(HEARTBEATS)
        about = [e for e in collector.events if lookup(e, "event.kind") != "state"]
        if about:
            raise Failure(f"{len(about)} events about the deliveries, as {about[0]}")
        if collector.requests > len(collector.events):
            raise Failure(f"{collector.requests} requests for {len(collector.events)} events")


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
    test.step("others are seen", others_are_seen, test)


if __name__ == "__main__":
    run(own_traffic)
