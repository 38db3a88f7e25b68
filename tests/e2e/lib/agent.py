# SPDX-License-Identifier: Apache-2.0
"""A running agent: started, read, signalled, stopped."""

import os
import queue
import signal
import subprocess
import threading
import time

from lib.match import lookup
from lib.stream import Stream

READY_SECONDS = 120  # of an emulated machine that shares its host with others
STOP_SECONDS = 60


class Failure(Exception):
    """A test found what should not be."""


class Broken(Failure):
    """This agent answers no more: nothing further can be learned from it."""


class Agent:
    """
    `netaudit run`, or `command`, with these arguments, as a context manager: inside, it is attached
    (agent_started came); after it, it has ended with status 0 and `events` holds every event of its
    life.
    """

    def __init__(
        self, netaudit, *arguments, command="run", validate=None, env=None, degraded=False
    ):
        self.command = [netaudit, command, *arguments]
        self.stream = Stream(validate)
        self.env = dict(os.environ, **(env or {}))
        self.degraded = degraded
        self.events = []
        self.lines = queue.SimpleQueue()
        self.messages = []
        self.process = None
        self.ended = False

    def begin(self):
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.threads = [
            threading.Thread(target=self.read_events, daemon=True),
            threading.Thread(target=self.read_messages, daemon=True),
        ]
        for thread in self.threads:
            thread.start()

    def __enter__(self):
        self.begin()
        try:
            self.await_event(
                lambda event: lookup(event, "netaudit.event") == "agent_started",
                "agent_started",
                READY_SECONDS,
            )
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind, error, trace):
        if kind:
            self.kill()
        else:
            self.stop()

    def read_events(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def read_messages(self):
        for line in self.process.stderr:
            self.messages.append(line.decode(errors="replace").rstrip())

    def log(self):
        return "".join(f"\n    | {message}" for message in self.messages[-20:])

    def next_event(self, deadline):
        """The next event, None at the end of the stream."""
        try:
            line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
        except queue.Empty:
            raise TimeoutError from None
        if line is None:
            self.ended = True
            return None
        event = self.stream.take(line)
        self.events.append(event)
        self.check_health(event)
        return event

    def check_health(self, event):
        name = lookup(event, "netaudit.event")
        if name == "agent_degraded" and not self.degraded:
            raise Failure(f"the agent is degraded: {event.get('message')}{self.log()}")

    def await_event(self, wanted, what, seconds=60):
        """Reads until `wanted(event)`; Failure when it does not come."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                event = self.next_event(deadline)
            except TimeoutError:
                raise Broken(f"{what} did not come in {seconds} s{self.log()}") from None
            if event is None:
                status = self.process.wait()
                raise Broken(f"the agent ended with status {status} before {what}{self.log()}")
            if wanted(event):
                return event

    def send(self, number):
        self.process.send_signal(number)

    def pause(self):
        """SIGSTOP, and it has stopped when this returns."""
        self.send(signal.SIGSTOP)
        deadline = time.monotonic() + 10
        while True:
            with open(f"/proc/{self.process.pid}/stat") as stat:
                if stat.read().rpartition(")")[2].split()[0] == "T":
                    return
            if time.monotonic() > deadline:
                raise Failure("the agent does not stop at SIGSTOP")
            os.sched_yield()

    def resume(self):
        self.send(signal.SIGCONT)

    def stop(self, number=signal.SIGTERM):
        """Ends it, reads the rest. Its status must be 0."""
        self.send(number)
        deadline = time.monotonic() + STOP_SECONDS
        try:
            while not self.ended:
                self.next_event(deadline)
            status = self.process.wait(max(0.1, deadline - time.monotonic()))
        except (TimeoutError, subprocess.TimeoutExpired):
            self.kill()
            raise Failure(f"the agent did not end in {STOP_SECONDS} s{self.log()}") from None
        if status:
            raise Failure(f"the agent ended with status {status}{self.log()}")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def lost(self, first=0, reasons=None):
        """{program: count} of events_lost since `first`, of all reasons or of these."""
        counts = {}
        for event in self.events[first:]:
            if lookup(event, "netaudit.event") == "events_lost":
                if reasons and lookup(event, "netaudit.lost.reason") not in reasons:
                    continue
                program = lookup(event, "netaudit.lost.program")
                counts[program] = counts.get(program, 0) + event["netaudit"]["lost"]["count"]
        return counts
