# SPDX-License-Identifier: Apache-2.0
"""
systemd-journald without systemd, in a mount namespace of its own: /run/systemd and /run/log there
are empty folders in memory. What is to write to it is started with inside().
"""

import json
import os
import subprocess

from servers import cache
from servers.process import Server, Unavailable

SCRIPT = """
mount -t tmpfs none /run/systemd && mount -t tmpfs none /run/log && mkdir /run/systemd/journal || exit 77
exec "$0"
"""


class Journald(Server):
    name = "journald"

    def __init__(self, folder):
        super().__init__(folder)
        self.program = cache.tool("systemd-journald", "/lib/systemd/systemd-journald")
        self.journalctl = cache.tool("journalctl")
        if os.geteuid() != 0:
            raise Unavailable("a mount namespace for journald needs root")
        for place in ("/run/systemd", "/run/log"):
            if not os.path.isdir(place):
                raise Unavailable(f"{place} is missing")

    def command(self):
        return ["unshare", "-m", "--propagation", "private", "sh", "-c", SCRIPT, self.program]

    def inside(self, *command):
        """The words that run a command where its sockets are."""
        return ["nsenter", "-t", str(self.process.pid), "-m", *(str(word) for word in command)]

    def run(self, *command):
        return subprocess.run(self.inside(*command), capture_output=True, text=True, timeout=60)

    def ready(self):
        return self.run("test", "-S", "/run/systemd/journal/socket").returncode == 0

    def entries(self, *matches):
        """Dicts of the entries with these FIELD=value."""
        done = self.run(
            self.journalctl, "-D", "/run/log/journal", "-o", "json", "--all", "--no-pager", *matches
        )
        return [json.loads(line) for line in done.stdout.splitlines()]
