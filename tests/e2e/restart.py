#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Agents that end, and others that go on, under a load of connections: each connection has its events
once, however the agent ended, or what is missing is told with its times.
"""

import collections
import ctypes
import errno
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

from lib.agent import Failure
from lib.cases import run_stimulus
from lib.daemon import Daemon, Place
from lib.harness import Skip, run
from lib.match import lookup
from lib.stream import parse_date

TURNS = 4
APART = 1_000_000  # numbers of one load and the next
SIZE, OTHER = "32MiB", "16MiB"  # of rings: a start takes seconds where others use the machine
SIZES = {"journal": {"tail_size": "32MiB"}}
LINK_GET_NEXT_ID = 31
libc = ctypes.CDLL(None, use_errno=True)

ONCE = ("established", "accepted", "closed", "closed")


class Pins:
    """A bpffs of the test's own: all that is pinned in it ends with it."""

    def __init__(self, place):
        self.path = place.folder / "bpffs"
        self.env = {"NETAUDIT_TEST_BPFFS": str(self.path)}

    def __enter__(self):
        self.path.mkdir()
        done = subprocess.run(["mount", "-t", "bpf", "netaudit", str(self.path)])
        if done.returncode:
            raise Skip("no bpffs can be mounted")
        return self

    def __exit__(self, *error):
        subprocess.run(["umount", "-l", str(self.path)], check=True)

    def layouts(self):
        return sorted(path for path in self.path.glob("netaudit/*"))

    def links(self):
        return [path for layout in self.layouts() for path in layout.glob("link_*")]


class Load:
    """Connections that say what they were, until `end`: then `made` is all of them."""

    program = Path(__file__).parent / "programs" / "connections.py"

    def __init__(self, test, first=0):
        # The rings and a guest's memory hold what comes while an agent starts.
        self.command = [self.program, str(first), "0.02" if test.options.brief else "0.0005"]
        self.made = []

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.thread = threading.Thread(target=self.read)
        self.thread.start()
        return self

    def read(self):
        for line in self.process.stdout:
            self.made.append(line.split())

    def more(self, count):
        """Until so many more were made."""
        wanted = len(self.made) + count
        deadline = time.monotonic() + 60
        while len(self.made) < wanted:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise Failure(f"the load made {len(self.made)} connections, not {wanted}")
            os.sched_yield()

    def end(self):
        self.process.stdin.close()
        self.thread.join()
        if self.process.wait():
            raise Failure(f"the load ended with {self.process.returncode}")

    def __exit__(self, *error):
        if self.process.returncode is None:
            self.process.kill()
            self.thread.join()
            self.process.wait()


def query(test, configuration):
    """What was told of each connection, by its client's address and port; each events_lost."""
    names = ",".join({*ONCE, "events_lost"})
    command = [test.netaudit, "query", "-c", str(configuration), "--format", "ecs"]
    command.append(f"event={names}")
    told, lost = collections.defaultdict(collections.Counter), []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        for event in map(json.loads, process.stdout):
            if event["netaudit"]["event"] == "events_lost":
                lost.append(event)
                continue
            for side in ("source", "destination"):
                ip = lookup(event, f"{side}.ip")
                if isinstance(ip, str) and ip.startswith("127.") and ip != "127.0.0.1":
                    told[(ip, str(event[side]["port"]))][event["netaudit"]["event"]] += 1
    if process.returncode:
        raise Failure(f"query: status {process.returncode}")
    return told, lost


def losses(events):
    """(reason, how many) of each events_lost; None: not known."""
    told = [event["netaudit"]["lost"] for event in events]
    return [(lost["reason"], lost.get("count")) for lost in told]


def check_once(made, found, kills=0, stops=0):
    """
    Never twice; and not at all only what a kill interrupted, which is told. Of the connections that
    were open when an agent ended (one of each of two loads) the next may not know enough to tell
    that the two sockets closed.
    """
    told, lost = found[0], losses(found[1])
    twice, missing, unclosed = [], [], 0
    for ip, port, _ in made:
        names = told[(ip, port)]
        if any(names[name] > ONCE.count(name) for name in ONCE):
            twice.append((ip, port, dict(names)))
        if any(names[name] < 1 for name in ("established", "accepted")):
            missing.append((ip, port, dict(names)))
        unclosed += max(0, 2 - names["closed"])
    interrupted = sum(count for reason, count in lost if reason == "tail_full")
    unsure = sum(count for reason, count in lost if reason == "interrupted")
    others = [loss for loss in lost if loss[0] not in ("interrupted", "tail_full")]
    if twice or others or len(missing) > interrupted + unsure:
        raise Failure(f"twice: {twice[:5]}\nmissing: {missing[:5]}\nlost: {lost}")
    if interrupted > kills or unsure > kills or unclosed > 4 * (kills + stops) + interrupted:
        raise Failure(f"{kills} kills, {unclosed} without a close, lost: {lost}")
    return f"{len(made)} connections, {unclosed} ends not seen, lost: {lost}"


def again(test, place, pins, turns):
    """
    An agent ends, under load, and starts again, for each of the turns: how, and the size of rings
    that the next one has. Each connection of the load is told once.
    """
    configuration = place.configuration(**SIZES, capture={"ring_size": turns[0][1]})
    seen, between = set(), 20 if test.options.brief else 200
    daemon, load, other = (
        Daemon(test, place, configuration, env=pins.env), Load(test), Load(test, APART)
    )
    with daemon, load, other:
        for how, size in turns:
            load.more(between)
            how(daemon)
            load.more(between)
            place.configuration(**SIZES, capture={"ring_size": size})
            daemon.start()
            (layout,) = pins.layouts()
            seen.add(layout.name)
        load.more(between)
        load.end()
        other.end()
        run_stimulus(test, "marker")
    if len(seen) < len({size for _, size in turns}):
        raise Failure(f"{len(seen)} layouts were seen")
    kills = sum(how is Daemon.kill for how, _ in turns)
    made, found = load.made + other.made, query(test, configuration)
    print("    ", check_once(made, found, kills, len(turns) - kills), flush=True)


def ended(test, *turns):
    with Place() as place, Pins(place) as pins:
        again(test, place, pins, turns)


def in_a_guest(test):
    """The most in the fewest starts."""
    with Place() as place, Pins(place) as pins:
        again(test, place, pins, [(Daemon.kill, SIZE), (Daemon.stop, SIZE), (Daemon.kill, OTHER)])
        links = len(pins.links())
        done = detach(test, pins)
        if done.returncode or f"{links} kernel programs" not in done.stdout:
            raise Failure(f"detach: {done.returncode}: {done.stdout}{done.stderr}")


def kernel_links():
    """Ids of all links of the host's kernel programs."""
    call = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
    attributes = (ctypes.c_uint32 * 32)()
    found = set()
    while libc.syscall(call, LINK_GET_NEXT_ID, attributes, ctypes.sizeof(attributes)) == 0:
        attributes[0] = attributes[1]
        found.add(attributes[0])
    if ctypes.get_errno() != errno.ENOENT:
        raise Skip(f"the kernel does not list its links: {os.strerror(ctypes.get_errno())}")
    return found


def await_links(wanted):
    """The kernel detaches a little later."""
    deadline = time.monotonic() + 30
    while kernel_links() != wanted:
        if time.monotonic() > deadline:
            raise Failure(f"{len(kernel_links() - wanted)} programs are still attached")
        os.sched_yield()


def detach(test, pins):
    return subprocess.run(
        [test.netaudit, "hooks", "--detach"],
        capture_output=True,
        text=True,
        env=dict(os.environ, **pins.env),
        timeout=60,
    )


def detached(test):
    """`hooks --detach` removes all that an agent left, and nothing while one runs."""
    before = kernel_links()
    with Place() as place, Pins(place) as pins:
        configuration = place.configuration()
        with Daemon(test, place, configuration, env=pins.env):
            links = len(pins.links())
            refused = detach(test, pins)
            if refused.returncode != os.EX_TEMPFAIL or len(pins.links()) != links:
                raise Failure(f"beside an agent: {refused.returncode}: {refused.stderr}")
        if len(pins.links()) != links or not links or len(kernel_links() - before) < links:
            raise Failure(f"{len(pins.links())} of {links} links stay after the end")
        done = detach(test, pins)
        if done.returncode or f"{links} kernel programs" not in done.stdout:
            raise Failure(f"{done.returncode}: {done.stdout}{done.stderr}")
        if (pins.path / "netaudit").exists():
            raise Failure(f"{pins.layouts()} is left")
        await_links(before)
        again = detach(test, pins)
        if again.returncode or "nothing" not in again.stdout:
            raise Failure(f"again: {again.returncode}: {again.stdout}{again.stderr}")
        print(f"     {done.stdout.strip()}")


def half_made(test):
    """An agent that died while it pinned: the next one takes the rest away and makes its own."""
    with Place() as place, Pins(place) as pins:
        configuration = place.configuration()
        daemon = Daemon(test, place, configuration, env=pins.env)
        daemon.start()
        daemon.kill()
        (layout,) = pins.layouts()
        (layout / "memory").unlink()
        with daemon:
            run_stimulus(test, "marker")
        if pins.layouts() != [layout] or not (layout / "memory").exists():
            raise Failure(f"{pins.layouts()} is there")
        check_gaps(query(test, configuration), None)


def unpinned(test):
    """Without a bpffs: an agent runs, says what that means, and the next one tells the gap."""
    with Place() as place:
        env = {"NETAUDIT_TEST_BPFFS": str(place.folder)}
        configuration = place.configuration()
        daemon = Daemon(test, place, configuration, env=env)
        daemon.start()
        daemon.await_log("no bpffs is mounted")
        run_stimulus(test, "marker")
        killed_at = time.time()
        daemon.kill()
        daemon.start()
        daemon.stop()
        stopped_at = time.time()
        run_stimulus(test, "marker")  # seen by nobody
        with daemon:
            pass
        check_gaps(query(test, configuration), killed_at, stopped_at)


def check_gaps(found, *ends):
    """One for each end, from before it to the next start; `None` is any moment."""
    gaps = found[1]
    if losses(gaps) != [("not_running", None)] * len(ends):
        raise Failure(f"lost: {losses(gaps)}")
    for gap, ended_at in zip(gaps, ends):
        start, end = (parse_date(gap["event"][name]) / 1e9 for name in ("start", "end"))
        if not 0 < end - start < 60 or (ended_at and not start < ended_at < end):
            raise Failure(f"from {start} to {end}, ended at {ended_at}")


def restart(test):
    if test.options.brief:
        test.step("kill -9, SIGTERM, another layout, hooks --detach", in_a_guest, test)
        return
    test.step("kill -9 and start", ended, test, *[(Daemon.kill, SIZE)] * TURNS)
    test.step("SIGTERM and start", ended, test, *[(Daemon.stop, SIZE)] * TURNS)
    others = [(Daemon.kill, OTHER), (Daemon.stop, SIZE)] * (TURNS // 2)
    test.step("another layout", ended, test, *others)
    test.step("hooks --detach", detached, test)
    test.step("half made pins", half_made, test)
    test.step("no bpffs", unpinned, test)


if __name__ == "__main__":
    run(restart, values=("brief",))
