#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
attribution.py [TIER…]: no event carries a process that did not own its socket, though the kernel
changes states over another: over the peer, and over a process that has no socket at all. The
kernel's own trace proves that it did. Every agent must also end soon after SIGTERM.
"""

import time

from lib.agent import Failure
from lib.harness import run
from lib.owners import judge, observed_changes, run_pinned, strangers_at

COUNT = 100
STOP_SECONDS = 30
SETTINGS = ["capture.ring_size=32MiB", "capture.snapshot=false"]


def check_softirqs(test, agent, softirqs):
    first = len(agent.events)
    with observed_changes() as changes:
        traffic = run_pinned(test.options.pinned, COUNT, softirqs)
    over = strangers_at(changes, traffic)[softirqs]
    if over < COUNT:
        raise Failure(f"only {over} of {len(changes)} changes happened over a {softirqs}: no proof")
    judge(test, agent, first, traffic)
    print(f"     {over} of {len(changes)} changes of state happened over a {softirqs}")


def stop(agent):
    before = time.monotonic()
    agent.stop()
    seconds = time.monotonic() - before
    print(f"     stopped in {seconds:.1f} s")
    if seconds > STOP_SECONDS:
        raise Failure(f"the agent took {seconds:.1f} s to stop")


def check_tier(test, tier):
    settings = SETTINGS + ([f"capture.attach={tier}"] if tier else [])
    agent = test.agent(settings=settings)
    with agent:
        for softirqs in ("peer", "stranger"):
            test.step(f"{tier} softirqs over a {softirqs}", check_softirqs, test, agent, softirqs)
        test.step(f"{tier} stop", stop, agent)


def attribution(test):
    for tier in test.options.operands or [""]:
        check_tier(test, tier)


if __name__ == "__main__":
    run(attribution, extra=("pinned",), operands="tiers; none: the one that comes first")
