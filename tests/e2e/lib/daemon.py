# SPDX-License-Identifier: Apache-2.0
"""An agent with a configuration: its journal, its outputs, its shipping process."""

import gzip
import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from lib.agent import Agent, Broken, Failure
from lib.match import lookup

SECONDS = 30
START_SECONDS = 120  # in a guest, on a busy machine, programs are loaded for half a minute
# What another agent left is not gone on with, and nothing is left: a test of that has its own.
UNPINNED = {"NETAUDIT_TEST_BPFFS": "/"}


class Place:
    """A folder with all that a configured agent keeps, removed at the end."""

    def __enter__(self):
        self.holder = tempfile.TemporaryDirectory(prefix="netaudit-", dir="/var/tmp")
        self.folder = Path(self.holder.name)
        self.folder.chmod(0o755)  # the shipping process goes through it
        self.journal = self.folder / "journal"
        self.ship = self.folder / "ship"
        self.out = self.folder / "out"
        self.out.mkdir()
        self.out.chmod(0o777)
        return self

    def __exit__(self, *error):
        self.holder.cleanup()

    def configuration(self, outputs=(), **sections):
        path = self.folder / "netaudit.yaml"
        whole = {
            "journal": {
                "path": str(self.journal),
                "tail": str(self.folder / "tail"),
                "tail_size": "16MiB",
            },
            "ship": {"path": str(self.ship)},
            "control": {"socket": str(self.folder / "control.sock")},
            "outputs": list(outputs),
        }
        for name, values in sections.items():
            whole.setdefault(name, {}).update(values)
        path.write_text(json.dumps(whole))
        return path

    def file_output(self, **options):
        return dict({"name": "file", "type": "file", "path": str(self.out / "events.json")}, **options)

    def follow(self, test, configuration):
        """`netaudit live` of the agent that runs with this configuration."""
        return Follower(test.netaudit, configuration)

    def all_lines(self):
        """Of the file output and of what it put aside, oldest first."""
        lines = []
        for path in sorted(self.out.glob("events.json.*")):
            if path.suffix == ".tmp":  # not whole, and what it is made of is still there
                continue
            text = path.read_bytes()
            text = gzip.decompress(text) if path.suffix == ".gz" else text
            lines += [json.loads(line) for line in text.splitlines()]
        return lines + self.lines()

    def lines(self, name="events.json"):
        """The parsed lines of a file output; a last one that is not whole is left out."""
        path = self.out / name
        if not path.exists():
            return []
        text = path.read_bytes()
        return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]


class Follower(Agent):
    """`netaudit live --json` of a running agent: events as an Agent's, and it stops by SIGINT."""

    def __init__(self, netaudit, configuration, validate=None):
        super().__init__(netaudit, validate=validate)
        self.command = [netaudit, "live", "--json", "-c", str(configuration)]

    def __enter__(self):
        self.begin()
        return self

    def __exit__(self, kind, error, trace):
        if kind:
            self.kill()
        else:
            self.stop(signal.SIGINT)


class Daemon:
    """`netaudit run -c FILE`; inside the context it captures."""

    def __init__(self, test, place, configuration, env=None, arguments=()):
        self.test = test
        self.place = place
        self.configuration = configuration
        self.command = [test.netaudit, "run", "-c", str(configuration), *arguments]
        self.env = {**os.environ, **UNPINNED, **(env or {})}
        self.process = None
        self.log_path = place.folder / "log"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, error, trace):
        if self.process.poll() is None:
            if kind:
                self.kill()
            else:
                self.stop()

    def spawn(self, **options):
        return subprocess.Popen(self.command, **options)

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = self.spawn(
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env
            )
        try:
            self.await_status(lambda status: True, "an answer of the control socket", START_SECONDS)
        except BaseException:
            self.kill()
            raise

    def log(self):
        return self.log_path.read_text(errors="replace")

    def await_log(self, text, seconds=SECONDS):
        """Until the agent has said it."""
        deadline = time.monotonic() + seconds
        while text not in self.log():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise Broken(f'"{text}" is not in the log\n{self.log()}')
            os.sched_yield()

    def status(self):
        """The document of `netaudit status --json`; None when no agent answers."""
        done = subprocess.run(
            [self.test.netaudit, "status", "--json", "-c", str(self.configuration)],
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        return json.loads(done.stdout) if done.returncode == 0 else None

    def await_status(self, wanted, what, seconds=SECONDS):
        """Each question is answered by a process of its own: that is the pause."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Broken(f"the agent ended with {self.process.returncode}\n{self.log()}")
            status = self.status()
            if status is not None and wanted(status):
                return status
        raise Broken(f"{what} did not come in {seconds} s: {self.status()}\n{self.log()}")

    def await_deliveries(self, count):
        """So many outputs have delivered what is in the journal now."""
        last = self.status()["journal"]["last_sequence"]

        def have_come(status):
            cursors = [cursor for cursor in self.cursors() if cursor["sequence"] >= last]
            return len(cursors) == count

        self.await_status(have_come, f"{count} cursors behind event {last}")

    def cursors(self):
        done = subprocess.run(
            [self.test.netaudit, "journal", "inspect", "--json", str(self.place.journal)],
            capture_output=True,
            check=True,
        )
        return [one for one in json.loads(done.stdout)["cursors"] if "sequence" in one]

    def shipper(self):
        """Process id of the shipping process."""
        running = self.await_status(lambda s: s["ship"]["state"] == "running", "a shipping process")
        return running["ship"]["pid"]

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, number=signal.SIGTERM):
        self.send(number)
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"the agent did not end in 60 s\n{self.log()}") from None
        if status:
            raise Failure(f"the agent ended with status {status}\n{self.log()}")


def check_numbers(events):
    """Every sequence number is there, or an events_lost names it."""
    numbers = sorted({event["event"]["sequence"] for event in events})
    named = set()
    for event in events:
        first = lookup(event, "netaudit.lost.first_sequence")
        if isinstance(first, int):
            named.update(range(first, event["netaudit"]["lost"]["last_sequence"] + 1))
    holes = [
        (before + 1, after - 1)
        for before, after in zip(numbers, numbers[1:])
        if after != before + 1 and not set(range(before + 1, after)) <= named
    ]
    if holes:
        raise Failure(f"holes in event.sequence that nothing names: {holes[:10]}")
