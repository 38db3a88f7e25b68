# SPDX-License-Identifier: Apache-2.0
"""
A journal that is written at command and the real shipping process that reads it: no kernel, no root.
Every wait has a condition and a deadline.
"""

import json
import os
import re
import select
import signal
import subprocess
import time
from pathlib import Path

SECONDS = 30
LOOK_SECONDS = 0.01
EVENT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9a-f]+-[0-9a-f]{16}")
# Failures are tried again soon, so that a cell takes a second and not a minute.
COMMON = {"name": "out", "retry_min": "10ms", "retry_max": "100ms", "batch": 20}


class Wrong(Exception):
    """The program under test did what it should not."""


class Missing(Wrong):
    """Events neither arrived nor were told lost."""


def wait_until(condition, what, seconds=SECONDS, process=None):
    """The first true value of condition()."""
    deadline = time.monotonic() + seconds
    ended = os.pidfd_open(process.pid) if process else None
    try:
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise Wrong(f"{what} did not come in {seconds} s")
            if select.select([ended] if ended else [], [], [], LOOK_SECONDS)[0]:
                raise Wrong(f"the shipping process ended with {process.wait()} before {what}")
        return value
    finally:
        if ended:
            os.close(ended)


def id_in(text):
    """The event id that stands first in a message of any form."""
    found = EVENT_ID.search(text)
    if not found:
        raise Wrong(f"no event id in {text[:300]!r}")
    return found[0]


def sequence_of(identity):
    return int(identity.rpartition("-")[2], 16)


def schema(netaudit):
    """Of events, as the program prints it."""
    command = [netaudit, "schema", "--format", "json-schema"]
    return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)


class Journal:
    """Events appear when append() is called, and the oldest are deleted beyond `size` bytes."""

    def __init__(self, programs, folder, size=None):
        self.programs, self.folder = programs, folder
        self.path, self.tail = folder / "journal", folder / "tail"
        self.last = 0
        self.command = [programs.feed, str(self.path), str(self.tail)]
        self.command += [str(size)] if size else []

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def append(self, count, size=0):
        """The number of the last one; with `size` their command lines have so many bytes."""
        self.process.stdin.write(f"{count} {size}\n")
        answer = self.process.stdout.readline()
        if not answer:
            raise Wrong("the journal's writer ended")
        self.last = int(answer)
        return self.last

    def inspect(self):
        done = subprocess.run(
            [self.programs.netaudit, "journal", "inspect", "--json", str(self.path)],
            capture_output=True, text=True, timeout=60,
        )
        if done.returncode:
            raise Wrong(f"journal inspect: {done.stderr}")
        return json.loads(done.stdout)

    def ids(self):
        """What the journal holds, by a command that shares no cursor with the outputs."""
        done = subprocess.run(
            [self.programs.netaudit, "journal", "export", str(self.path)], capture_output=True,
            text=True, timeout=60,
        )
        if done.returncode:
            raise Wrong(f"journal export: {done.stderr}")
        return {id_in(line) for line in done.stdout.splitlines()}

    def cursors(self):
        """{output: number of the last event that it is done with}, as stored on disk."""
        return {Path(one["file"]).stem: one.get("sequence", 0) for one in self.inspect()["cursors"]}


class Shipper:
    """`netaudit ship` as `netaudit run` starts it: with its configuration at descriptor 3."""

    def __init__(self, programs, journal, outputs, env=None):
        self.programs, self.journal = programs, journal
        self.folder = journal.folder / "ship"
        self.folder.mkdir(exist_ok=True)
        self.log_path = journal.folder / "ship.log"
        self.env = dict(os.environ, **(env or {}))
        self.env.pop("JOURNAL_STREAM", None)
        self.process = None
        self.configure(outputs)

    def configure(self, outputs):
        self.configuration = journal_file = self.journal.folder / "ship.yaml"
        journal_file.write_text(json.dumps({
            "journal": {"path": str(self.journal.path), "tail": str(self.journal.tail)},
            "ship": {"path": str(self.folder)},
            "outputs": [dict(COMMON, **output) for output in outputs],
        }))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.kill()

    def start(self):
        script = 'exec "$0" ship 3<"$1" 4</dev/null'
        self.start_with(["sh", "-c", script, self.programs.netaudit, str(self.configuration)])

    def start_with(self, command):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        """SIGTERM, as `run` stops it: within its patience, with status 0."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Wrong(f"SIGTERM did not end the shipping process in {SECONDS} s") from None
        if status:
            raise Wrong(f"the shipping process ended with {status}")

    def wait_until(self, condition, what, seconds=SECONDS):
        return wait_until(condition, what, seconds, self.process)

    def status(self, name="out"):
        """What it says of an output in its status file; {}: nothing yet."""
        try:
            text = json.loads((self.folder / "status.json").read_text())
        except (OSError, ValueError):
            return {}
        return next((one for one in text["outputs"] if one["name"] == name), {})

    def dead_letters(self, name="out"):
        """[(id, reason)]"""
        path = self.folder / f"{name}.dead"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(one["id"], one["reason"]) for one in map(json.loads, lines)]

    def log(self):
        lines = self.log_path.read_text(errors="replace").splitlines()[-12:]
        return "".join(f"\n      | {line}" for line in lines)
