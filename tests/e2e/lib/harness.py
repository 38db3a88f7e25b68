# SPDX-License-Identifier: Apache-2.0
"""How a test program begins and ends: arguments, root, steps, exit status (77: skipped)."""

import argparse
import functools
import os
import sys
import traceback
from pathlib import Path

from lib.agent import Agent, Broken, Failure
from lib.expected import Expected
from lib.schema import keep, schema_validator
from lib.stream import Invalid

SKIPPED = 77


class Skip(Exception):
    """The machine lacks what the test needs; the text names it."""


class Test:
    """The programs under test, and the count of what went wrong."""

    def __init__(self, options):
        self.options = options
        self.netaudit = options.netaudit
        self.stimulus = options.stimulus
        self.expected = Expected()
        self.failed = []
        self.passed = 0
        self.skipped = 0

    @functools.cached_property
    def validate(self):
        """Called with each event, unless it is None."""
        if self.options.keep:
            return keep(self.netaudit, Path(self.options.keep))
        return schema_validator(self.netaudit)

    def agent(self, *arguments, settings=(), **options):
        """An agent with `--set` of each setting, and those of the command line."""
        wanted = [*settings, *self.options.set]
        arguments = [word for setting in wanted for word in ("--set", setting)] + [*arguments]
        if "validate" not in options:
            options["validate"] = self.validate
        return Agent(self.netaudit, *arguments, **options)

    def step(self, name, function, *arguments):
        """Runs one part; the next one runs whatever came of it."""
        try:
            function(*arguments)
        except Skip as why:
            self.skipped += 1
            print(f"SKIP {name}: {why}", flush=True)
        except Broken as problem:
            self.fail(name, problem)
            raise
        except (Failure, Invalid, TimeoutError, OSError, KeyError, ValueError) as problem:
            self.fail(name, problem)
        else:
            self.ok(name)

    def ok(self, name):
        self.passed += 1
        print(f"ok   {name}", flush=True)

    def fail(self, name, problem):
        self.failed.append(name)
        text = str(problem) if isinstance(problem, (Failure, Invalid)) else traceback.format_exc()
        print(f"FAIL {name}\n  " + text.replace("\n", "\n  "), flush=True)

    def exit_status(self):
        print(
            f"{self.passed} passed, {len(self.failed)} failed, {self.skipped} skipped"
            + (": " + " ".join(self.failed) if self.failed else "")
        )
        if self.failed:
            return 1
        return SKIPPED if self.skipped and not self.passed else 0


def run(function, operands=None, root=True, extra=(), values=()):
    """
    Parses the arguments, runs function(test), and exits. `extra`: names of further programs,
    `values`: of options that may be left out.
    """
    parser = argparse.ArgumentParser()
    for name in ("netaudit", "stimulus", *extra):
        parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
    for name in values:
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--set", action="append", default=[], help="given to every agent")
    parser.add_argument("--keep", help="a folder for events, whose schema kept.py looks at then")
    if operands:
        parser.add_argument("operands", nargs="*", help=operands)
    options = parser.parse_args()
    if root and os.geteuid() != 0:
        print("skipped: needs root")
        sys.exit(SKIPPED)
    test = Test(options)
    try:
        function(test)
    except Skip as why:
        print(f"skipped: {why}")
        sys.exit(SKIPPED)
    except Broken as problem:
        test.fail("the agent", problem)
    except (Failure, Invalid) as problem:
        test.fail("setup", problem)
    sys.exit(test.exit_status())
