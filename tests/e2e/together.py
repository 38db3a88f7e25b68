#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
together.py CASE…: several of each stimulus at the same time, on few CPUs, so that kernel programs are
preempted by others of their kind where the kernel preempts them. Nothing may be skipped for good.
"""

import subprocess

from lib.agent import Failure
from lib.cases import CASE_SECONDS, await_losses, await_marker
from lib.harness import run
from lib.match import compare, parse_expectations

SEVERAL = 4
ROUNDS = 10
SETTINGS = ["capture.ring_size=32MiB", "capture.families=[inet,inet6,unix,netlink]"]


def run_together(test, case):
    """What each of them expects."""
    processes = [
        subprocess.Popen([test.stimulus, case], stdout=subprocess.PIPE, text=True)
        for _ in range(SEVERAL)
    ]
    outputs = [process.communicate(timeout=CASE_SECONDS)[0] for process in processes]
    if any(process.returncode for process in processes):
        raise Failure(f"stimulus {case}: {[process.returncode for process in processes]}")
    return [parse_expectations(output) for output in outputs]


def check_case(test, agent, case):
    first = len(agent.events)
    expected = [one for _ in range(ROUNDS) for one in run_together(test, case)]
    await_marker(test, agent)
    problems = [problem for one in expected for problem in compare(one, agent.events[first:])]
    await_losses(agent)
    if problems or agent.lost(first):
        raise Failure("\n".join([f"lost: {agent.lost(first)}", *problems[:10]]))


def together(test):
    with test.agent(settings=SETTINGS) as agent:
        for case in test.options.operands:
            test.step(case, check_case, test, agent, case)


if __name__ == "__main__":
    run(together, operands="cases")
