#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
check.py GROUP|CASE…: runs stimuli beside an agent. Every expected event must come, none too many,
every field as expected, and every line of the agent must be valid (lib/stream.py).
"""

import json
import subprocess
from itertools import groupby

from lib.agent import Failure
from lib.cases import Bench, run_fresh
from lib.harness import Skip, run


def settings_for(families):
    """Rings that hold what others do on this host meanwhile: no case here is about losses."""
    return [f"capture.families=[{families}]", "capture.ring_size=32MiB"]


def list_cases(test):
    listed = subprocess.run([test.stimulus, "--list"], capture_output=True, text=True, check=True)
    cases = [json.loads(line) for line in listed.stdout.splitlines()]
    wanted = test.options.operands
    unknown = set(wanted) - {name for case in cases for name in (case["case"], case["group"])}
    if unknown:
        raise Failure(f"no such group or case: {' '.join(sorted(unknown))}")
    return [case for case in cases if not wanted or {case["case"], case["group"]} & set(wanted)]


def skip_for(reason):
    if reason:
        raise Skip(reason)


def serve(test, settings, cases):
    """One agent for all of them."""
    with test.agent(settings=settings) as agent:
        bench = Bench(test, agent)
        for case in cases:
            test.step(case["case"], lambda: skip_for(bench.run(case["case"])))


def check(test):
    cases = list_cases(test)
    for case in (case for case in cases if case["fresh"]):
        settings = settings_for(case["families"])
        test.step(case["case"], lambda: skip_for(run_fresh(test, case["case"], settings)))
    settled = sorted(
        (case for case in cases if not case["fresh"]), key=lambda case: case["families"]
    )
    for families, group in groupby(settled, key=lambda case: case["families"]):
        serve(test, settings_for(families), list(group))


if __name__ == "__main__":
    run(check, operands="groups or cases; none: all")
