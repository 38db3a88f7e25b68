#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
What was recorded gives the same events again, without root and without the kernel; a damaged
recording is refused with status 65 and the offset.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from lib.agent import Failure
from lib.cases import await_marker
from lib.harness import run
from lib.match import Expectations, lookup
from lib.stream import Stream

CASES = (
    "connect_ok",
    "refused",
    "reset_by_server",
    "udp_unconnected",
    "fork_after_accept",
    "ipv6",
    "bind_fail_in_use",
    "shutdown_wr",
    "exec_cloexec",
)
NOBODY = 65534
# Of the agent that made the event, or of the moment it did: a replay is another agent, later.
UNLIKE = ("event.id", "event.sequence", "event.created", "agent.ephemeral_id", "agent.id")


class Place:
    """A folder that everybody can read, with the agent and the recording in it."""

    def __init__(self, test, folder):
        self.folder = Path(folder)
        self.folder.chmod(0o755)
        self.netaudit = self.folder / "netaudit"
        shutil.copy(test.netaudit, self.netaudit)
        self.recording = self.folder / "recording"
        self.expectations = Expectations()
        self.events = []
        self.since_ns = time.time_ns()

    def replay(self, path):
        path.chmod(0o644)
        return subprocess.run(
            [str(self.netaudit), "run", "--replay", str(path)],
            cwd="/",
            capture_output=True,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
        )


def record(test, place):
    """A shell that began after the agent runs the cases: older parents are read from /proc."""
    script = " && ".join(f"{test.stimulus} {case}" for case in CASES)
    with test.agent("--record", str(place.recording)) as agent:
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"stimuli: {done.stderr}")
        await_marker(test, agent)
    for line in done.stdout.splitlines():
        place.expectations.add(line)
    place.events = own_events(place, agent.events)
    if len(place.events) < len(place.expectations.events):
        raise Failure(f"only {len(place.events)} events of {len(place.expectations.events)}")


def own_events(place, events):
    return [comparable(event) for event in events if place.expectations.owns(event)]


def comparable(event):
    for path in UNLIKE:
        parent, name = path.rsplit(".", 1)
        event.get(parent, {}).pop(name, None)
    return event


def first_difference(events, again):
    for number, (one, other) in enumerate(zip(events, again)):
        if one != other:
            paths = [
                f"    {path}: recorded {json.dumps(lookup(one, path), default=str)}, "
                f"replayed {json.dumps(lookup(other, path), default=str)}"
                for path in sorted(leaves(one) | leaves(other))
                if lookup(one, path) != lookup(other, path)
            ]
            return f"event {number}:\n" + "\n".join(paths)
    return f"{len(events)} events recorded, {len(again)} replayed"


def leaves(event, prefix=""):
    found = set()
    for name, value in event.items():
        found |= leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name}
    return found


def replay_same(test, place):
    done = place.replay(place.recording)
    if done.returncode:
        raise Failure(f"replay: status {done.returncode}: {done.stderr.decode()}")
    stream = Stream(test.validate, place.since_ns)
    again = own_events(place, [stream.take(line) for line in done.stdout.splitlines()])
    if again != place.events:
        raise Failure(first_difference(place.events, again))
    print(f"     {len(again)} events are the same")


def live(place, *arguments):
    command = [str(place.netaudit), "live", "--replay", str(place.recording), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def live_shows_what_is_asked_for(test, place):
    """The filter in both forms of live, against the whole recording filtered here."""
    whole = [json.loads(line) for line in place.replay(place.recording).stdout.splitlines()]
    wanted = ("accepted", "connect_failed")
    expected = [
        (event["netaudit"]["event"], event["process"]["pid"])
        for event in whole
        if event["netaudit"]["event"] in wanted and event["network"]["type"] == "ipv4"
    ]
    filters = (f"event={','.join(wanted)}", "address=127.0.0.0/8")
    found = [json.loads(line) for line in live(place, "--json", *filters)]
    if [(event["netaudit"]["event"], event["process"]["pid"]) for event in found] != expected:
        raise Failure(f"{len(found)} events, not {len(expected)}, pass {filters}")
    heading, *lines = live(place, *filters)
    if not heading.startswith("TIME"):
        raise Failure(f"no heading: {heading}")
    if [line.split()[1] for line in lines] != [name for name, _ in expected]:
        raise Failure("lines:\n" + "\n".join(lines))
    if max(map(len, lines)) > 160:
        raise Failure("a line is wider than 160 columns")
    print(f"     {len(expected)} of {len(whole)} events pass")


def refused(place, name, data):
    path = place.folder / "damaged"
    path.write_bytes(data)
    done = place.replay(path)
    message = done.stderr.decode()
    if done.returncode != os.EX_DATAERR:
        raise Failure(f"{name}: status {done.returncode}, not {os.EX_DATAERR}: {message}")
    if not re.search(r"offset \d+|byte \d+|at \d+", message):
        raise Failure(f"{name}: no offset is said: {message}")
    print(f"     {name}: {message.strip()}")


def damaged(test, place):
    data = place.recording.read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    refused(place, "a bit in the middle", bytes(flipped))
    refused(place, "cut off", data[:-5])
    refused(place, "without its end", data[: len(data) // 3])
    refused(place, "another version", data[:8] + b"\xff" + data[9:])
    refused(place, "not a recording", b"hello, world" * 100)
    refused(place, "empty", b"")
    refused(place, "something behind the end", data + b"x" * 16)


def record_replay(test):
    with tempfile.TemporaryDirectory() as folder:
        place = Place(test, folder)
        test.step("record", record, test, place)
        if not test.failed:
            test.step("replay is the same", replay_same, test, place)
            test.step("live filters it", live_shows_what_is_asked_for, test, place)
            test.step("damaged recordings are refused", damaged, test, place)


if __name__ == "__main__":
    run(record_replay)
