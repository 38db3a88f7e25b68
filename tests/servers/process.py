# SPDX-License-Identifier: Apache-2.0
"""A server as a process: started, awaited, stopped or killed by its id, and never left behind."""

import contextlib
import ctypes
import os
import random
import select
import signal
import socket
import subprocess
import time
from pathlib import Path

READY_SECONDS = 90
STOP_SECONDS = 30
LOOK_SECONDS = 0.02
# Below the range that the kernel hands out by itself: a probe there can connect to itself.
PORTS = range(12000, 32000)
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Unavailable(Exception):
    """This machine cannot have the server; the text says what it lacks."""


class Died(Exception):
    """The server did not come up, or ended: with the end of its log."""


def free_ports(count):
    """Ports of the loopback address that nothing uses now, by TCP or UDP."""
    chosen = []
    for port in random.SystemRandom().sample(PORTS, 1000):
        if is_free(port):
            chosen.append(port)
        if len(chosen) == count:
            return chosen
    raise Unavailable("there are no free ports")


def is_free(port):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with contextlib.closing(socket.socket(socket.AF_INET, kind)) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def accepts(port):
    """Does something listen there?"""
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    except OSError:
        return False


def end_with_parent():
    """In the child: a test that is killed leaves no server behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    """
    One process in a folder of its own. A subclass has command(), ready() and what a test asks of it;
    as a context manager it is ready inside. kill() is SIGKILL; start() after it goes on with its data.
    """

    name = "server"
    ready_seconds = READY_SECONDS

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log_path = self.folder / "log"
        self.process = None

    def command(self):
        """The words to run; files that they need are written here."""
        raise NotImplementedError

    def ready(self):
        """Did it answer in its protocol?"""
        raise NotImplementedError

    def environment(self):
        return None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.stop()

    def start(self):
        command = [str(word) for word in self.command()]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, preexec_fn=end_with_parent,
            )
        try:
            self.wait_until(self.ready, "its first answer", self.ready_seconds)
        except BaseException:
            self.kill()
            raise

    def wait_until(self, condition, what, seconds=READY_SECONDS):
        """Until condition(), while the process lives."""
        deadline = time.monotonic() + seconds
        ended = os.pidfd_open(self.process.pid)
        try:
            while not (value := condition()):
                if select.select([ended], [], [], LOOK_SECONDS)[0]:
                    status = self.process.wait()
                    raise Died(f"{self.name} ended with {status} before {what}{self.log()}")
                if time.monotonic() > deadline:
                    raise Died(f"{self.name}: {what} did not come in {seconds} s{self.log()}")
            return value
        finally:
            os.close(ended)

    def log(self):
        lines = self.log_path.read_text(errors="replace").splitlines()[-15:]
        return "".join(f"\n    | {line}" for line in lines)

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        """SIGTERM; what does not heed it in time is killed."""
        if not self.process or self.process.poll() is not None:
            return
        self.send(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
