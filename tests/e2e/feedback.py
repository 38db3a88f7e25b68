#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The agent's events go through an rsyslog of this host, which passes each one on by TCP and by UDP, and
to a webhook: what carries events makes events, but their number does not grow. An rsyslog that makes a
connection for each message is left out of the output that it carries, as outputs/README.md has it:
its events are in the journal, and are not carried.
"""

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.agent import Failure
from lib.daemon import Daemon, Place
from lib.harness import Skip, run
from lib.match import lookup
from servers.dialects import Webhook
from servers.process import Unavailable
from servers.rsyslog import Rsyslog
from servers.scripted import Scripted

LOAD = 500
EACH = 6  # events of one operation, at least
BEATS = 10  # heartbeats, one a second: the clock of this test
# Of all carriers together in that time, reports of open connections and flows included.
MOST = 30
# Of one that makes connections: it does twelve a second.
FEW = 5
CARRIERS = {"rsyslogd", "netaudit"}


class Forwarder(Rsyslog):
    """Passes on what it gets to another one, over a connection and by datagrams."""

    name = "rsyslog that forwards"

    def __init__(self, folder, central):
        super().__init__(folder)
        self.central = central

    def configuration(self):
        forward = (
            f'action(type="omfwd" target="127.0.0.1" port="{self.central.port}" protocol="%s" %s'
            'template="RSYSLOG_SyslogProtocol23Format")\n'
        )
        tcp = forward % ("tcp", 'TCP_Framing="octet-counted" ')
        return super().configuration() + tcp + forward % ("udp", "")


class Reconnecting(Forwarder):
    """Makes a connection for each message."""

    name = "rsyslog that reconnects"

    def configuration(self):
        return Rsyslog.configuration(self) + (
            f'action(type="omfwd" target="127.0.0.1" port="{self.central.port}" protocol="tcp" '
            'TCP_Framing="octet-counted" RebindInterval="1" '
            'template="RSYSLOG_SyslogProtocol23Format")\n'
        )


def outputs(forwarder, hook):
    return [
        {"name": "syslog", "type": "syslog", "address": f"tcp://127.0.0.1:{forwarder.port}"},
        {"name": "hook", "type": "http", "dialect": "webhook", "url": [f"http://127.0.0.1:{hook.port}/"]},
    ]


def heartbeats(events):
    return sum(lookup(event, "netaudit.event") == "heartbeat" for event in events)


def carried(events):
    """Those of processes that carry events."""
    return [
        event
        for event in events
        if Path(str(lookup(event, "process.executable"))).name in CARRIERS
    ]


def events_after(test, configuration, sequence):
    done = subprocess.run(
        [test.netaudit, "query", "-c", str(configuration)], capture_output=True, timeout=60
    )
    lines = map(json.loads, done.stdout.splitlines())
    return [event for event in lines if event["event"]["sequence"] > sequence]


def names(events):
    found = {}
    for event in events:
        what = (
            Path(str(lookup(event, "process.executable"))).name, lookup(event, "netaudit.event"),
        )
        found[what] = found.get(what, 0) + 1
    return found


def carry(test, place, central, forwarder, hook):
    configuration = place.configuration(outputs(forwarder, hook), heartbeat={"interval": "1s"})
    with Daemon(test, place, configuration) as daemon:
        subprocess.run([test.options.operations, str(LOAD)], check=True)
        # The status is a copy, made once a second.
        status = daemon.await_status(
            lambda s: s["journal"]["last_sequence"] >= EACH * LOAD, "the events of the load"
        )
        loaded = status["journal"]["last_sequence"]
        # What they carried of the load has gone through all of them.
        daemon.await_status(lambda s: len(central.messages()) >= loaded, "the load at the far end", 60)
        quiet = daemon.status()["journal"]["last_sequence"]
        daemon.await_status(
            lambda s: heartbeats(events_after(test, configuration, quiet)) >= BEATS,
            f"{BEATS} heartbeats", 60,
        )
        events = events_after(test, configuration, quiet)
    own = carried(events)
    print(f"     {loaded} events carried; then {len(events)} in {BEATS} s, {len(own)} of carriers")
    if len(own) > MOST:
        raise Failure(f"carriers made {len(own)} events in {BEATS} s: {names(own)}")
    if not hook.received():
        raise Failure("the webhook got nothing")


def bounded(test, place, central):
    with Forwarder(place.folder / "forwarder", central) as forwarder:
        with Scripted(Webhook()) as hook:
            carry(test, place, central, forwarder, hook)


def executables(messages):
    """How many messages are of which."""
    found = {}
    for message in messages:
        event = json.loads(message["msg"][message["msg"].index("{") :])
        name = Path(str(lookup(event, "process.executable"))).name
        found[name] = found.get(name, 0) + 1
    return found


def left_out(test, place, central):
    with Reconnecting(place.folder / "forwarder", central) as forwarder:
        syslog = {
            "name": "syslog", "type": "syslog", "address": f"unix://{forwarder.socket}",
            "select": [f"exe!={forwarder.program}"],
        }
        configuration = place.configuration([syslog], capture={"snapshot": False})
        operations = lambda: executables(central.messages()).get("operations", 0)
        with Daemon(test, place, configuration) as daemon:
            for round in (1, 2):
                subprocess.run([test.options.operations, str(FEW)], check=True)
                wanted = round * EACH * FEW
                daemon.await_status(lambda s: operations() >= wanted, "the load at the far end", 60)
            made = names(events_after(test, configuration, 0))
    came = executables(central.messages())
    connections = made.get(("rsyslogd", "established"), 0)
    print(f"     {sum(came.values())} messages over {connections} connections")
    if "rsyslogd" in came:
        raise Failure(f"what carries is carried: {came}")
    if connections < wanted // 2:
        raise Failure(f"it kept its connections: {made}")


def with_servers(test, case):
    try:
        with Place() as place, Rsyslog(place.folder / "central") as central:
            case(test, place, central)
    except Unavailable as why:
        raise Skip(str(why)) from None


def feedback(test):
    test.step("carriers make no loop", with_servers, test, bounded)
    test.step("nor one that reconnects, left out", with_servers, test, left_out)


if __name__ == "__main__":
    run(feedback, extra=("operations",))
