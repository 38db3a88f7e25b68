#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
check.py GROUP|CASE…: runs stimuli beside an agent. Every expected event must come, none too many,
every field as expected, and every line of the agent must be valid (lib/stream.py).

With --expected FILE, --kernel and --tier, the rows of that file say what cannot be had there
(lib/expected.py).
"""

import contextlib
import json
import os
import re
import subprocess
from itertools import groupby

from lib.agent import Failure
from lib.cases import Bench, Early
from lib.expected import Expected
from lib.harness import Skip, run


def settings_for(families):
    """
    Rings that hold what others do on this host meanwhile: no case here is about losses. Nor about the
    hook that is an event by default and that a case calls, on some tiers and kernels.
    """
    return [
        f"capture.families=[{families}]",
        "capture.ring_size=32MiB",
        "capture.hooks.mptcp_add_subflow=off",
    ]


def list_cases(test):
    listed = subprocess.run([test.stimulus, "--list"], capture_output=True, text=True, check=True)
    cases = [json.loads(line) for line in listed.stdout.splitlines()]
    wanted = test.options.operands
    unknown = set(wanted) - {name for case in cases for name in (case["case"], case["group"])}
    if unknown:
        raise Failure(f"no such group or case: {' '.join(sorted(unknown))}")
    return [case for case in cases if not wanted or {case["case"], case["group"]} & set(wanted)]


def judge_skip(test, case, reason):
    """Nothing when the case ran."""
    if not reason:
        return
    problems = test.expected.judge_skip(case, reason)
    if problems:
        raise Failure("\n".join(problems))
    raise Skip(reason)


def serve(test, settings, cases):
    """One agent for all of them."""
    with contextlib.ExitStack() as stack:
        early = {
            case["case"]: stack.enter_context(Early(test, case["case"]))
            for case in cases
            if case["fresh"]
        }
        bench = Bench(test, stack.enter_context(test.agent(settings=settings)))
        later = [case["case"] for case in cases if not case["fresh"]]
        for name, one in early.items():
            test.step(name, lambda: judge_skip(test, name, one.run(bench)))
        for name in later:
            test.step(name, lambda: judge_skip(test, name, bench.run(name)))


def kernel_version():
    """Debian's releases of 5.10 and 6.1 do not tell which of them it is."""
    debian = re.search(r"Debian ([\d.]+)", os.uname().version)
    return debian[1] if debian else os.uname().release


def check(test):
    options = test.options
    print(f"on {kernel_version()}", flush=True)
    test.expected = Expected(options.expected, options.kernel, options.tier)
    os.environ["NETAUDIT_TIER"] = options.tier  # for what a stimulus may demand of one tier alone
    if "capture.seccomp=true" in options.set:
        os.environ["NETAUDIT_SECCOMP"] = "1"
    cases = sorted(list_cases(test), key=lambda case: case["families"])
    for families, group in groupby(cases, key=lambda case: case["families"]):
        serve(test, settings_for(families), list(group))


if __name__ == "__main__":
    run(check, operands="groups or cases; none: all", values=("expected", "kernel", "tier"))
