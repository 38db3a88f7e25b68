#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints figures of `guest` (tier, figure, value a line, from stdin) as a table, and holds them against a budget.

Usage: budget.py [--write] BUDGET KERNEL

Fails when a figure is more than 5 % over what it may be: the goal where that was reached, else what was
measured when the row was written; and when a row of a tier that was measured got no figure. --write
puts what was measured into the kernel's rows, after somebody looked at it.
"""

import sys
from pathlib import Path
from typing import NamedTuple, Optional

GROWTH = 1.05
ROUNDING = 1
WHAT = {
    "base": "a connection without an agent",
    "added": "added to a connection",
    "added_shared": "the same, the agent may interrupt",
    "added_hollow": "the same, by programs that do nothing",
    "added_per_event": "added, per event",
    "agent_journal": "agent, ring to journal, per connection",
    "agent_journal_per_event": "the same, per event",
    "agent_json": "agent, ring to ECS JSON in a file, per connection",
    "events": "events per connection",
    "exec_journal": "agent, ring to journal, per process that execs, connects, exits",
    "exec_json": "the same to ECS JSON in a file",
    "getppid_added": "added to getppid(2)",
    "open_added": "added to open(2) and close(2)",
    "start": "agent, from its start until it is quiet: load, attach, self-test",
    "programs": "kernel programs",
    "verified": "instructions that the verifier looked at",
    "verified_most": "of these, dearest program",
    "stop_ms": "stop, ms of the guest",
}


class Row(NamedTuple):
    kernel: str
    tier: str
    figure: str
    goal: Optional[int]
    measured: Optional[int]
    state: str  # reached, missed; -: no goal

    @property
    def allowed(self):
        """None while nobody has measured it."""
        limit = self.goal if self.state == "reached" else self.measured
        return None if limit is None else limit * GROWTH + ROUNDING

    def with_measured(self, value):
        value = round(value)
        state = "-" if self.goal is None else "reached" if value <= self.goal else "missed"
        return self._replace(measured=value, state=state)

    def line(self):
        return "\t".join("-" if cell is None else str(cell) for cell in self)


def number(text):
    return None if text == "-" else int(text)


def read_budget(path):
    """The lines before the rows, and the rows."""
    lines = Path(path).read_text().splitlines()
    head = [line for line in lines if line.startswith("#")]
    rows = []
    for line in lines[len(head) :]:
        kernel, tier, figure, goal, measured, state = line.split("\t")
        rows.append(Row(kernel, tier, figure, number(goal), number(measured), state))
    return head, rows


def read_figures(lines):
    figures = {}
    for line in lines:
        tier, figure, value = line.split("\t")
        figures[tier, figure] = float(value)
    return figures


def cell(value, row):
    if value is None:
        return "–"
    text = f"{value:,.0f}" if value % 1 == 0 or value >= 100 else f"{value:,.1f}"
    return f"{text} (goal {row.goal:,})" if row and row.goal is not None else text


def table(figures, rows):
    tiers = list(dict.fromkeys(tier for tier, _ in figures))
    names = sorted({name for _, name in figures}, key=list(WHAT).index)
    goals = {(row.tier, row.figure): row for row in rows}
    lines = ["| instructions | " + " | ".join(tiers) + " |", "|---" * (len(tiers) + 1) + "|"]
    for name in names:
        cells = [cell(figures.get((tier, name)), goals.get((tier, name))) for tier in tiers]
        lines.append(f"| {WHAT[name]} | " + " | ".join(cells) + " |")
    return lines


def judge(row, value):
    """What is wrong, and what may be made stricter; either may be None."""
    name = f"{row.tier} {row.figure}"
    if value is None:
        return f"{name}: not measured", None
    if row.allowed is None:
        return f"{name}: {value:,.0f}, and no row says what it may be: measure --write", None
    if value > row.allowed:
        return f"{name}: {value:,.0f}, and it may be {row.allowed:,.0f}", None
    if row.state == "missed" and value <= row.goal:
        return None, f"{name}: {value:,.0f} reaches the goal: measure --write"
    return None, None


def compare(head_and_rows, kernel, figures):
    """The rows that concern what was measured, what is wrong, what is better."""
    tiers = {tier for tier, _ in figures}
    rows = [row for row in head_and_rows[1] if row.kernel == kernel and row.tier in tiers]
    verdicts = [judge(row, figures.get((row.tier, row.figure))) for row in rows]
    wrong = [bad for bad, _ in verdicts if bad]
    return rows, wrong, [good for _, good in verdicts if good]


def write(path, kernel, figures):
    head, rows = read_budget(path)
    fresh = [
        row.with_measured(figures[row.tier, row.figure])
        if row.kernel == kernel and (row.tier, row.figure) in figures
        else row
        for row in rows
    ]
    Path(path).write_text("".join(f"{line}\n" for line in head + [row.line() for row in fresh]))


def main(argv):
    writing = argv[:1] == ["--write"]
    path, kernel = argv[writing:]
    figures = read_figures(sys.stdin)
    if not figures:
        return "nothing was measured"
    if writing:
        write(path, kernel, figures)
    rows, wrong, better = compare(read_budget(path), kernel, figures)
    print("\n".join(table(figures, rows) + better))
    if not rows:
        print(f"no budget for {kernel}")
    missed = sum(row.state == "missed" for row in rows)
    print(f"{len(rows)} rows, {missed} goals missed, {len(wrong)} over the budget")
    return "\n".join(wrong) or None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if len(sys.argv) > 2 else __doc__)
