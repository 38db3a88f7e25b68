# SPDX-License-Identifier: Apache-2.0
"""
Who owns which socket: told by the processes that have them (programs/pinned.c), compared with what
events say, and with who was `current` when the kernel changed a state (from its own trace).
"""

import os
import re
import subprocess
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

from lib.agent import Failure
from lib.cases import await_marker
from lib.harness import SKIPPED, Skip
from lib.match import MISSING, describe, lookup

TRACEFS = Path("/sys/kernel/tracing")
TRAFFIC_SECONDS = 120
# From 7.0 on programs of tracepoints are preempted, on an emulated machine for long: then the kernel skips a
# program and its stand-in now and then, for whatever call that was.
ARE_PREEMPTED = int(os.uname().release.split(".")[0]) >= 7
CHANGE = re.compile(
    r"-(?P<current>\d+) +\[\d+\] (?P<flags>\S+) .*inet_sock_set_state: .*"
    r"sport=(?P<sport>\d+) dport=(?P<dport>\d+) "
)
# Of each connection, by who has them; a refused one has the others.
OF_CLIENT = ("socket_created", "connect_attempted", "established", "closed")
OF_SERVER = ("accepted", "closed")
OF_REFUSED = ("socket_created", "connect_attempted", "connect_failed")
OF_LISTENER = ("socket_created", "bound", "listening", "closed")


class Traffic:
    """What programs/pinned.c said of a run: processes, ports, and the owners of each socket."""

    def __init__(self, text):
        self.numbers = {}
        self.owners = {}  # inode: {pid}
        for line in text.splitlines():
            name, *values = line.split()
            if name == "owner":
                self.owners.setdefault(values[1], set()).add(int(values[0]))
            else:
                self.numbers[name] = int(values[0])
        self.pids = {self.numbers[name] for name in ("client", "server", "stranger")
                     if name in self.numbers}

    def owner_by_ports(self, source, destination):
        """Whose socket has these ports; None: none of ours."""
        if source == self.numbers["port"]:
            return self.numbers["server"]
        if destination in (self.numbers["port"], self.numbers["nobody"]):
            return self.numbers["client"]
        return None


def run_pinned(program, count, softirqs):
    done = subprocess.run(
        [program, str(count), softirqs], capture_output=True, text=True, timeout=TRAFFIC_SECONDS
    )
    if done.returncode == SKIPPED:
        raise Skip(done.stderr.strip())
    if done.returncode:
        raise Failure(f"pinned: status {done.returncode}: {done.stderr}")
    return Traffic(done.stdout)


@contextmanager
def observed_changes():
    """A list that has, after it, the changes of state of TCP: (source, destination, pid, softirq)."""
    instance = TRACEFS / "instances" / f"netaudit-{os.getpid()}"
    changes = []
    try:
        instance.mkdir()
    except OSError as error:
        raise Skip(f"the kernel's trace cannot be had: {error}") from None
    try:
        enable = instance / "events/sock/inet_sock_set_state/enable"
        enable.write_text("1")
        yield changes
        enable.write_text("0")
        for match in CHANGE.finditer((instance / "trace").read_text()):
            ports = int(match["sport"]), int(match["dport"])
            changes.append((*ports, int(match["current"]), "s" in match["flags"]))
    finally:
        instance.rmdir()


def strangers_at(changes, traffic):
    """In softirqs, changes of our sockets' state over the peer, and over a third process."""
    ends = {traffic.numbers["client"], traffic.numbers["server"]}
    counts = Counter()
    for source, destination, current, softirq in changes:
        owner = traffic.owner_by_ports(source, destination)
        if owner and softirq and current != owner:
            counts["peer" if current in ends else "stranger"] += 1
    return counts


def concerns(event, traffic):
    return (
        lookup(event, "netaudit.socket.inode") in traffic.owners
        or lookup(event, "process.pid") in traffic.pids
    )


def foreign(events, traffic):
    """Problems, one text each: events with a process that did not own the socket, or with none."""
    problems = []
    for event in events:
        if not concerns(event, traffic):
            continue
        inode = lookup(event, "netaudit.socket.inode")
        owners = traffic.owners.get(inode, set())
        for path in ("process.pid", "netaudit.creator.pid"):
            pid = lookup(event, path)
            if pid is MISSING and path == "netaudit.creator.pid":
                continue
            if pid not in owners:
                said = "nobody" if pid is MISSING else pid
                problems.append(
                    f"{lookup(event, 'netaudit.event')} {describe(event)}: {path} is {said}, "
                    f"the socket is of {sorted(owners) or 'another'}"
                )
    return problems


def expected_names(traffic, inode, names):
    """The events that a socket must have; which kind it is shows in the first that only it has."""
    if len(traffic.owners[inode]) > 1:
        return OF_LISTENER
    if traffic.owners[inode] == {traffic.numbers["server"]}:
        return OF_SERVER
    return OF_REFUSED if "connect_failed" in names else OF_CLIENT


def incomplete(events, traffic):
    """Problems: sockets that do not have exactly their events."""
    names = {inode: [] for inode in traffic.owners}
    for event in events:
        inode = lookup(event, "netaudit.socket.inode")
        if inode in names:
            names[inode].append(lookup(event, "netaudit.event"))
    problems = []
    for inode, found in names.items():
        wanted = expected_names(traffic, inode, found)
        if sorted(found) != sorted(wanted):
            problems.append(f"socket {inode}: {sorted(found)}, not {sorted(wanted)}")
    refused = sum("connect_failed" in found for found in names.values())
    if refused != traffic.numbers["refused"]:
        problems.append(f"{refused} refused connections, not {traffic.numbers['refused']}")
    return problems


def judge(test, agent, first, traffic):
    """Failure unless the events since `first` are whole, and each of its socket's owner."""
    for _ in range(2):  # the last segments may still be under way when their processes have ended
        await_marker(test, agent)
        problems = incomplete(agent.events[first:], traffic)
        if not problems:
            break
    problems += foreign(agent.events[first:], traffic)
    lost = agent.lost(first)
    skipped = agent.lost(first, ["skipped"]) if ARE_PREEMPTED else {}
    if lost != skipped:
        problems.append(f"lost: {lost}")
    elif skipped:
        print(f"     skipped, and nothing of these sockets: {skipped}")
    if problems:
        raise Failure("\n".join(problems))
