#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Thousands of processes that live milliseconds and make one connection each: every connection that
the server accepted is attributed, with executable and all arguments, even when the agent could not
look.
"""

import os
import subprocess
import time
from collections import Counter

from lib.agent import Failure
from lib.cases import await_marker
from lib.harness import run
from lib.match import MISSING, lookup

COUNT = 10_000
STOPPED_COUNT = 2_000
PARALLEL = 16
SWARM_SECONDS = 120


def swarm(test, count):
    """(port of the server, {number: source port}): what the server saw."""
    done = subprocess.run(
        [test.options.swarm, test.options.short_lived, str(count), str(PARALLEL)],
        capture_output=True,
        text=True,
        timeout=SWARM_SECONDS,
    )
    if done.returncode:
        raise Failure(f"swarm: status {done.returncode}: {done.stderr}")
    port, *lines = done.stdout.splitlines()
    ports = {int(number): int(source) for source, number in map(str.split, lines)}
    if len(ports) != count or len(lines) != count:
        raise Failure(f"the server accepted {len(lines)} connections of {len(ports)} processes")
    return int(port), ports


def check_established(test, events, port, ports):
    """Exactly one for each process, from the port that the server saw, with all arguments."""
    client = os.path.realpath(test.options.short_lived)
    left = dict(ports)
    for event in events:
        args = lookup(event, "process.args")
        if (
            args is MISSING
            or lookup(event, "process.executable") != client
            or args[0::2] != [test.options.short_lived, str(port)]
            or left.pop(int(args[1]), None) != lookup(event, "source.port")
        ):
            yield f"of a process that did not do it: {event}"
    yield from (f"missing: established of process {number}" for number in left)


def check_accepted(test, events, ports):
    """One for each connection that the server accepted, by the server."""
    server = os.path.realpath(test.options.swarm)
    serving = [test.options.swarm, test.options.short_lived, str(len(ports)), str(PARALLEL)]
    for event in events:
        if (lookup(event, "process.executable"), lookup(event, "process.args")) != (
            server,
            serving,
        ):
            yield f"not accepted by the server: {event}"
    seen = Counter(lookup(event, "source.port") for event in events)
    if seen != Counter(ports.values()):
        yield f"{len(events)} accepted, from other ports than the {len(ports)} of the server"


def check_attribution(test, events, port, ports):
    own = [event for event in events if lookup(event, "destination.port") == port]
    of = {
        name: [event for event in own if lookup(event, "netaudit.event") == name]
        for name in ("established", "accepted", "closed")
    }
    problems = [*check_established(test, of["established"], port, ports)]
    problems += check_accepted(test, of["accepted"], ports)
    problems += [
        f"unattributed: {event}"
        for event in own
        if lookup(event, "netaudit.unattributed") is not MISSING
    ]
    if len(of["closed"]) != 2 * len(ports) + 1:  # both ends, and the listener
        problems.append(f"{len(of['closed'])} closed of {len(ports)} connections")
    if problems:
        raise Failure(f"{len(problems)} problems\n" + "\n".join(problems[:20]))


def measure(test, count, settings=(), around=None):
    """One agent, one swarm. `around(agent)` is a context in which the swarm lives."""
    started = time.monotonic()
    with test.agent(settings=settings, validate=None) as agent:
        if around:
            with around(agent):
                port, ports = swarm(test, count)
        else:
            port, ports = swarm(test, count)
        await_marker(test, agent)
    if agent.lost():
        raise Failure(f"lost: {agent.lost()}")
    check_attribution(test, agent.events, port, ports)
    print(
        f"     {count} processes, {count} connections, all attributed, "
        f"{time.monotonic() - started:.1f} s"
    )


class Load:
    """Every CPU is busy with something else."""

    def __init__(self, agent):
        self.agent = agent

    def __enter__(self):
        self.burners = [
            subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(os.cpu_count())
        ]

    def __exit__(self, *error):
        for burner in self.burners:
            burner.kill()
            burner.wait()


class Stopped:
    """The agent sleeps by SIGSTOP: /proc cannot help it."""

    def __init__(self, agent):
        self.agent = agent

    def __enter__(self):
        self.agent.pause()

    def __exit__(self, *error):
        self.agent.resume()


def short_lived(test):
    test.step("10,000 processes", measure, test, COUNT)
    test.step("10,000 processes on busy CPUs", lambda: measure(test, COUNT, around=Load))
    # The rings must hold what happens meanwhile, on the whole host.
    test.step(
        "2,000 processes while the agent is stopped",
        lambda: measure(test, STOPPED_COUNT, ["capture.ring_size=32MiB"], Stopped),
    )


if __name__ == "__main__":
    run(short_lived, extra=("swarm", "short-lived"))
