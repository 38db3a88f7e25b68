#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What netaudit says and with what status it ends when it cannot do what it was told."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from lib.agent import Failure
from lib.cases import run_stimulus
from lib.harness import Skip, run
from lib.match import lookup
from lib.recording import feeding_programs

NOBODY = 65534
SECONDS = 30
DISABLE = "NETAUDIT_TEST_DISABLE"
# Fed by descriptors or by requests of others, not by a connection of the self-test.
NOT_TESTED = {"iter/task_file"}


class StillRuns(Failure):
    """It should have ended."""


def ends(command, status, *words, **options):
    """The command ends so, prints no event, and says all of `words` (regular expressions)."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            **options,
        )
    except subprocess.TimeoutExpired:
        raise StillRuns(f"{' '.join(command)}: it runs, instead of {status}") from None
    if done.returncode != status:
        raise Failure(f"{' '.join(command)}: status {done.returncode}, not {status}: {done.stderr}")
    for word in words:
        if not re.search(word, done.stderr, re.I):
            raise Failure(f"{' '.join(command)}: does not say {word!r}: {done.stderr!r}")
    if len(done.stderr.splitlines()) > 24:  # the list of commands is the longest
        raise Failure(f"{' '.join(command)}: too many words: {done.stderr}")
    return done


def not_permitted(test, folder):
    folder.chmod(0o755)
    copy = folder / "netaudit"
    shutil.copy(test.netaudit, copy)
    ends(
        [str(copy), "run"],
        os.EX_NOPERM,
        "root|CAP_|permi",
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd="/",
    )


def bad_usage(test):
    ends([test.netaudit, "run", "--nonsense"], os.EX_USAGE, "--nonsense")
    ends([test.netaudit, "nonsense"], os.EX_USAGE, "nonsense")
    ends([test.netaudit, "run", "--record"], os.EX_USAGE, "--record")
    ends([test.netaudit], os.EX_USAGE)


def bad_configuration(test, folder):
    path = folder / "bad.yaml"
    for text, words in (
        ("capture:\n  attac: auto\n", ("attac", "attach")),
        ("capture:\n  rings: many\n", ("rings", "many")),
        ("capture:\n  rings: 99\n", ("rings", "16")),
        ("capture: [\n", ("bad.yaml",)),
    ):
        path.write_text(text)
        ends([test.netaudit, "run", "-c", str(path)], os.EX_CONFIG, "bad.yaml", *words)
    ends([test.netaudit, "run", "-c", str(folder / "none.yaml")], os.EX_CONFIG, "none.yaml")
    ends([test.netaudit, "run", "--set", "capture.rings=99"], os.EX_CONFIG, "capture.rings")


def unwritable(test, folder):
    ends(
        [test.netaudit, "run", "--record", str(folder / "no" / "file")],
        os.EX_CANTCREAT,
        "no/file",
        "No such file",
    )
    ends([test.netaudit, "run", "--record", str(folder)], os.EX_CANTCREAT, "directory")


def impossible_tier(test):
    """Where the tier works after all, it must really be the one that reports."""
    try:
        done = ends([test.netaudit, "run", "--set", "capture.attach=lsm"], os.EX_UNAVAILABLE, "lsm")
    except StillRuns:
        require_source(test, "lsm/")
        raise Skip("this kernel has BPF LSM: nothing is impossible here") from None
    if not re.search("lockdown|locked down|lsm=|not permitted|EPERM", done.stderr, re.I):
        raise Failure(f"the reason is not said: {done.stderr}")
    print(f"     {done.stderr.strip()}")


def require_source(test, tier):
    with test.agent(settings=["capture.attach=lsm"]) as agent:
        marker = run_stimulus(test, "marker")
        agent.await_event(
            lambda event: marker.owns(event) and event["netaudit"]["source"].startswith(tier),
            f"an event by a program of {tier}",
        )


def disabled(test, source):
    """One program does nothing: the self-test must see it, say it, and go on; --strict refuses."""
    ends(
        [test.netaudit, "run", "--strict"],
        os.EX_UNAVAILABLE,
        re.escape(source),
        env=dict(os.environ, **{DISABLE: source}),
    )
    with test.agent(env={DISABLE: source}, degraded=True) as agent:
        seen = run_stimulus(test, "marker")
        agent.await_event(seen.owns, f"any event without {source}")
    said = [event for event in agent.events if lookup(event, "netaudit.event") == "agent_degraded"]
    if not any(source in event.get("message", "") for event in said):
        raise Failure(
            f"no agent_degraded names {source}: {[event.get('message') for event in said]}"
        )
    if not any(source in message for message in agent.messages):
        raise Failure(f"the log does not name {source}: {agent.messages}")


def healthy(test):
    """With everything on, --strict starts, and SIGTERM and SIGINT end it well."""
    for number in (signal.SIGTERM, signal.SIGINT):
        with test.agent("--strict") as agent:
            agent.stop(number)
        names = [lookup(event, "netaudit.event") for event in agent.events]
        if names[-1] != "agent_stopping" or names.count("agent_started") != 1:
            raise Failure(f"the stream ends with {names[-3:]}")


def working_sources(test):
    """Of the programs that feed events, those that this kernel has."""
    done = subprocess.run([test.netaudit, "hooks", "--json"], capture_output=True, check=True)
    works = {p["source"] for p in json.loads(done.stdout)["programs"] if p["state"] == "works"}
    return [source for source in feeding_programs() if source in works]


def errors(test):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        test.step("not root", not_permitted, test, folder)
        test.step("bad usage", bad_usage, test)
        test.step("bad configuration", bad_configuration, test, folder)
        test.step("unwritable recording", unwritable, test, folder)
        test.step("impossible tier", impossible_tier, test)
        test.step("strict and healthy", healthy, test)
        for source in working_sources(test):
            if source not in NOT_TESTED:
                test.step(f"self-test without {source}", disabled, test, source)


if __name__ == "__main__":
    run(errors)
