#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A figure that grew must fail: synthetic figures against a budget, without a kernel."""

import io
import tempfile
import unittest
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

import budget

HEAD = "# a comment"
ROWS = """\
6.12\tcgroup\tadded\t7000\t6000\treached
6.12\tcgroup\tagent_journal\t12000\t20000\tmissed
6.12\tcgroup\tstart\t-\t1000000\t-
6.12\tfexit\tgetppid_added\t0\t0\treached
6.12\tfexit\tadded\t5000\t-\t-
6.1\tcgroup\tadded\t7000\t1\treached
"""
GOOD = {
    ("cgroup", "added"): 6000.0,
    ("cgroup", "agent_journal"): 20000.0,
    ("cgroup", "start"): 1000000.0,
}


class Budget(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "budget.tsv"
        self.path.write_text(f"{HEAD}\n{ROWS}")

    def main(self, figures, *options, kernel="6.12"):
        """What it returns, an exit status or the text of a failure, and what it prints."""
        lines = "".join(f"{tier}\t{name}\t{value}\n" for (tier, name), value in figures.items())
        said = io.StringIO()
        with mock.patch("sys.stdin", io.StringIO(lines)), redirect_stdout(said):
            return budget.main([*options, str(self.path), kernel]), said.getvalue()

    def failure(self, **changes):
        changed = {("cgroup", name): value for name, value in changes.items()}
        return self.main({**GOOD, **changed})[0]

    def test_what_was_measured_passes(self):
        self.assertIsNone(self.main(GOOD)[0])

    def test_a_reached_goal_may_be_used_up_and_no_more(self):
        self.assertIsNone(self.failure(added=7000.0))
        self.assertIsNone(self.failure(added=7350.0))
        self.assertIn("cgroup added", self.failure(added=7352.0))

    def test_a_missed_goal_holds_what_was_measured(self):
        self.assertIsNone(self.failure(agent_journal=21000.0))
        self.assertIn("cgroup agent_journal", self.failure(agent_journal=21002.0))

    def test_without_a_goal_what_was_measured_holds(self):
        self.assertIsNone(self.failure(start=1050000.0))
        self.assertIn("cgroup start", self.failure(start=1050002.0))

    def test_every_growth_is_named(self):
        said = self.failure(added=9000.0, agent_journal=90000.0, start=9000000.0)
        self.assertEqual(len(said.splitlines()), 3)

    def test_a_figure_that_is_missing_fails(self):
        figures = dict(GOOD)
        del figures["cgroup", "start"]
        self.assertEqual(self.main(figures)[0], "cgroup start: not measured")

    def test_a_row_nobody_measured_fails(self):
        figures = {("fexit", "added"): 1.0, ("fexit", "getppid_added"): 0.3}
        self.assertIn("fexit added: 1, and no row says", self.main(figures)[0])

    def test_nothing_added_may_wander_by_rounding_only(self):
        figures = {("fexit", "added"): 1.0, ("fexit", "getppid_added"): 1.5}
        self.assertIn("fexit getppid_added", self.main(figures)[0])

    def test_no_figures_fail(self):
        self.assertEqual(self.main({})[0], "nothing was measured")

    def test_a_goal_reached_later_is_told(self):
        status, said = self.main({**GOOD, ("cgroup", "agent_journal"): 11999.0})
        self.assertIsNone(status)
        self.assertIn("cgroup agent_journal: 11,999 reaches the goal", said)

    def test_writing_keeps_all_but_what_was_measured(self):
        figures = {**GOOD, ("cgroup", "added"): 7000.6, ("cgroup", "agent_journal"): 12000.6}
        self.main(figures, "--write")
        written = self.path.read_text()
        self.assertEqual(
            written,
            f"{HEAD}\n{ROWS}".replace("6000\treached", "7001\tmissed")
            .replace("20000\tmissed", "12001\tmissed"),
        )

    def test_the_table_has_goal_and_figure(self):
        said = self.main({**GOOD, ("fexit", "added"): 4000.0})[1]
        self.assertIn("| instructions | cgroup | fexit |", said)
        self.assertIn("| added to a connection | 6,000 (goal 7,000) | 4,000 (goal 5,000) |", said)
        self.assertIn("| 20,000 (goal 12,000) | – |", said)

    def test_a_kernel_without_rows_is_only_shown(self):
        status, said = self.main(GOOD, kernel="5.10")
        self.assertIsNone(status)
        self.assertIn("no budget for 5.10", said)

    def test_the_budget_of_the_tree_is_whole(self):
        _, rows = budget.read_budget(Path(budget.__file__).with_name("budget.tsv"))
        self.assertTrue(rows)
        for row in rows:
            self.assertIn(row.figure, budget.WHAT)
            self.assertEqual(row, row.with_measured(row.measured))


if __name__ == "__main__":
    unittest.main()
