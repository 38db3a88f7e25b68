#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Agents that end, and others that go on, under a load of connections: each connection has its events
once, however the agent ended, or what is missing is told with its times.
"""

import collections
import ctypes
import errno
import functools
import json
import mmap
import os
import struct
import signal
import subprocess
import threading
import time
from pathlib import Path

from lib.agent import Failure
from lib.cases import run_stimulus
from lib.daemon import Daemon, Place
from lib.harness import Skip, run
from lib.manager import Managed, Manager
from lib.match import lookup
from lib.stream import parse_date

TURNS = 4
APART = 1_000_000  # numbers of one load and the next
SIZE, OTHER = "32MiB", "16MiB"  # of rings: a start takes seconds where others use the machine
SIZES = {"journal": {"tail_size": "32MiB"}}
KPROBE = {"attach": "kprobe"}
TOO_LOW = "FileDescriptorStoreMax= of the unit is too low"
OBJ_GET, PROG_GET_NEXT_ID, LINK_GET_NEXT_ID = 7, 11, 31
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
        self.made, self.times = [], []  # times: when it was over, as this clock says

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.thread = threading.Thread(target=self.read)
        self.thread.start()
        return self

    def read(self):
        for line in self.process.stdout:
            self.times.append(time.time())
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


def again(test, place, pins, turns, agent=Daemon, **capture):
    """
    An agent ends, under load, and starts again, for each of the turns: how, and the size of rings
    that the next one has. Each connection of the load is told once.
    """
    configuration = place.configuration(**SIZES, capture={"ring_size": turns[0][1], **capture})
    seen, between = set(), 20 if test.options.brief else 200
    daemon, load, other = (
        agent(test, place, configuration, env=pins.env), Load(test), Load(test, APART)
    )
    with daemon, load, other:
        for how, size in turns:
            load.more(between)
            how(daemon)
            load.more(between)
            place.configuration(**SIZES, capture={"ring_size": size, **capture})
            daemon.start()
            (layout,) = pins.layouts()
            seen.add(layout.name)
        load.more(between)
        load.end()
        other.end()
        run_stimulus(test, "marker")
    if "ran in front of its program" in daemon.log():
        raise Failure(f"what was gone on with was not as it had been left\n{daemon.log()}")
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


def bpf(command, attributes):
    call = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
    return libc.syscall(call, command, attributes, ctypes.sizeof(attributes))


def kernel_ids(command):
    """Of all that the kernel has."""
    attributes = (ctypes.c_uint32 * 32)()
    found = set()
    while bpf(command, attributes) == 0:
        attributes[0] = attributes[1]
        found.add(attributes[0])
    if ctypes.get_errno() != errno.ENOENT:
        raise Skip(f"the kernel does not list them: {os.strerror(ctypes.get_errno())}")
    return found


def kernel_links():
    return kernel_ids(LINK_GET_NEXT_ID)


def kernel_programs():
    return kernel_ids(PROG_GET_NEXT_ID)


def await_new(listed, before, count):
    """The kernel detaches a little later."""
    deadline = time.monotonic() + 30
    while (left := len(listed() - before)) != count:
        if time.monotonic() > deadline:
            raise Failure(f"{left} programs are still attached, not {count}")
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
        await_new(kernel_links, before, 0)
        again = detach(test, pins)
        if again.returncode or "nothing" not in again.stdout:
            raise Failure(f"again: {again.returncode}: {again.stdout}{again.stderr}")
        print(f"     {done.stdout.strip()}")


def make_foreign(pins):
    """Of what is pinned, what an agent of another version leaves: its number is first in the memory."""
    (layout,) = pins.layouts()
    path = ctypes.create_string_buffer(bytes(layout / "memory"))
    attributes = (ctypes.c_uint64 * 16)(ctypes.addressof(path))
    fd = bpf(OBJ_GET, attributes)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "BPF_OBJ_GET")
    with mmap.mmap(fd, mmap.PAGESIZE) as memory:
        (version,) = struct.unpack_from("<Q", memory)
        struct.pack_into("<Q", memory, 0, version ^ 1)
    os.close(fd)
    return layout.rename(layout.with_name("0123456789abcdef"))


def another_version(test, how):
    """
    What another version of the agent left cannot be read: it is detached when this one is attached. No
    connection comes twice, and what does not come lies in the time that is told.
    """
    with Place() as place, Pins(place) as pins:
        configuration = place.configuration(**SIZES, capture={"ring_size": SIZE})
        with Daemon(test, place, configuration, env=pins.env) as daemon, Load(test) as load:
            load.more(500)
            how(daemon)
            links, foreign = len(pins.links()), make_foreign(pins)
            load.more(500)
            daemon.start()
            daemon.await_log("that cannot be gone on with: they were detached")
            load.more(500)
            load.end()
            run_stimulus(test, "marker")
            if foreign in pins.layouts() or len(pins.links()) != links:
                raise Failure(f"{pins.layouts()}, {len(pins.links())} links, {links} before")
        check_missing(load, query(test, configuration))


def with_gap(test, place, pins, agent, says, meanwhile):
    """
    What cannot be pinned and nobody holds: the time in which it was not attached is told. No connection
    comes twice, and what does not come lies in that time.
    """
    configuration = place.configuration(**SIZES, capture={"ring_size": OTHER, **KPROBE})
    with agent(test, place, configuration, env=pins.env) as daemon, Load(test) as load:
        daemon.await_log(says)
        load.more(50)
        daemon.kill()
        meanwhile(daemon)
        load.more(20)
        daemon.start()
        load.more(50)
        load.end()
        run_stimulus(test, "marker")
    check_missing(load, query(test, configuration))
    return daemon


def no_links(test):
    """
    Kprobes before 5.15 cannot be pinned: without a service manager, and with one that has no room for all of
    them, nothing is, and the agent says so.
    """
    with Place() as place, Pins(place) as pins, Manager(place, room=10) as manager:

        def go_on(daemon):
            if pins.layouts():
                raise Failure(f"{pins.layouts()}")
            daemon.env["NOTIFY_SOCKET"] = manager.path

        daemon = with_gap(test, place, pins, Daemon, "there is no service manager", go_on)
        if manager.store or pins.layouts() or TOO_LOW not in daemon.log():
            raise Failure(f"{manager.names()}, {pins.layouts()}\n{daemon.log()}")


def held(test):
    """
    A service manager holds the kprobes: there is no gap, but where it has stopped the service and forgot
    them. `hooks --detach` says that they stay.
    """
    before = kernel_programs()
    with Place() as place, Place() as other, Pins(place) as pins, Manager(place) as manager:
        agent = functools.partial(Managed, manager=manager)
        turns = [(Daemon.kill, SIZE), (Daemon.stop, SIZE), (Daemon.kill, OTHER)]
        again(test, place, pins, turns, agent, **KPROBE)
        with_gap(
            test, other, pins, agent, "the kernel programs in ", lambda _: manager.forget()
        )
        (layout,) = pins.layouts()
        names = [name for name in manager.names() if name.startswith(f"netaudit.{layout.name}.k")]
        if not names or names != manager.names() or len(set(names)) != len(names):
            raise Failure(f"held: {manager.names()}")
        done = detach(test, pins)
        if done.returncode != os.EX_TEMPFAIL or f"{len(names)} kprobes stay" not in done.stderr:
            raise Failure(f"detach: {done.returncode}: {done.stdout}{done.stderr}")
        await_new(kernel_programs, before, len(names))
        manager.forget()
        await_new(kernel_programs, before, 0)
        print(f"     {done.stdout.strip()}, {len(names)} kprobes held")


def check_missing(load, found):
    """None twice; those that are not whole were made in the one time of which nothing is known."""
    ((start, end),) = check_gaps(found, None)
    whole, early, late = 0, [], []
    for (ip, port, _), over in zip(load.made, load.times):
        names = found[0][(ip, port)]
        if any(names[name] > ONCE.count(name) for name in ONCE):
            raise Failure(f"twice: {ip} {port} {dict(names)}")
        if all(names[name] == ONCE.count(name) for name in ONCE):
            whole += 1
        elif over < start:
            early.append((ip, port, start - over, dict(names)))
        elif over > end + 1:
            late.append((ip, port, over - end, dict(names)))
    if early or late or whole in (0, len(load.made)):
        raise Failure(f"{whole} of {len(load.made)}\nearly: {early[:5]}\nlate: {late[:5]}")
    print(f"     {whole} of {len(load.made)} connections, {end - start:.1f} s not known", flush=True)


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
    """One for each end, from before it to the next start; `None` is any moment. [(start, end)]"""
    gaps = [one for one in found[1] if losses([one]) != [("tail_full", 1)]]  # a kill interrupted it
    if losses(gaps) != [("not_running", None)] * len(ends):
        raise Failure(f"lost: {losses(gaps)}")
    times = [[parse_date(gap["event"][name]) / 1e9 for name in ("start", "end")] for gap in gaps]
    for (start, end), ended_at in zip(times, ends):
        if not 0 < end - start < 60 or (ended_at and not start < ended_at < end):
            raise Failure(f"from {start} to {end}, ended at {ended_at}")
    return times


def restart_kprobes(test):
    with open("/proc/sys/kernel/osrelease") as release:
        if tuple(map(int, release.read().split("-")[0].split(".")[:2])) >= (5, 15):
            raise Skip("this kernel's kprobes can be pinned")
    test.step("kill -9, kprobes that nobody holds", no_links, test)
    test.step("kill -9, SIGTERM, another layout, kprobes held by a service manager", held, test)


def restart(test):
    if test.options.tier:
        restart_kprobes(test)
        return
    if test.options.brief:
        test.step("kill -9, SIGTERM, another layout, hooks --detach", in_a_guest, test)
        return
    test.step("kill -9 and start", ended, test, *[(Daemon.kill, SIZE)] * TURNS)
    test.step("SIGTERM and start", ended, test, *[(Daemon.stop, SIZE)] * TURNS)
    others = [(Daemon.kill, OTHER), (Daemon.stop, SIZE)] * (TURNS // 2)
    test.step("another layout", ended, test, *others)
    for how in (Daemon.kill, Daemon.stop):
        test.step(f"another version, {how.__name__}", another_version, test, how)
    test.step("hooks --detach", detached, test)
    test.step("half made pins", half_made, test)
    test.step("no bpffs", unpinned, test)


if __name__ == "__main__":
    run(restart, values=("brief", "tier"))
