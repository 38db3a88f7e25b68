#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Several outputs at once, one of them down for as long as a backlog grows: it slows no other, and what
happens meanwhile and while it catches up is with the others at once. Then one that is down for
longer than the journal keeps: what it never gets is told in its stream, exactly that.
Usage: several.py --netaudit FILE --feed FILE
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True

from faults.ends import FileEnd, Servers, WebhookEnd
from faults.lab import Journal, Shipper, Wrong, id_in, sequence_of, wait_until
from servers.dialects import Webhook, concatenated
from servers.relay_faults import Slow
from servers.scripted import Scripted

BACKLOG = 50_000
FRESH = 10
FRESH_SECONDS = 5
ROUNDS = 5
# What the same work may take beside one that is down: a machine that others use is not steady.
SLOWER, SLACK_SECONDS = 3, 2
CATCH_UP_SECONDS = 120
MEMORY_KIB = 160 << 10
# A part is less than the journal keeps, which who follows gets; all of them are more than that, and
# more than the one that is down has read ahead into its memory.
SMALL_JOURNAL = 8 << 20
PART, PARTS, SIZE = 200, 16, 16000


class LossesToo(Webhook):
    """Keeps apart what is told of losses."""

    def __init__(self):
        self.losses = []

    def identities(self, request):
        events = list(concatenated(request.body))
        is_loss = lambda event: event["netaudit"]["event"] == "events_lost"
        self.losses += [event["netaudit"] for event in events if is_loss(event)]
        return [event["event"]["id"] for event in events if not is_loss(event)]


class LossesEnd(WebhookEnd):
    def begin(self):
        self.scripted = Scripted(LossesToo())
        self.scripted.__enter__()
        self.put_relay(self.scripted.port)

    def losses(self):
        return self.scripted.dialect.losses


class Place:
    """A journal with a file output that works, and a webhook behind a relay."""

    def __init__(self, programs, servers, folder, size=None):
        folder.mkdir()
        self.journal = Journal(programs, folder, size)
        self.file = FileEnd(servers, folder)
        self.hook = LossesEnd(servers, folder)
        self.programs = programs

    def __enter__(self):
        self.journal.__enter__()
        self.file.__enter__()
        self.hook.__enter__()
        return self

    def __exit__(self, *error):
        self.hook.__exit__()
        self.file.__exit__()
        self.journal.__exit__()

    def outputs(self, names):
        # Slow is no failure here: nothing may be sent twice.
        ends = {"works": self.file.output(), "down": self.hook.output() | {"timeout": "60s", "compression": "none"}}
        return [ends[name] | {"name": name, "batch": 1000} for name in names]

    def shipper(self, *names):
        return Shipper(self.programs, self.journal, self.outputs(names))

    def cursor(self, name):
        return self.journal.cursors().get(name, 0)

    def await_cursor(self, shipper, name, seconds):
        """Until it is behind the last event; the seconds that took."""
        began, last = time.monotonic(), self.journal.last
        shipper.wait_until(lambda: self.cursor(name) >= last, f"{name} at event {last}", seconds)
        return time.monotonic() - began

    def await_fresh(self, shipper):
        self.journal.append(FRESH)
        self.await_cursor(shipper, "works", FRESH_SECONDS)


def most_memory(process):
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def alone(place):
    """Seconds that the working output needs for the backlog, nobody beside it."""
    place.journal.append(BACKLOG)
    with place.shipper("works") as shipper:
        return place.await_cursor(shipper, "works", CATCH_UP_SECONDS)


def beside(place, seconds_alone):
    place.hook.relay.stop()
    place.journal.append(BACKLOG)
    with place.shipper("works", "down") as shipper:
        seconds = place.await_cursor(shipper, "works", CATCH_UP_SECONDS)
        if seconds > SLOWER * seconds_alone + SLACK_SECONDS:
            raise Wrong(f"{seconds:.1f} s beside one that is down, {seconds_alone:.1f} s alone")
        print(f"     {BACKLOG} events: {seconds_alone:.1f} s alone, {seconds:.1f} s beside it")
        for _ in range(ROUNDS):
            place.await_fresh(shipper)
        if place.cursor("down"):
            raise Wrong("the one that is down has delivered something")
        catch_up(place, shipper)
        memory = most_memory(shipper.process)
        shipper.stop()
    if memory > MEMORY_KIB:
        raise Wrong(f"the shipping process had {memory} KiB")
    print(f"     its memory was {memory >> 10} MiB at most")


def catch_up(place, shipper):
    """It comes back, slowly at first: fresh events overtake its backlog at the other."""
    slow = place.hook.relay.fault = Slow(place.hook.watch)
    place.hook.relay.start()
    wait_until(lambda: place.cursor("down") > 0, "the first delivery of the one that was down")
    for _ in range(ROUNDS):
        place.await_fresh(shipper)
    behind = place.journal.last - place.cursor("down")
    if behind < BACKLOG // 10:
        raise Wrong(f"it was only {behind} events behind: nothing was shown")
    slow.end()
    for _ in range(ROUNDS):
        place.await_fresh(shipper)
    seconds = place.await_cursor(shipper, "down", CATCH_UP_SECONDS)
    print(f"     {behind} events behind, caught up {seconds:.1f} s after it was quick again")


def check(place):
    wanted = place.journal.ids()
    for name, end in (("works", place.file), ("down", place.hook)):
        received = end.received()
        if set(received) != wanted or len(received) != len(wanted):
            raise Wrong(f"{name} has {len(set(received))} of {len(wanted)} events in {len(received)}")
    if place.hook.losses():
        raise Wrong(f"losses are told that were none: {place.hook.losses()[:3]}")


def outgrow(place, shipper):
    """Until the journal has let go of what the one that is down has not got."""
    for _ in range(PARTS):
        place.journal.append(PART, SIZE)
        place.await_cursor(shipper, "works", CATCH_UP_SECONDS)
    kept = place.journal.inspect()["segments"][0]["first_sequence"]
    if kept <= place.cursor("down") + PART:
        raise Wrong(f"the journal has all from {kept} on: nothing was shown")


def outlived(place):
    """The journal outgrows it while it is down, and again while it catches up."""
    with place.shipper("works", "down") as shipper:
        place.journal.append(PART)
        place.await_cursor(shipper, "down", CATCH_UP_SECONDS)
        place.hook.relay.stop()
        outgrow(place, shipper)
        slow = place.hook.relay.fault = Slow(place.hook.watch)
        place.hook.relay.start()
        shipper.wait_until(place.hook.losses, "the word of a loss", CATCH_UP_SECONDS)
        outgrow(place, shipper)
        slow.end()
        place.journal.append(PART)
        for name in ("works", "down"):
            place.await_cursor(shipper, name, CATCH_UP_SECONDS)
        shipper.stop()


def account(place):
    """Each event is there once, or in one range that was told; with the other output all are."""
    every = list(range(1, place.journal.last + 1))
    works = sorted(map(sequence_of, place.file.received()))
    if works != every:
        raise Wrong(f"the one that works has {len(set(works))} of {len(every)} in {len(works)}")
    received = [sequence_of(id_in(one)) for one in place.hook.received()]
    lost = [told["lost"] for told in place.hook.losses()]
    ranges = [range(one["first_sequence"], one["last_sequence"] + 1) for one in lost]
    told = [number for numbers in ranges for number in numbers]
    if sorted(received + told) != every:
        untold = set(every) - set(received) - set(told)
        both = set(received) & set(told)
        raise Wrong(
            f"of {len(every)}: {len(received)} arrived ({len(set(received))} once), {len(told)} are "
            f"told lost, {len(untold)} untold, {len(both)} both: {ranges}"
        )
    for one, numbers in zip(lost, ranges):
        if one["count"] != len(numbers) or one["reason"] != "unreadable":
            raise Wrong(f"a loss that is told as {one}")
    if len(ranges) < 2:
        raise Wrong(f"it was outgrown {len(ranges)} times, and not twice")
    print(f"     {len(every)} events: {len(received)} arrived, {len(told)} are told lost in {ranges}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("netaudit", "feed"):
        parser.add_argument(f"--{name}", required=True, type=lambda path: str(Path(path).resolve()))
    programs = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="netaudit-", dir="/var/tmp") as holder:
        folder = Path(holder)
        with Servers(folder / "shared") as servers:
            with Place(programs, servers, folder / "alone") as place:
                seconds = alone(place)
            with Place(programs, servers, folder / "beside") as place:
                beside(place, seconds)
                check(place)
            with Place(programs, servers, folder / "outlived", SMALL_JOURNAL) as place:
                outlived(place)
                account(place)
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
