# SPDX-License-Identifier: Apache-2.0
"""
What a kernel and tier cannot give (tests/vm/expected.tsv): rows written by hand, with the kernel's
reason. What goes beyond the rows is a problem, and so is a row that is not needed any more.
"""

import re

COLUMNS = ("kernels", "tiers", "case", "what", "reason")


class BadRow(ValueError):
    """The file is not as its head comment says."""


def listed(name, names):
    return names == "*" or name in names.split(",")


def read_rows(path):
    """[{column: text}] of the whole file."""
    rows = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or line.startswith("#"):
                continue
            cells = line.rstrip("\n").split("\t")
            if len(cells) != len(COLUMNS) or not all(cells):
                raise BadRow(f"{path}:{number}: not {len(COLUMNS)} cells: {line!r}")
            rows.append(dict(zip(COLUMNS, cells)))
    return rows


def split_problem(problem):
    """{key: text} of one text of match.compare: what a row calls it, and the lines that say so."""
    head, *rest = problem.split("\n")
    kind, event = re.match(r"(.+?): (\S+)", head).groups()
    if kind != "wrong":
        return {f"{kind} {event}": problem}
    return {f"wrong {event} {line.split(':')[0].strip()}": f"{head}\n{line}" for line in rest}


class Expected:
    """The rows of one kernel and tier; none of them: everything is expected."""

    def __init__(self, path=None, kernel="", tier=""):
        self.strict = bool(path)
        rows = read_rows(path) if path else []
        self.rows = [
            row
            for row in rows
            if listed(kernel, row["kernels"]) and listed(tier, row["tiers"])
        ]

    def of_case(self, case):
        return {row["what"]: row for row in self.rows if row["case"] == case}

    def judge(self, case, problems):
        """The problems that no row excuses, and the rows that excused nothing."""
        rows = self.of_case(case)
        found = {}
        for problem in problems:
            found.update(split_problem(problem))
        beyond = [text for key, text in found.items() if key not in rows]
        return beyond + [
            f"not needed any more: the row \"{what}\": {row['reason']}"
            for what, row in rows.items()
            if what not in found
        ]

    def judge_skip(self, case, reason):
        """Problems of a case that skipped itself: only a row allows that where rows are given."""
        rows = self.of_case(case)
        if not self.strict or set(rows) == {"skip"}:
            return []
        return [f"skipped, and no row says so: {reason}"]
