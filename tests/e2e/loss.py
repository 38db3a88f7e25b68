#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Loss accounting: rings of one page and an agent that does not read. What was done = what came +
what was reported lost, to the unit, per program.
"""

import pwd
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

from lib.agent import Failure
from lib.harness import Skip, run
from lib.match import lookup
from lib.recording import operation_numbers, read_recording

OPERATIONS = 2_000
STRANGER = 54321  # a user that nobody else is


def settings():
    """
    All users but one are left out by the kernel, so that every record and every loss is one of the
    stimulus. (The kernel's tables cannot say "not this user".)
    """
    running = {
        status.stat().st_uid for status in Path("/proc").glob("[0-9]*/status") if status.exists()
    }
    others = {user.pw_uid for user in pwd.getpwall()} | running
    if STRANGER in others:
        raise Skip(f"there is a user {STRANGER}")
    users = ",".join(map(str, sorted(others)))
    return [
        "capture.ring_size=4KiB",
        "capture.rings=1",
        "capture.snapshot=false",
        f'capture.exclude=["uid={users}"]',
    ]


def records_of(count):
    """
    Records that bpf/cgroup.bpf.c makes of programs/operations.c. Per connection: the client's
    socket, its connect, three states (established; the end of each side), the results of accept and
    shutdown, two releases. Once, for the listener: made, bound (asked for, done, and the call's
    result), listening, released; a listener's end is no record.
    """
    return {
        "cgroup/sock_create": count + 1,
        "cgroup/bind4": 1,
        "cgroup/post_bind4": 1,
        "cgroup/connect4": count,
        "cgroup/sock_release": 2 * count + 1,
        "tp_btf/inet_sock_set_state": 3 * count + 1,
        "tp_btf/sys_exit": 2 * count + 1,
    }


def one_to_one():
    """Events made of one record each: {event: (record, program, operation)}."""
    shutdown = operation_numbers()["shutdown"]
    return {
        "socket_created": ("created", "cgroup/sock_create", None),
        "accepted": ("accepted", "tp_btf/sys_exit", None),
        "shutdown": ("result", "tp_btf/sys_exit", shutdown),
    }


def count_records(records, wanted):
    """({program: came}, {program: lost}) of the programs wanted."""
    came, lost = Counter(), Counter()
    for record in records:
        if record["source"] not in wanted:
            continue
        if record["record"] == "lost":
            lost[record["source"]] += record["count"]
        else:
            came[record["source"]] += 1
    return came, lost


def check_records(count, came, lost):
    problems = []
    for program, done in records_of(count).items():
        print(f"     {program}: {done} done = {came[program]} came + {lost[program]} lost")
        if came[program] + lost[program] != done:
            problems.append(
                f"{program}: {came[program]} came + {lost[program]} lost, " f"but {done} were done"
            )
    if not all(lost[program] for program in ("cgroup/sock_create", "tp_btf/sys_exit")):
        problems.append("nothing was lost: this tests nothing")
    return problems


def check_events(events, records, lost):
    """Every record that came is an event; every loss is in an events_lost."""
    problems = []
    reported = Counter()
    for event in events:
        if lookup(event, "netaudit.event") == "events_lost":
            reported[event["netaudit"]["lost"]["program"]] += event["netaudit"]["lost"]["count"]
    for program, number in lost.items():
        if reported[program] != number:
            problems.append(f"{program}: {number} lost, events_lost says {reported[program]}")
    for name, (record, program, operation) in one_to_one().items():
        came = sum(
            1
            for made in records
            if made["record"] == record
            and made["source"] == program
            and operation in (None, made.get("operation"))
        )
        seen = sum(1 for event in events if lookup(event, "netaudit.event") == name)
        if seen != came:
            problems.append(f"{name}: {seen} events of {came} records that came")
    return problems


def account(test, folder, count):
    program = shutil.copy(test.options.operations, folder)
    recording = folder / "recording"
    with test.agent("--record", str(recording), settings=settings()) as agent:
        begun = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        first = len(agent.events)
        agent.pause()
        subprocess.run(
            [program, str(count)], check=True, user=STRANGER, group=STRANGER, extra_groups=[]
        )
        agent.resume()
    records = [record for record in read_recording(recording) if record["time_ns"] >= begun]
    came, lost = count_records(records, records_of(count))
    problems = check_records(count, came, lost)
    problems += check_events(agent.events[first:], records, lost)
    if problems:
        raise Failure("\n".join(problems))


def loss(test):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        test.step("rings of one page", account, test, folder, OPERATIONS)


if __name__ == "__main__":
    run(loss, extra=("operations",))
