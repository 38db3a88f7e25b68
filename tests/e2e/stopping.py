#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
stopping.py TIER…: the end of an agent that leaves nothing attached. The kernel may take seconds to
detach; connections that are made meanwhile are told nearly to its end, and it comes in time.
"""

import collections
import time

from lib.agent import Failure
from lib.harness import run
from lib.match import lookup
from lib.stream import parse_date
from restart import ONCE, Load

MOST_SECONDS = 30  # the bound in agent/cli/session_detach.c
# What tells of connections is detached in the last part of the time that it takes: behind the security hooks,
# of which the cgroup tier has none. Before the time of agent_stopping nothing is.
WHOLE_SHARE = {"fexit": 0.75, "lsm": 0.75, "kprobe": 0.75, "cgroup": 0}
FEW = 5
SETTINGS = ["capture.ring_size=32MiB", "capture.snapshot=false"]


class Timed(Load):
    """Knows when each connection was over."""

    def read(self):
        self.times = []
        for line in self.process.stdout:
            self.times.append(time.time())
            self.made.append(line.split())


def names_by_connection(events):
    """The events of each, by its client's address and port."""
    told = collections.defaultdict(collections.Counter)
    for event in events:
        for side in ("source", "destination"):
            ip = lookup(event, f"{side}.ip")
            if isinstance(ip, str) and ip.startswith("127.") and ip != "127.0.0.1":
                told[(ip, str(event[side]["port"]))][lookup(event, "netaudit.event")] += 1
    return told


def times_of_end(agent):
    """When it began to detach, and the last that it saw."""
    (begin,) = (e for e in agent.events if lookup(e, "netaudit.event") == "agent_stopping")
    return (parse_date(one) / 1e9 for one in (begin["@timestamp"], max(e["@timestamp"] for e in agent.events)))


def check_connections(agent, load, began, until):
    """How many there were meanwhile."""
    told = names_by_connection(agent.events)
    meanwhile = [time for time in load.times if began < time < until]
    wrong = [
        (f"{time - began:.2f} s after the begin", dict(told[(ip, port)]))
        for (ip, port, _), time in zip(load.made, load.times)
        if time < until and any(told[(ip, port)][name] != ONCE.count(name) for name in ONCE)
    ]
    if wrong or agent.lost():
        raise Failure(f"{len(wrong)} not whole: {wrong[:5]}\nlost: {agent.lost()}")
    print(f"     {len(meanwhile)} connections meanwhile, whole")
    return len(meanwhile)


def stop(test, tier):
    agent = test.agent(settings=[*SETTINGS, f"capture.attach={tier}"], validate=None)
    with Timed(test) as load, agent:
        load.made.clear()
        load.times.clear()
        load.more(FEW)
        agent.stop()
        stopped = time.time()
        load.end()
    began, ended = times_of_end(agent)
    print(f"     detached in {ended - began:.1f} s, ended in {stopped - began:.1f} s")
    if ended - began > MOST_SECONDS:
        raise Failure("that is too long")
    until = began + WHOLE_SHARE[tier] * (ended - began)
    if check_connections(agent, load, began, until) < FEW and tier != "cgroup":
        raise Failure("nothing was shown")


def stopping(test):
    for tier in test.options.operands:
        test.step(f"{tier} stop", stop, test, tier)


if __name__ == "__main__":
    run(stopping, operands="tiers", values=("brief",))
