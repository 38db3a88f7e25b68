# SPDX-License-Identifier: Apache-2.0
"""Runs stimuli beside an agent and judges its events."""

import subprocess
import time

from lib.agent import Failure
from lib.match import Expectations, compare, lookup, parse_expectations

CASE_SECONDS = 120
TRIES = 4
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


def await_marker(test, agent):
    """
    A connection of its own, made now: the agent passes events on in the order of time, so when the
    marker's last event is there, so is everything before it.
    """
    marker = run_stimulus(test, "marker")
    open_sockets = set(marker.own["inode"])
    closed = {
        wanted["netaudit.socket.inode"]
        for wanted in marker.events
        if wanted["netaudit.event"] == "closed"
    }

    def last(event):
        if lookup(event, "netaudit.event") == "closed":
            open_sockets.discard(lookup(event, "netaudit.socket.inode"))
        return not open_sockets & closed

    agent.await_event(last, "the end of the marker")


def await_losses(test, agent):
    """Markers until the agent has told what was skipped before."""
    until = time.monotonic() + LOSSES_SECONDS
    while time.monotonic() < until:
        await_marker(test, agent)


class Bench:
    """One agent and the cases that it has served."""

    def __init__(self, test, agent):
        self.test = test
        self.agent = agent
        self.inodes = {}  # inode: the case it belonged to

    def judge(self, case, expectations, first):
        """Failure unless the events since `first` are exactly those that were expected."""
        await_marker(self.test, self.agent)
        problems = compare(expectations, self.agent.events[first:])
        if any(problem.startswith("missing: closed") for problem in problems):
            # The last segments of a connection may still be under way when its process has ended.
            await_marker(self.test, self.agent)
            problems = compare(expectations, self.agent.events[first:])
        if problems and not self.agent.lost(first, ["skipped"]):
            await_losses(self.test, self.agent)
        problems += self.late_events(first)
        self.inodes.update((inode, case) for inode in expectations.own["inode"])
        problems = self.test.expected.judge(case, problems)
        skipped = self.agent.lost(first, ["skipped"])
        lost = skipped != self.agent.lost(first) or (skipped and not self.test.expected.strict)
        if lost:
            problems.append(f"lost: {self.agent.lost(first)}, though rings are large")
        if problems and skipped and not lost:
            raise Skipped("\n".join([f"skipped: {skipped}", *problems]))
        if problems:
            raise Failure("\n".join(problems))

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


def run_fresh(test, case, settings):
    """A case that begins before its agent: it says {"ready":true} and goes on at a line."""
    process = subprocess.Popen(
        [test.stimulus, case], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    expectations = Expectations()
    try:
        for line in process.stdout:
            if expectations.add(line).get("ready"):
                break
        if expectations.skip:
            return expectations.skip
        with test.agent(settings=settings) as agent:
            rest, _ = process.communicate("go\n", timeout=CASE_SECONDS)
            for line in rest.splitlines():
                expectations.add(line)
            if process.returncode:
                raise Failure(f"stimulus {case}: status {process.returncode}")
            Bench(test, agent).judge(case, expectations, 0)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return None
