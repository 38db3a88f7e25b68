#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The fault matrix of the outputs. Usage: faults.py --netaudit FILE --feed FILE [--all] [--mutated]
[--row TEXT] [--column TEXT] [--table FILE]

Without --all it runs matrix.SOME; --mutated runs matrix.MUTATED with acknowledgements that are believed
too early, in each of its ways, and each must then be red; --row and --column choose by parts of names.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True

from faults.cell import Cell
from faults.ends import COLUMNS, REAL_HTTP, Servers
from faults.lab import Missing
from faults.matrix import MUTATED, ROWS, SOME
from servers.process import Unavailable

SKIPPED = 77
ENDS = {end.name: end for end in (*COLUMNS, *REAL_HTTP)}


HEAD = """<!-- SPDX-License-Identifier: Apache-2.0 -->
# Fault matrix

Written by `make test-all`. In each cell events arrive at the far end, a fault begins, more events
come, the fault ends, and more come. ok: the ids at the far end and in the dead letters are those of
the journal, and only what was not acknowledged came twice. Kafka is 4.3 in KRaft, syslog goes to
rsyslog; HEC, _bulk and webhook to a scripted server, and the last two columns to the OpenTelemetry
Collector and to OpenSearch.
"""


class Matrix:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.results = {}  # (row, column): (verdict, words)
        self.number = 0

    def wanted(self):
        """[(row, column)] in the order of the table; columns together, since they share servers."""
        options = self.options
        every = [(row, name) for name in ENDS for row in ROWS]
        some = SOME if not (options.all or options.row or options.column) else every
        some = [cell for cells in MUTATED.values() for cell in cells] if options.mutated else some
        return [
            (row, name)
            for row, name in every
            if (row, name) in some and options.row in row and options.column in name
        ]

    def run(self, servers):
        for row, name in self.wanted():
            trouble = ROWS[row](ENDS[name])
            if isinstance(trouble, str):
                self.results[row, name] = ("–", trouble)
                continue
            began = time.monotonic()
            env = self.environment(row, name)
            verdict, words = self.try_cell(servers, ENDS[name], trouble, env)
            self.results[row, name] = (verdict, words)
            seconds = time.monotonic() - began
            print(f"{verdict:4} {name}: {row} ({seconds:.1f} s){': ' if words else ''}{words}", flush=True)

    def try_cell(self, servers, end, trouble, env):
        self.number += 1
        folder = self.folder / str(self.number)
        folder.mkdir()
        try:
            words = Cell(self.options, servers, folder, end, trouble, env).run()
        except Unavailable as reason:
            return "skip", str(reason)
        except Missing as problem:
            return ("ok", "red, as it must be") if self.options.mutated else ("FAIL", str(problem))
        except Exception as problem:  # whatever it is: it costs this cell and not the matrix
            return "FAIL", f"{type(problem).__name__}: {problem}"
        return ("FAIL", "green, though acknowledgements are ignored") if self.options.mutated else ("ok", words)

    def environment(self, *cell):
        if not self.options.mutated:
            return None
        return {"NETAUDIT_TEST_ACK": next(way for way, cells in MUTATED.items() if cell in cells)}

    def table(self):
        """The matrix as Markdown, with the reasons of what cannot be."""
        names = [name for name in ENDS if any(name == column for _, column in self.results)]
        lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
        for row in ROWS:
            cells = [self.results.get((row, name), ("", "")) for name in names]
            if any(verdict for verdict, _ in cells):
                lines.append(f"| {row} | " + " | ".join(verdict for verdict, _ in cells) + " |")
        return "\n".join(lines)

    def counted(self, verdict):
        return sum(1 for found, _ in self.results.values() if found == verdict)

    def document(self):
        """The table as a page, with a word on each cell that cannot be."""
        reasons = {}
        for (row, name), (verdict, words) in self.results.items():
            if verdict == "–":
                reasons.setdefault(words, {}).setdefault(row, []).append(name)
        lines = [
            f"- {reason}: " + "; ".join(f"{row} ({', '.join(names)})" for row, names in rows.items())
            for reason, rows in reasons.items()
        ]
        return "\n".join([HEAD, self.table(), "", "–: why it cannot be", "", *lines, ""])


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--netaudit", required=True, type=lambda path: str(Path(path).resolve()))
    parser.add_argument("--feed", required=True, type=lambda path: str(Path(path).resolve()))
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--mutated", action="store_true")
    parser.add_argument("--row", default="")
    parser.add_argument("--column", default="")
    parser.add_argument("--table", type=Path)
    return parser.parse_args()


def main():
    options = parse()
    with tempfile.TemporaryDirectory(prefix="netaudit-", dir="/var/tmp") as holder:
        folder = Path(holder)
        matrix = Matrix(options, folder)
        with Servers(folder / "shared", options.netaudit) as servers:
            matrix.run(servers)
    print(matrix.table())
    if options.table:
        options.table.write_text(matrix.document())
    ok, failed, skipped = (matrix.counted(verdict) for verdict in ("ok", "FAIL", "skip"))
    print(f"{ok} ok, {failed} failed, {skipped} skipped, {matrix.counted('–')} cannot be")
    if failed:
        return 1
    if not ok:
        print("skipped: none of the servers can be had here")
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
