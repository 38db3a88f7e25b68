# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, as things that begin, happen and end around a cell."""

import os
import signal
import subprocess

from faults.lab import Wrong, wait_until
from servers import relay_faults, scripts
from servers.process import Unavailable

# In which the program stores what it believes to be acknowledged: twice its interval and some.
BELIEF_SECONDS = 0.6
# An output that is held asks once a minute.
HOLD_SECONDS = 90
# What HEC's indexers do not acknowledge is sent again.
RESEND_SECONDS = 300


def await_belief(cell):
    """
    Until the cursor moved past what the fault concerns, or time enough that it would have: so that a
    program that believes too early has written it down.
    """
    before = cell.cursor()
    try:
        wait_until(lambda: cell.cursor() > before, "a moved cursor", BELIEF_SECONDS)
    except Wrong:
        pass


class Trouble:
    """Nothing goes wrong. `repeats`: may events come twice, since nobody said that they came?"""

    repeats = False
    patience = None  # the output waits so many seconds, unless it is started anew

    def arrange(self, cell):
        """Before anything starts."""

    def output(self, far):
        return far.output()

    def begin(self, cell):
        pass

    def feed(self, cell, count):
        """The events that meet the fault."""
        cell.journal.append(count)

    def happened(self, cell):
        return True

    def end(self, cell):
        pass

    def finish(self, cell):
        """Whatever came of it: nothing of it is left."""

    def dead(self, cell):
        """Sequence numbers of what must be dead letters."""
        return []


class OnTheWay(Trouble):
    """A fault of the relay, made by kind(watch)."""

    repeats = True

    def __init__(self, kind, repeats=True):
        self.kind, self.repeats, self.fault = kind, repeats, None

    def begin(self, cell):
        self.fault = cell.far.relay.fault = self.kind(cell.far.watch)

    def happened(self, cell):
        return self.fault.hit.is_set()

    def end(self, cell):
        self.fault.end()

    def finish(self, cell):
        if self.fault:
            self.fault.finish()


class BlackHole(OnTheWay):
    """
    Nothing is read any more, and nobody says so. Where the protocol has no answers it takes more
    than the kernels between hold until the output can know.
    """

    MANY = 6000

    def __init__(self):
        super().__init__(relay_faults.BlackHole)

    def arrange(self, cell):
        # It is seen only after the time for which what was confirmed is held back.
        cell.far.times = {"timeout": "3s", "overlap": "1s"}
        super().arrange(cell)

    def feed(self, cell, count):
        cell.journal.append(count if cell.far.answers else self.MANY)

    def happened(self, cell):
        # Its state changes quickly: a black hole accepts connections.
        return super().happened(cell) and cell.shipper.status().get("error")


class Slow(OnTheWay):
    """All of it arrives, slowly: that alone is no failure, nothing is sent twice."""

    def __init__(self):
        super().__init__(relay_faults.Slow, repeats=False)

    def happened(self, cell):
        return super().happened(cell) and cell.cursor() >= cell.journal.last


class Swallowed(OnTheWay):
    """The far end's kernel confirmed it, and the program there never saw it."""

    def __init__(self):
        super().__init__(None)

    def begin(self, cell):
        self.kind = lambda watch: relay_faults.Swallow(watch, lambda: await_belief(cell))
        super().begin(cell)


class Answer(Trouble):
    """A script of the scripted server, made by kind()."""

    def __init__(self, kind, repeats=False):
        self.kind, self.repeats, self.script = kind, repeats, None

    def begin(self, cell):
        self.script = cell.far.scripted.script = self.kind()

    def happened(self, cell):
        return self.script.hit.is_set()

    def end(self, cell):
        self.script.end()

    def finish(self, cell):
        if self.script:
            self.script.end()


class Unauthorized(Answer):
    """Nobody knows us; then somebody does."""

    patience = HOLD_SECONDS

    def __init__(self):
        super().__init__(scripts.Unauthorized)

    def happened(self, cell):
        return super().happened(cell) and cell.shipper.status().get("state") == "held"


class OneRefused(Answer):
    """The tenth event of the fault is refused for ever; others of its request may come twice."""

    def __init__(self, kind, repeats):
        super().__init__(None, repeats)
        self.refuse = kind

    def begin(self, cell):
        self.sequence = cell.floor + 10
        self.kind = lambda: self.refuse(self.sequence)
        super().begin(cell)

    def dead(self, cell):
        return [self.sequence]


class Stubborn(Answer):
    """Something that the server never gives up: it has only to be seen."""

    def happened(self, cell):
        return super().happened(cell) and cell.cursor() >= cell.journal.last


class Down(Trouble):
    """Connections are refused; the output says that it tries again."""

    repeats = True  # what was on its way in the connection that broke

    def begin(self, cell):
        cell.far.relay.stop()

    def happened(self, cell):
        return cell.shipper.status().get("state") in ("retrying", "held")

    def end(self, cell):
        cell.far.relay.start()


class Killed(OnTheWay):
    """kill -9 of the shipping process at a named point of the exchange."""

    def __init__(self, point):
        super().__init__(None)
        self.point = point

    def act(self, cell):
        await_belief(cell)
        cell.shipper.kill()
        cell.note_cursor()

    def begin(self, cell):
        self.kind = lambda watch: relay_faults.At(watch, self.point, lambda: self.act(cell))
        super().begin(cell)
        if self.point == "connected":
            cell.far.relay.cut()

    def end(self, cell):
        super().end(cell)
        cell.shipper.process.wait()
        cell.shipper.start()


class KilledWriting(Trouble):
    """The same for a file: some events of the fault are through. It stands still while they are
    appended, or it would keep pace with that."""

    repeats = True
    MANY = 30000

    def feed(self, cell, count):
        cell.shipper.process.send_signal(signal.SIGSTOP)
        cell.journal.append(self.MANY)
        self.size = cell.far.path.stat().st_size
        cell.shipper.process.send_signal(signal.SIGCONT)

    def happened(self, cell):
        return cell.far.path.stat().st_size > self.size

    def end(self, cell):
        cell.shipper.kill()
        cell.note_cursor()
        if len(cell.far.received()) >= cell.journal.last:
            raise Wrong("it was killed too late")
        cell.shipper.start()


class ServerKilled(OnTheWay):
    """kill -9 of the server when it has the events and nobody has its answer; then it comes back."""

    def __init__(self, point):
        super().__init__(None)
        self.point = point

    def arrange(self, cell):
        cell.far.dies = True

    def act(self, cell):
        cell.far.server.kill()

    def begin(self, cell):
        self.kind = lambda watch: relay_faults.At(watch, self.point, lambda: self.act(cell))
        super().begin(cell)

    def end(self, cell):
        cell.far.server.start()
        super().end(cell)


class Unindexed(ServerKilled):
    """
    The server said that it has the events, and is killed before it indexed them: its client must know
    the difference. It would send them again after RESEND_SECONDS; so does one that is started anew.
    """

    patience = RESEND_SECONDS + 60

    def __init__(self):
        super().__init__("answered")

    def act(self, cell):
        await_belief(cell)
        cell.far.server.kill()

    def begin(self, cell):
        cell.far.server.hold.touch()
        super().begin(cell)

    def end(self, cell):
        cell.far.server.hold.unlink()
        super().end(cell)


class Expired(Trouble):
    """The certificate of the far end is of yesterday; later it has a good one."""

    patience = HOLD_SECONDS

    def __init__(self, secure=True):
        self.secure = secure

    def output(self, far):
        output = far.output()
        if not self.secure:  # it is by itself
            return output
        more = far.secure(far.servers.tls().server_context())
        more["kafka"] = output.get("kafka", {}) | more.get("kafka", {})
        return {key: value for key, value in (output | more).items() if value}

    def begin(self, cell):
        self.good = cell.far.relay.tls_in
        cell.far.relay.tls_in = cell.far.servers.tls().server_context("expired")
        cell.far.relay.cut()

    def happened(self, cell):
        return cell.far.relay.refused > 0

    def end(self, cell):
        cell.far.relay.tls_in = self.good


class WrongConfiguration(Trouble):
    """A person wrote wrong(far), sees why nothing arrives, and writes right(far)."""

    def __init__(self, wrong, right):
        self.wrong, self.right = wrong, right

    def output(self, far):
        return self.right(far)

    def change(self, cell, output):
        cell.shipper.stop()
        cell.shipper.configure([output])
        cell.shipper.start()

    def begin(self, cell):
        (cell.shipper.folder / "status.json").unlink(missing_ok=True)
        self.change(cell, self.wrong(cell.far))

    def happened(self, cell):
        status = cell.shipper.status()
        return status.get("state") in ("retrying", "held") and status.get("error")

    def end(self, cell):
        if cell.cursor() > cell.floor:
            raise Wrong("events were acknowledged by a far end that does not know us")
        self.change(cell, self.right(cell.far))


class Oversize(Trouble):
    """One record that the far end never takes; its neighbours arrive."""

    repeats = True
    SIZE = 60000

    def output(self, far):
        output = far.output()
        return output | {"kafka": output["kafka"] | {"message.max.bytes": "30000"}}

    def feed(self, cell, count):
        cell.journal.append(count // 2)
        self.sequence = cell.journal.append(1, self.SIZE)
        cell.journal.append(count // 2)

    def happened(self, cell):
        return cell.shipper.dead_letters()

    def dead(self, cell):
        return [self.sequence]


class FullDisk(Trouble):
    """The file's file system is full; then it is not. Needs the right to mount."""

    def arrange(self, cell):
        self.place = cell.folder / "out"
        self.place.mkdir()
        self.mounted = False
        self.mount("-t", "tmpfs", "-o", "size=1m", "netaudit", str(self.place))
        self.mounted = True

    def mount(self, *words):
        if os.geteuid() != 0 or subprocess.run(["mount", *words], capture_output=True).returncode:
            raise Unavailable("mount is not permitted")

    def feed(self, cell, count):
        cell.journal.append(2000)

    def happened(self, cell):
        return cell.shipper.status().get("state") in ("retrying", "held")

    def end(self, cell):
        self.mount("-o", "remount,size=64m", str(self.place))

    def finish(self, cell):
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.place)], check=True)
