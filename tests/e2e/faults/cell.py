# SPDX-License-Identifier: Apache-2.0
"""
One cell of the matrix: events arrive, a fault begins, more events come, the fault ends, and then the
ids at the far end and in the dead letters are compared with the journal.
"""

from collections import Counter

from faults.lab import SECONDS, Journal, Missing, Shipper, Wrong, sequence_of, wait_until
from faults.troubles import HOLD_SECONDS

BEFORE, DURING, AFTER = 40, 60, 20
# A far end writes a little after it acknowledged; later than that it never will.
GRACE_SECONDS = 3


class Cell:
    def __init__(self, programs, servers, folder, end, trouble, env=None):
        self.programs, self.folder, self.trouble = programs, folder, trouble
        self.far = end(servers, folder)
        self.env = env
        # Only what lies above the cursor at the fault, and was there when it ended, may come again.
        self.floor = self.ceiling = 0

    def run(self):
        """Wrong or Missing: the cell is red. Returns what is worth a word in the table."""
        self.trouble.arrange(self)
        with Journal(self.programs, self.folder) as self.journal, self.far:
            outputs = [self.trouble.output(self.far)]
            with Shipper(self.programs, self.journal, outputs, self.env) as self.shipper:
                try:
                    self.go_through()
                    self.shipper.stop()
                    return self.judge()
                except Wrong as problem:
                    raise type(problem)(f"{problem}{self.shipper.log()}") from None
                finally:
                    self.trouble.finish(self)

    def go_through(self):
        self.journal.append(BEFORE)
        self.await_all("the events before the fault")
        self.floor = self.journal.last
        self.trouble.begin(self)
        self.trouble.feed(self, DURING)
        wait_until(lambda: self.trouble.happened(self), "the fault")
        self.trouble.end(self)
        self.ceiling = self.journal.last
        if self.trouble.patience and not self.programs.all:
            self.restart()
        self.journal.append(AFTER)
        self.await_all("all events", self.trouble.patience or HOLD_SECONDS)

    def note_cursor(self):
        """The client dies here, with what it knows beyond the cursor."""
        self.floor = max(self.floor, self.cursor())

    def restart(self):
        """As a reload does it: who put things right need not wait for it."""
        self.shipper.stop()
        self.shipper.start()

    def cursor(self):
        return self.journal.cursors().get("out", 0)

    def gone(self):
        """Ids that are accounted for."""
        return set(self.far.received()) | {one for one, _ in self.shipper.dead_letters()}

    def await_all(self, what, seconds=SECONDS):
        """All is accounted for, and the cursor says so too."""
        wanted = self.journal.ids()
        caught_up = lambda: self.cursor() >= self.journal.last
        self.shipper.wait_until(caught_up, f"a cursor behind {what}", seconds)
        try:
            wait_until(lambda: wanted <= self.gone(), what, GRACE_SECONDS)
        except Wrong:
            if missing := sorted(wanted - self.gone()):
                raise Missing(
                    f"{len(missing)} of {len(wanted)} events never arrived, though the cursor is "
                    f"behind them: {missing[:3]} …"
                ) from None

    def judge(self):
        journal, received = self.journal.ids(), Counter(self.far.received())
        dead = Counter(one for one, _ in self.shipper.dead_letters())
        if missing := journal - received.keys() - dead.keys():
            raise Missing(f"{len(missing)} events are missing: {sorted(missing)[:3]} …")
        if foreign := (received.keys() | dead.keys()) - journal:
            raise Wrong(f"ids that the journal does not hold: {sorted(foreign)[:3]}")
        if both := received.keys() & dead.keys():
            raise Wrong(f"dead letters that arrived: {sorted(both)[:3]}")
        if self.far.scripted and self.far.scripted.problems:
            raise Wrong(f"requests that nobody understands: {self.far.scripted.problems[:3]}")
        self.judge_dead(dead)
        return self.judge_repeats(received)

    def judge_dead(self, dead):
        wanted = self.trouble.dead(self)
        found = sorted(sequence_of(one) for one in dead.elements())
        if found != sorted(wanted):
            reasons = [reason for _, reason in self.shipper.dead_letters()][:3]
            raise Wrong(f"dead letters are events {found[:9]}, not {sorted(wanted)}: {reasons}")

    def judge_repeats(self, received):
        """Only what was unacknowledged may come again."""
        repeated = [sequence_of(one) for one, count in received.items() if count > 1]
        old = [one for one in repeated if one <= self.floor]
        new = [one for one in repeated if one > self.ceiling]
        if repeated and not self.trouble.repeats:
            raise Wrong(f"{len(repeated)} events came twice though the far end never took them")
        if old and not self.far.overlaps:
            raise Wrong(f"{len(old)} events came again that were acknowledged before: {old[:5]}")
        if new:
            raise Wrong(f"{len(new)} events came twice though the fault was over: {new[:5]}")
        lost = len(self.shipper.dead_letters())
        words = [f"{len(repeated)} twice" if repeated else "", f"{lost} dead" if lost else ""]
        return ", ".join(word for word in words if word)
