#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Journal and shipping process under a real agent: whoever dies, whatever the disk does, each event is
delivered, or its loss is in the stream.
"""

import json
import os
import random
import select
import shutil
import signal
import subprocess
import time

from lib.agent import Failure
from lib.cases import run_stimulus
from lib.daemon import Daemon, Place, check_numbers
from lib.harness import Skip, run
from lib.match import compare, lookup

SHIP_KILLS = 200
AGENT_KILLS = 5
DEFAULT_TAIL = "128MiB"
HEADROOM = 2  # rates here differ so much from one second to the next
SEED = int(os.environ.get("NETAUDIT_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
# So that the 200th shipping process comes as soon as the second.
IMPATIENT = {"NETAUDIT_TEST_RESTART_MS": "1"}


def query(test, configuration, *arguments):
    """The events that `netaudit query` prints."""
    done = subprocess.run(
        [test.netaudit, "query", "-c", str(configuration), "--format", "ecs", *arguments],
        capture_output=True,
        timeout=120,
    )
    if done.returncode:
        raise Failure(f"query: status {done.returncode}: {done.stderr.decode()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def verify(test, place):
    done = subprocess.run(
        [test.netaudit, "journal", "verify", str(place.journal)], capture_output=True, text=True
    )
    if done.returncode:
        raise Failure(f"journal verify: {done.returncode}: {done.stdout}{done.stderr}")


class Load:
    """Connections until the end of the context: a steady stream, or all that the machine can."""

    def __init__(self, test, most=False):
        self.program = test.options.operations
        self.loop = 'while "$0" 500; do :; done' if most else 'while "$0" 10; do sleep 0.02; done'

    def __enter__(self):
        self.process = subprocess.Popen(["sh", "-c", self.loop, self.program], start_new_session=True)
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def check_delivered(test, place, configuration):
    """What the journal holds is what the file output got, each event with the same body."""
    journal = {event["event"]["id"]: event for event in query(test, configuration)}
    file = {}
    for event in place.all_lines():
        identity = event["event"]["id"]
        if file.setdefault(identity, event) != event:
            raise Failure(f"{identity} was delivered with two bodies")
    missing = journal.keys() - file.keys()
    if missing:
        raise Failure(f"{len(missing)} of {len(journal)} were not delivered: {sorted(missing)[:5]}")
    different = [identity for identity in journal if file[identity] != journal[identity]]
    if different:
        raise Failure(f"{len(different)} bodies differ: {different[:5]}")
    check_numbers(list(file.values()))
    verify(test, place)
    return len(journal)


def lost(events, reason=None):
    """How many are told lost, or of them those that the journal lost so."""
    return sum(
        event["netaudit"]["lost"].get("count", 0)  # not_running: how many is not known
        for event in events
        if lookup(event, "netaudit.event") == "events_lost"
        and reason in (None, event["netaudit"]["lost"]["reason"])
    )


def no_loss(events):
    if lost(events):
        raise Failure(f"{lost(events)} events were lost")


def delivered(test):
    """Events go through journal, process and file as a stimulus expects them."""
    with Place() as place:
        configuration = place.configuration([place.file_output(sync="none")])
        with Daemon(test, place, configuration):
            expectations = run_stimulus(test, "connect_ok")
        events = place.all_lines()
        problems = compare(expectations, events)
        if problems:
            raise Failure("\n".join(problems))
        for event in events:
            test.validate and test.validate(event)
        check_delivered(test, place, configuration)


def unprivileged(test):
    with Place() as place:
        configuration = place.configuration([place.file_output()])
        with Daemon(test, place, configuration) as daemon:
            with open(f"/proc/{daemon.shipper()}/status") as status:
                facts = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
        wanted = {"NoNewPrivs": "1", "Seccomp": "2"}
        wanted.update((f"Cap{name}", "0" * 16) for name in ("Inh", "Prm", "Eff", "Bnd", "Amb"))
        for name, value in wanted.items():
            if facts[name] != value:
                raise Failure(f"{name} of the shipping process is {facts[name]}, not {value}")
        if facts["Uid"].split()[0] == "0":
            raise Failure("the shipping process is root")


def agent_killed(test):
    """kill -9 of the agent at any moment: what was appended is delivered, numbers go on."""
    chance = random.Random(SEED)
    with Place() as place, Load(test):
        configuration = place.configuration([place.file_output(sync="none")])
        daemon = Daemon(test, place, configuration)
        for _ in range(AGENT_KILLS):
            daemon.start()
            before = daemon.status()["events"]["events"]
            after = before + chance.randrange(1, 5_000)
            daemon.await_status(lambda s: s["events"]["events"] >= after, f"event {after}")
            daemon.kill()
        with daemon:
            daemon.await_deliveries(1)  # not even a shipping process is promised at once
        events = query(test, configuration)
        # A number whose append the kill interrupted is told, and is nobody's event.
        if lost(events) > AGENT_KILLS:
            raise Failure(f"{lost(events)} events were lost by {AGENT_KILLS} kills")
        starts = sum(lookup(event, "netaudit.event") == "agent_started" for event in events)
        if starts != AGENT_KILLS + 1:
            raise Failure(f"{starts} agent_started of {AGENT_KILLS + 1}")
        count = check_delivered(test, place, configuration)
        print(f"     {count} events over {AGENT_KILLS} kills, seed {SEED}")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def next_shipper(daemon, before):
    """The shipping process that came after `before`: the helper's child."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for helper in children(daemon.process.pid):
            for pid in children(helper):
                if pid != before:
                    return pid
        os.sched_yield()
    raise Failure(f"no shipping process after {before}\n{daemon.log()}")


def ship_killed(test):
    """kill -9 of the shipping process, again and again: capture does not notice, nothing is lost."""
    chance = random.Random(SEED)
    with Place() as place, Load(test):
        configuration = place.configuration([place.file_output(sync="none")])
        with Daemon(test, place, configuration, env=IMPATIENT) as daemon:
            pid = 0
            for _ in range(SHIP_KILLS):
                pid = next_shipper(daemon, pid)
                # Some die while they start, some at work.
                select.select([], [], [], chance.random() / 10)
                os.kill(pid, signal.SIGKILL)
            daemon.await_deliveries(1)
        events = query(test, configuration)
        no_loss(events)
        count = check_delivered(test, place, configuration)
        print(f"     {count} events over {SHIP_KILLS} kills, seed {SEED}")


def second_agent(test):
    with Place() as place:
        configuration = place.configuration([place.file_output()])
        with Daemon(test, place, configuration):
            done = subprocess.run(
                [test.netaudit, "run", "-c", str(configuration)],
                capture_output=True,
                text=True,
                timeout=30,
            )
        if done.returncode != os.EX_TEMPFAIL or "another netaudit" not in done.stderr:
            raise Failure(f"the second one: {done.returncode}: {done.stderr}")


def reloaded(test):
    """SIGHUP: a mistake changes nothing, labels and outputs change without a lost event."""
    with Place() as place, Load(test):
        configuration = place.configuration([place.file_output(sync="none")])
        with Daemon(test, place, configuration) as daemon:
            good = configuration.read_text()
            configuration.write_text(good.replace("tail_size", "tail_sise"))
            daemon.send(signal.SIGHUP)
            daemon.await_log("refused, the configuration in effect stays")
            second = dict(place.file_output(sync="none"), name="second")
            second["path"] = str(place.out / "second.json")
            place.configuration(
                [place.file_output(sync="none"), second], labels={"site": "fra1"}
            )
            daemon.send(signal.SIGHUP)
            daemon.await_log("reload: done")
            run_stimulus(test, "marker")
            daemon.await_deliveries(2)
        events = query(test, configuration)
        no_loss(events)
        labelled = [event for event in events if lookup(event, "labels.site") == "fra1"]
        if not labelled or labelled[0]["event"]["sequence"] < 2 or labelled[-1] != events[-1]:
            raise Failure("the label is not on the events after the reload, and on these only")
        check_delivered(test, place, configuration)
        check_numbers(place.lines("second.json"))


def live_follows(test):
    """`live` beside a running agent shows its events, with their numbers in its journal."""
    with Place() as place:
        configuration = place.configuration([place.file_output(sync="none")])
        with Daemon(test, place, configuration):
            with place.follow(test, configuration) as live:
                while live.lines.empty():  # it begins with what comes after its start
                    run_stimulus(test, "marker")
                seen = live.next_event(time.monotonic() + 20)
        if seen not in query(test, configuration):
            raise Failure("live shows another event than the journal holds")


def remove(folder):
    """As rm -r does it: what is made meanwhile is removed too."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


def journal_removed(test):
    """rm -r of the journal under a running agent: it goes on, and says what is gone."""
    with Place() as place:
        configuration = place.configuration([place.file_output(sync="none")])
        with Daemon(test, place, configuration) as daemon:
            run_stimulus(test, "marker")
            remove(place.journal)
            run_stimulus(test, "marker")
            daemon.await_status(
                lambda s: place.journal.exists() and "last_error" not in s["journal"],
                "a journal made anew",
            )
            last = run_stimulus(test, "marker")
        problems = [problem for problem in compare(last, place.all_lines()) if "missing" in problem]
        if problems:
            raise Failure("\n".join(problems))
        check_numbers(place.all_lines())
        verify(test, place)


class Mounted:
    """A file system in memory."""

    def __init__(self, path, size):
        self.path, self.size = path, size

    def __enter__(self):
        self.path.mkdir()
        self.mount("-t", "tmpfs", "-o", f"size={self.size}", "netaudit", str(self.path))
        return self

    def mount(self, *words):
        if subprocess.run(["mount", *words], capture_output=True).returncode:
            raise Skip("mount is not permitted")

    def __exit__(self, *error):
        subprocess.run(["umount", "-l", str(self.path)], check=True)


def inventory(test, place):
    """(events in the journal, numbers between its first and its last, both included)."""
    done = subprocess.run(
        [test.netaudit, "journal", "inspect", "--json", str(place.journal)],
        capture_output=True,
        check=True,
    )
    segments = [one for one in json.loads(done.stdout)["segments"] if one["events"]]
    first, last = segments[0]["first_sequence"], segments[-1]["last_sequence"]
    return sum(one["events"] for one in segments), last - first + 1


def stalled(test, tail_size, seconds):
    """The events made while the disk stands still, those told lost, and the numbers missing."""
    with Place() as place, Mounted(place.folder / "run", "80%"), Load(test, most=True) as load:
        stall = place.folder / "stall"
        tail = {"tail": str(place.folder / "run" / "tail"), "tail_size": tail_size}
        configuration = place.configuration([], journal=tail)
        env = {"LD_PRELOAD": test.options.stall, "NETAUDIT_TEST_STALL": str(stall)}
        with Daemon(test, place, configuration, env=env) as daemon:
            before = daemon.status()["events"]["events"]
            stall.touch()
            stalled_at = time.monotonic()
            status = daemon.await_status(
                lambda s: time.monotonic() - stalled_at >= seconds, "the end of the stall"
            )
            made = status["events"]["events"] - before
            stall.unlink()
            load.__exit__()
            daemon.await_status(lambda s: s["journal"]["tail_used"] == 0, "an empty tail")
        # At this rate the rings may overflow on a machine that others use: that is not the disk's.
        told = lost(query(test, configuration, "event=events_lost"), "tail_full")
        verify(test, place)
        events, numbers = inventory(test, place)
        return made, told, numbers - events


def stalled_without_loss(test, tail_size, seconds):
    made, told, missing = stalled(test, tail_size, seconds)
    if told or missing or made < 10_000:
        raise Failure(f"{made} events while the disk stood still, {told} told, {missing} missing")
    print(f"     {made} events while the disk stood still for {seconds} s, none lost")


def stalled_briefly(test):
    """5 s at the most that the machine does: the default tail holds it all."""
    stalled_without_loss(test, DEFAULT_TAIL, 5)


def stalled_as_sized(test):
    """30 s of it: the formula of conf.d/00-default.yaml, seconds x events a second x 112 bytes."""
    made, _, _ = stalled(test, DEFAULT_TAIL, 2)
    size = int(30 * made / 2 * 112 * HEADROOM)
    stalled_without_loss(test, f"{size >> 20}MiB", 30)


def stalled_for_long(test):
    """A tail that is too small: what is lost is told, to the event."""
    made, told, missing = stalled(test, "1MiB", 3)
    if not told or told != missing:
        raise Failure(f"of {made} events {missing} are missing, {told} were told")
    print(f"     {made} events while the disk stood still for 3 s, {missing} lost, {told} told")


def full_disk(test):
    """A file system smaller than max_size: the oldest goes, the newest stays, capture goes on."""
    with Place() as place, Mounted(place.journal, "48m"), Load(test, most=True) as load:
        configuration = place.configuration([], journal={"min_free": "10%"})
        with Daemon(test, place, configuration) as daemon:
            daemon.await_status(
                lambda s: s["journal"]["first_sequence"] > 1, "the oldest segment's end", 120
            )
            load.__exit__()
            last = run_stimulus(test, "marker")
        events = query(test, configuration, f"exe={os.path.realpath(test.stimulus)}")
        problems = compare(last, events)
        if problems:
            raise Failure("\n".join(problems))
        no_loss(query(test, configuration, "event=events_lost"))
        verify(test, place)


def journal(test):
    test.step("delivered as it happened", delivered, test)
    test.step("the shipping process has no rights", unprivileged, test)
    test.step(f"kill -9 of the agent, {AGENT_KILLS} times", agent_killed, test)
    test.step(f"kill -9 of the shipping process, {SHIP_KILLS} times", ship_killed, test)
    test.step("a second agent", second_agent, test)
    test.step("reload", reloaded, test)
    test.step("live beside an agent", live_follows, test)
    test.step("the journal is removed", journal_removed, test)
    test.step("the disk stands still for 5 s", stalled_briefly, test)
    test.step("the disk stands still for 30 s", stalled_as_sized, test)
    test.step("the disk stands still for too long", stalled_for_long, test)
    test.step("the disk is full", full_disk, test)


if __name__ == "__main__":
    run(journal, extra=("operations", "stall"))
