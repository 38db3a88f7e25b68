# SPDX-License-Identifier: Apache-2.0
"""Runs stimuli beside an agent and judges its events."""

import os
import socket
import subprocess
import time

from lib.agent import Failure
from lib.match import Expectations, compare, lookup, parse_expectations

CASE_SECONDS = 120
TRIES = 4
SETTLE_SECONDS = 2
LOSSES_SECONDS = 3  # the agent looks each second for what was skipped, and twice before it tells


class Skipped(Failure):
    """Not as expected, and the kernel skipped runs of programs meanwhile, which the agent told."""


def run_stimulus(test, case):
    """What the case expects; Failure when the stimulus itself did not work."""
    done = subprocess.run(
        [test.stimulus, case], capture_output=True, text=True, timeout=CASE_SECONDS
    )
    if done.returncode:
        raise Failure(f"stimulus {case}: status {done.returncode}: {done.stderr}")
    return parse_expectations(done.stdout)


def await_closed(agent, inodes):
    def last(event):
        if lookup(event, "netaudit.event") == "closed":
            inodes.discard(lookup(event, "netaudit.socket.inode"))
        return not inodes

    agent.await_event(last, "the end of the marker")


def await_marker(test, agent):
    """
    A connection of its own, made now: the agent passes events on in the order of time, so when the
    marker's last event is there, so is everything before it.
    """
    marker = run_stimulus(test, "marker")
    closed = {
        wanted["netaudit.socket.inode"]
        for wanted in marker.events
        if wanted["netaudit.event"] == "closed"
    }
    await_closed(agent, closed & marker.own["inode"])


def await_own_marker(agent):
    """As await_marker, but this process connects to itself: on an emulated machine others cost much."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        with client, server:
            inodes = {str(os.fstat(end.fileno()).st_ino) for end in (client, server)}
    await_closed(agent, inodes)


def await_losses(agent):
    """Markers until the agent has told what was skipped before."""
    until = time.monotonic() + LOSSES_SECONDS
    while time.monotonic() < until:
        await_own_marker(agent)


class Bench:
    """One agent and the cases that it has served."""

    def __init__(self, test, agent):
        self.test = test
        self.agent = agent
        self.inodes = {}  # inode: the case it belonged to

    def judge(self, case, expectations, first):
        """Failure unless the events since `first` are exactly those that were expected."""
        problems = self.compare_settled(expectations, first) + self.late_events(first)
        beyond = self.test.expected.judge(case, problems)
        if beyond and not self.agent.lost(first, ["skipped"]):
            await_losses(self.agent)
        self.inodes.update((inode, case) for inode in expectations.own["inode"])
        problems = beyond
        skipped = self.agent.lost(first, ["skipped"])
        lost = skipped != self.agent.lost(first) or (skipped and not self.test.expected.strict)
        if lost:
            problems.append(f"lost: {self.agent.lost(first)}, though rings are large")
        if problems and skipped and not lost:
            raise Skipped("\n".join([f"skipped: {skipped}", *problems]))
        if problems:
            raise Failure("\n".join(problems))

    def compare_settled(self, expectations, first):
        """The last segments of a connection may still be under way when its process has ended."""
        until = time.monotonic() + SETTLE_SECONDS
        while True:
            await_own_marker(self.agent)
            problems = compare(expectations, self.agent.events[first:])
            unclosed = any(problem.startswith("missing: closed") for problem in problems)
            if not unclosed or time.monotonic() > until:
                return problems

    def late_events(self, first):
        return [
            f"too late: {lookup(event, 'netaudit.event')} of case "
            f"{self.inodes[lookup(event, 'netaudit.socket.inode')]}"
            for event in self.agent.events[first:]
            if lookup(event, "netaudit.socket.inode") in self.inodes
        ]

    def run(self, case):
        """
        Raises Failure; returns the reason when the kernel lacks something, else None. On an emulated
        machine the kernel skips runs now and then, for a program is preempted in it for long: what
        is missing then says nothing, and the case runs again.
        """
        for _ in range(TRIES - 1):
            try:
                return self.run_once(case)
            except Skipped as problem:
                print(f"again {case}: {problem}", flush=True)
        return self.run_once(case)

    def run_once(self, case):
        first = len(self.agent.events)
        expectations = run_stimulus(self.test, case)
        if expectations.skip:
            return expectations.skip
        self.judge(case, expectations, first)
        return None


class Early:
    """A case that begins before its agent: it says {"ready":true} and goes on at a line."""

    def __init__(self, test, case):
        self.case = case
        self.expectations = Expectations()
        self.process = subprocess.Popen(
            [test.stimulus, case], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for line in self.process.stdout:
            if self.expectations.add(line).get("ready"):
                break

    def run(self, bench):
        """As Bench.run, but only the first time."""
        if not self.expectations.skip:
            self.finish()
            bench.judge(self.case, self.expectations, 0)
        return self.expectations.skip

    def finish(self):
        rest, _ = self.process.communicate("go\n", timeout=CASE_SECONDS)
        for line in rest.splitlines():
            self.expectations.add(line)
        if self.process.returncode:
            raise Failure(f"stimulus {self.case}: status {self.process.returncode}")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
