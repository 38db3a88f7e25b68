# SPDX-License-Identifier: Apache-2.0
"""Compares what a stimulus expects (stimuli/facts.h) with the events that came, field by field."""

import json

MISSING = object()
OPERATORS = {"absent", "present", "optional", "min", "max", "any_of", "label"}
OPTIONAL_EVENT = "$optional"
OWN_KINDS = {"inode", "pid", "port"}
# These say which event is meant; the others, what is wrong with it.
IDENTITY = {"netaudit.socket.inode": 100, "process.pid": 50, "process.thread.id": 10}


class Expectations:
    """Everything that one stimulus printed."""

    def __init__(self):
        self.events = []
        self.own = {kind: set() for kind in OWN_KINDS}
        self.skip = None

    def add(self, line):
        """Takes one line of a stimulus; returns it parsed."""
        fact = json.loads(line)
        if "own" in fact:
            ((kind, value),) = fact["own"].items()
            self.own[kind].add(value)
        elif "skip" in fact:
            self.skip = fact["skip"]
        elif "netaudit.event" in fact:
            self.events.append(fact)
        elif "ready" not in fact:
            raise ValueError(f"a stimulus printed what nobody understands: {line!r}")
        return fact

    def owns(self, event):
        """True when the event is about a socket, process or port of the stimulus."""
        if lookup(event, "event.kind") == "state":
            return False
        ports = (lookup(event, "source.port"), lookup(event, "destination.port"))
        return (
            lookup(event, "netaudit.socket.inode") in self.own["inode"]
            or lookup(event, "process.pid") in self.own["pid"]
            or any(port in self.own["port"] for port in ports if port is not MISSING)
        )


def parse_expectations(text):
    expectations = Expectations()
    for line in text.splitlines():
        expectations.add(line)
    return expectations


def lookup(event, path):
    """The value at a dotted path, or MISSING."""
    value = event
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return MISSING
        value = value[name]
    return value


def is_operator(wanted):
    return isinstance(wanted, dict) and bool(wanted) and set(wanted) <= OPERATORS


def same(wanted, value):
    """Equal in value and type: True is not 1, "6" is not 6."""
    return type(wanted) is type(value) and wanted == value


def satisfies(wanted, value):
    """Labels are only looked at for presence here: they hold between events."""
    if not is_operator(wanted):
        return value is not MISSING and same(wanted, value)
    if "absent" in wanted:
        return value is MISSING
    if "optional" in wanted:
        return value is MISSING or satisfies(wanted["optional"], value)
    if value is MISSING:
        return False
    if "any_of" in wanted:
        return any(satisfies(choice, value) for choice in wanted["any_of"])
    if "min" in wanted or "max" in wanted:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return wanted.get("min", value) <= value <= wanted.get("max", value)
    return True  # present, label


def differences(expected, event):
    """[(path, wanted, value)] of the fields that are not as expected."""
    wrong = []
    for path, wanted in expected.items():
        if path == OPTIONAL_EVENT:
            continue
        value = lookup(event, path)
        if not satisfies(wanted, value):
            wrong.append((path, wanted, value))
    return wrong


def weight(wrong):
    return sum(IDENTITY.get(path, 1) for path, _, _ in wrong)


def match_exactly(expected, events):
    """
    The largest set of pairs without any difference: {index of expected: index of event}. Earlier
    goes to earlier wherever there is a choice, so that labels of like events fall as they happened.
    """
    fits = [
        [i for i, event in enumerate(events) if not differences(want, event)] for want in expected
    ]
    taken = {}

    def place(want, tried):
        for i in fits[want]:
            if i not in taken:
                taken[i] = want
                return True
        for i in fits[want]:
            if i not in tried:
                tried.add(i)
                if place(taken[i], tried):
                    taken[i] = want
                    return True
        return False

    for want in range(len(expected)):
        place(want, set())
    return {want: i for i, want in taken.items()}


def match_nearly(expected, events, pairs):
    """Pairs what is left, most alike first, only to explain; never an unlike socket or process."""
    left = [want for want in range(len(expected)) if want not in pairs]
    free = [i for i in range(len(events)) if i not in pairs.values()]
    choices = sorted(
        (weight(differences(expected[want], events[i])), want, i)
        for want in left
        for i in free
        if expected[want]["netaudit.event"] == lookup(events[i], "netaudit.event")
    )
    near = {}
    for cost, want, i in choices:
        if cost < IDENTITY["process.pid"] and want not in near and i not in near.values():
            near[want] = i
    return near


def check_labels(expected, events, pairs):
    """The same label is the same value, another label another value."""
    problems = []
    values, names = {}, {}
    for want, i in sorted(pairs.items()):
        for path, wanted in expected[want].items():
            if not is_operator(wanted) or "label" not in wanted:
                continue
            label, value = wanted["label"], lookup(events[i], path)
            name = expected[want]["netaudit.event"]
            if values.setdefault((path, label), value) != value:
                problems.append(
                    f"label differs: {name} {describe(events[i])}\n"
                    f"    {path}: is {show(value)}, but other events of "
                    f"\"{label}\" say {show(values[path, label])}"
                )
            elif names.setdefault((path, value), label) != label:
                problems.append(
                    f"label differs: {name} {describe(events[i])}\n"
                    f"    {path}: is {show(value)} for \"{label}\" and for "
                    f"\"{names[path, value]}\""
                )
    return problems


def show(value):
    return "absent" if value is MISSING else json.dumps(value)


def describe(event):
    """Enough of an event, or of an expectation, to find it again."""
    parts = []
    for path in (
        "netaudit.socket.inode",
        "process.pid",
        "source.port",
        "destination.port",
        "error.code",
        "netaudit.source",
    ):
        value = event.get(path, lookup(event, path))
        if value is not MISSING and not is_operator(value):
            parts.append(f"{path}={value}")
    return " ".join(parts)


def compare(expectations, events):
    """
    Problems, one text each; empty: the events are exactly as expected. `events` may hold those of
    others: only what the expectations own counts.
    """
    expected = expectations.events
    own = [event for event in events if expectations.owns(event)]
    pairs = match_exactly(expected, own)
    near = match_nearly(expected, own, pairs)
    problems = []
    for want, wanted in enumerate(expected):
        if want in near:
            lines = [
                f"    {path}: expected {show(value)}, is {show(is_)}"
                for path, value, is_ in differences(wanted, own[near[want]])
            ]
            problems.append(
                f"wrong: {wanted['netaudit.event']} {describe(own[near[want]])}\n"
                + "\n".join(lines)
            )
        elif want not in pairs and not wanted.get(OPTIONAL_EVENT):
            problems.append(f"missing: {wanted['netaudit.event']} {describe(wanted)}")
    used = set(pairs.values()) | set(near.values())
    for i, event in enumerate(own):
        if i not in used:
            problems.append(
                f"too many: {lookup(event, 'netaudit.event')} {describe(event)}\n"
                f"    {json.dumps(event)}"
            )
    return problems + check_labels(expected, own, pairs | near)
