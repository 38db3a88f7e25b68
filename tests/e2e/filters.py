#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
capture.exclude in the kernel: what is excluded makes no event, and no record either: the rings' own
recording shows that nothing came. --tier NAME,…: only that refusals are left out as well, by tiers whose
programs see the address of a call that another LSM refuses: their record comes (NA_FLAG_EXCLUDED), for
what is told of the same call later, and their event does not.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from lib.agent import Failure
from lib.cases import await_marker
from lib.harness import run
from lib.match import MISSING, lookup, parse_expectations
from lib.recording import read_recording

NOBODY = 65534
# Which process it is must be known whatever it does with sockets.
PROCESS_RECORDS = {"forked", "exec", "exited", "lost"}
# These know both ends of a connection: a rule that names an address holds for them.
WITH_PEER = {"connect", "accepted", "ended", "flow"}


class Excluded:
    """A copy of the stimulus that the rule is about; the marker is made by the original."""

    def __init__(self, folder, test):
        self.path = folder / "excluded"
        shutil.copy(test.stimulus, self.path)

    def run(self, case, cgroup=None):
        """Runs the case as nobody, in a cgroup when one is given."""
        if cgroup:
            command = [
                "sh",
                "-c",
                'echo $$ >"$0/cgroup.procs" && exec setpriv --reuid=65534 '
                '--regid=65534 --clear-groups "$1" "$2"',
                str(cgroup),
                str(self.path),
                case,
            ]
            done = subprocess.run(command, capture_output=True, text=True)
        else:
            done = subprocess.run(
                [str(self.path), case],
                capture_output=True,
                text=True,
                user=NOBODY,
                group=NOBODY,
                extra_groups=[],
            )
        if done.returncode:
            raise Failure(f"stimulus {case}: {done.stderr}")
        return parse_expectations(done.stdout)


def records_of(recording, own):
    """Records of the case's processes and ports, but for those that only describe the process."""
    found = []
    for record in read_recording(recording):
        ports = {record.get(name) for name in ("local_port", "remote_port", "port")}
        if record["record"] not in PROCESS_RECORDS and (
            record["pid"] in own["pid"] or ports & own["port"]
        ):
            found.append(record)
    return found


def names_address(event):
    return any(lookup(event, f"{side}.port") is not MISSING for side in ("source", "destination"))


def is_about_address(event):
    """A refusal is about the address of its call, also where it does not name it."""
    return names_address(event) or lookup(event, "netaudit.event") == "denied"


def excluded(test, folder, rule, cases, addresses=False, cgroup=None, more=()):
    recording = folder / "recording"
    stimulus = Excluded(folder, test)
    settings = [f'capture.exclude=["{rule}"]', *more]
    with test.agent("--record", str(recording), settings=settings) as agent:
        done = [stimulus.run(case, cgroup) for case in cases]
        await_marker(test, agent)
    problems = []
    for expectations in done:
        events = [
            event
            for event in agent.events
            if expectations.owns(event) and (not addresses or is_about_address(event))
        ]
        records = [
            record
            for record in records_of(recording, expectations.own)
            if not addresses or record["record"] in WITH_PEER
        ]
        problems += [f"event {lookup(event, 'netaudit.event')}: {event}" for event in events]
        problems += [
            f"record {record['record']} by {record['source']}: {record}" for record in records
        ]
    if problems:
        raise Failure(f"{rule}: excluded, and yet:\n" + "\n".join(problems[:10]))


def in_cgroup(test, folder):
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    root = next(Path(mount[1]) for mount in mounts if mount[2] == "cgroup2")
    cgroup = root / f"netaudit-e2e-filter-{os.getpid()}"
    cgroup.mkdir()
    try:
        excluded(
            test, folder, f"cgroup=/{cgroup.name}", ("connect_ok", "udp_unconnected"), cgroup=cgroup
        )
    finally:
        cgroup.rmdir()


def refusals(test, folder, tier):
    rule = f"address=127.0.0.0/8 uid={NOBODY}"
    excluded(
        test, folder, rule, ("landlock_denied",), True, more=(f"capture.attach={tier}",)
    )


def filters(test):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for tier in filter(None, test.options.tier.split(",")):
            test.step(f"refusals {tier}", refusals, test, folder, tier)
        if test.options.tier:
            return
        both = ("connect_ok", "udp_unconnected", "refused")
        test.step("uid", excluded, test, folder, f"uid={NOBODY}", both)
        test.step("exe", excluded, test, folder, f"exe={folder}/excluded", both)
        test.step(
            "family", excluded, test, folder, f"family=inet6 uid={NOBODY}", ("ipv6", "udp_ipv6")
        )
        test.step(
            "address",
            excluded,
            test,
            folder,
            f"address=127.0.0.0/8 uid={NOBODY}",
            (*both, "mapped"),
            True,
        )
        test.step("cgroup", in_cgroup, test, folder)


if __name__ == "__main__":
    run(filters, values=("tier",))
