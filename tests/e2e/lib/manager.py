# SPDX-License-Identifier: Apache-2.0
"""
A service manager as far as it keeps descriptors for a service: a socket for what the service says
(sd_notify), a store that is as strict as systemd's, and starts that hand over what is in it.
"""

import array
import os
import select
import socket
import subprocess
import sys
import threading

from lib.daemon import Daemon

SPARE = 300  # behind all descriptors of a start

# The descriptors, from 3 on in the order of their names, and the process that they are for.
HAND_OVER = f"""
import fcntl, os, sys
names, fds, command = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
spare = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, {SPARE}) for fd in fds]
for number, fd in enumerate(spare, 3):
    os.dup2(fd, number)
os.closerange(3 + len(spare), {SPARE} + len(spare))
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(spare)), LISTEN_FDNAMES=names)
os.execv(command[0], command)
"""


def is_hung_up(fd):
    poller = select.poll()
    poller.register(fd, 0)
    return bool(poller.poll(0))


class Manager:
    """Keeps up to `room` descriptors."""

    def __init__(self, place, room=256):
        self.path = str(place.folder / "notify")
        self.room = room
        self.store = []  # (name, descriptor)

    def __enter__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.thread = threading.Thread(target=self.read)
        self.thread.start()
        return self

    def __exit__(self, *error):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"X_END=1", self.path)
        self.thread.join()
        self.socket.close()
        self.forget()

    def read(self):
        ended = False
        while not ended:
            text, messages, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(4 * 253))
            fds = array.array("i")
            for _, _, data in messages:
                fds.frombytes(data)
            said = dict(line.split("=", 1) for line in text.decode().splitlines())
            ended = "X_END" in said
            if "FDSTORE" in said:
                self.keep(said, fds)
            elif "FDSTOREREMOVE" in said:
                self.forget(said["FDNAME"])
            for fd in fds:
                os.close(fd)

    def keep(self, said, fds):
        for fd in fds:
            forgotten = said.get("FDPOLL") != "0" and is_hung_up(fd)
            if len(self.store) < self.room and not forgotten:
                self.store.append((said["FDNAME"], os.dup(fd)))

    def forget(self, name=None):
        """All of a name; as after `systemctl stop`: all."""
        for one in [one for one in self.store if name in (None, one[0])]:
            self.store.remove(one)
            os.close(one[1])

    def names(self):
        return [name for name, _ in self.store]


class Managed(Daemon):
    """An agent that is started by a manager."""

    def __init__(self, test, place, configuration, manager, **options):
        super().__init__(test, place, configuration, **options)
        self.manager = manager
        self.env["NOTIFY_SOCKET"] = manager.path

    def spawn(self, **options):
        fds = [fd for _, fd in self.manager.store]
        if not fds:
            return super().spawn(**options)
        listed = [":".join(self.manager.names()), ",".join(map(str, fds))]
        command = [sys.executable, "-c", HAND_OVER, *listed, *self.command]
        return subprocess.Popen(command, pass_fds=fds, **options)
