#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
beside.py TIER…: others on the same hooks. bpftrace with a kprobe, fentry, fexit and a tracepoint, and a
second agent: bpftrace counts every call, and the events of both agents are whole.
"""

import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import threading
import time

from lib.agent import Failure
from lib.harness import Skip, run
from lib.owners import judge, observed_changes, run_pinned

COUNT = 100
READY_SECONDS = 90
SETTINGS = ["capture.ring_size=32MiB", "capture.snapshot=false"]
PROBES = {
    "kprobe": "kprobe:security_socket_connect",
    "fentry": "kfunc:security_socket_connect",
    "fexit": "kretfunc:security_socket_connect",
    "tracepoint": "tracepoint:sock:inet_sock_set_state",
}


class Bpftrace:
    """Counts by pid what each of PROBES saw; inside, all of them are attached."""

    def __init__(self):
        program = shutil.which("bpftrace")
        if not program:
            raise Skip("bpftrace is not installed")
        script = "".join(
            f'{probe} {{ @{name}[pid] = count(); if (pid == {os.getpid()}) {{ printf("{name}\\n"); }} }}'
            for name, probe in PROBES.items()
        )
        self.command = [program, "-f", "json", "-e", script]
        self.lines = queue.SimpleQueue()
        self.counts = {}

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.read, daemon=True).start()
        try:
            self.await_probes()
        except BaseException:
            self.process.kill()
            raise
        return self

    def __exit__(self, kind, error, trace):
        self.process.send_signal(signal.SIGINT)
        if self.process.wait(READY_SECONDS) and not kind:
            raise Failure(f"bpftrace: status {self.process.returncode}")
        while (line := self.lines.get(timeout=READY_SECONDS)) is not None:
            if line["type"] == "map":
                for name, counts in line["data"].items():
                    self.counts[name[1:]] = {int(pid): count for pid, count in counts.items()}

    def read(self):
        for line in self.process.stdout:
            if line.strip():
                self.lines.put(json.loads(line))
        self.lines.put(None)

    def await_probes(self):
        """Connects until each probe has told of it."""
        missing, deadline = set(PROBES), time.monotonic() + READY_SECONDS
        while missing:
            if time.monotonic() > deadline:
                raise Failure(f"bpftrace does not tell of {' '.join(sorted(missing))}")
            with socket.socket() as attempt:
                attempt.connect_ex(("127.0.0.1", 9))
            try:
                line = self.lines.get(timeout=1)
            except queue.Empty:
                continue
            if line is None:
                raise Failure("bpftrace has ended")
            if line["type"] == "printf":
                missing.discard(line["data"].strip())


def check_tier(test, tier, seen):
    """Adds what bpftrace must have counted to `seen`."""
    settings = [*SETTINGS, f"capture.attach={tier}"]
    agent = test.agent(settings=settings)
    second = test.agent("--json", settings=settings, command="live")
    with agent, second:
        # The second one's start is seen by the first: only what follows is judged.
        starts = [(one, len(one.events)) for one in (agent, second)]
        with observed_changes() as changes:
            traffic = run_pinned(test.options.pinned, COUNT, "peer")
        for one, first in starts:
            judge(test, one, first, traffic)
    client = traffic.numbers["client"]
    for name in ("kprobe", "fentry", "fexit"):
        seen[name][client] = COUNT + traffic.numbers["refused"]
    seen["tracepoint"][client] = sum(current == client for _, _, current, _ in changes)


def compare(bpftrace, seen):
    problems = [
        f"{name}: bpftrace counted {bpftrace.counts.get(name, {}).get(pid, 0)} of {wanted}"
        for name, counts in seen.items()
        for pid, wanted in counts.items()
        if bpftrace.counts.get(name, {}).get(pid, 0) != wanted
    ]
    if problems or not any(seen.values()):
        raise Failure("\n".join(problems) or "no traffic was seen")
    print(f"     counted by pid: {seen}")


def beside(test):
    seen = {name: {} for name in PROBES}
    with Bpftrace() as bpftrace:
        for tier in test.options.operands:
            test.step(f"{tier}: both agents", check_tier, test, tier, seen)
    test.step("bpftrace counts all", compare, bpftrace, seen)


if __name__ == "__main__":
    run(beside, extra=("pinned",), operands="tiers")
