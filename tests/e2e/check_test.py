#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checker must fail when it should: synthetic streams, without root and without an agent."""

import copy
import tempfile
import json
import time
import unittest
from datetime import datetime, timezone
from pathlib import Path
from unittest import mock

from lib.agent import Agent, Failure
from lib.cases import Bench
from lib.expected import BadRow, Expected, split_problem
from lib.match import compare, lookup, parse_expectations, satisfies, MISSING
from lib.schema import check_kept, keep
from lib.stream import Invalid, Stream

INODE = "4711"


def expectations(*events, own=({"inode": INODE}, {"pid": 77}, {"port": 20001})):
    lines = [{"own": one} for one in own] + list(events)
    return parse_expectations("\n".join(json.dumps(line) for line in lines))


def event(name, inode=INODE, pid=77, **fields):
    made = {
        "netaudit": {"event": name, "socket": {"inode": inode}},
        "process": {"pid": pid},
        "event": {"kind": "event"},
    }
    for path, value in fields.items():
        place = made
        *parents, last = path.split("__")
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return made


def expected(name, inode=INODE, **fields):
    wanted = {"netaudit.event": name, "netaudit.socket.inode": inode, "process.pid": 77}
    wanted.update({path.replace("__", "."): value for path, value in fields.items()})
    return wanted


class Comparison(unittest.TestCase):
    def assertProblem(self, problems, text):
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(text, problems[0])

    def test_all_as_expected(self):
        self.assertEqual(
            compare(
                expectations(expected("established", source__port=5)),
                [event("established", source__port=5)],
            ),
            [],
        )

    def test_order_does_not_matter(self):
        wanted = expectations(expected("bound"), expected("closed"))
        self.assertEqual(compare(wanted, [event("closed"), event("bound")]), [])

    def test_missing(self):
        wanted = expectations(expected("bound"), expected("closed"))
        self.assertProblem(compare(wanted, [event("bound")]), "missing: closed")

    def test_twice_expected_once_there(self):
        wanted = expectations(expected("accepted"), expected("accepted"))
        self.assertProblem(compare(wanted, [event("accepted")]), "missing: accepted")

    def test_too_many_of_own_socket(self):
        wanted = expectations(expected("closed"))
        self.assertProblem(compare(wanted, [event("closed"), event("closed")]), "too many: closed")

    def test_too_many_of_own_pid(self):
        stranger = event("bound", inode="1")
        self.assertProblem(compare(expectations(), [stranger]), "too many: bound")

    def test_too_many_of_own_port(self):
        for side in ("source__port", "destination__port"):
            stranger = event("accepted", inode="1", pid=1, **{side: 20001})
            self.assertProblem(compare(expectations(), [stranger]), "too many: accepted")

    def test_events_of_others_and_of_the_agent_do_not_count(self):
        other = event("accepted", inode="1", pid=1, source__port=1)
        state = event("heartbeat")
        state["event"]["kind"] = "state"
        self.assertEqual(compare(expectations(), [other, state]), [])

    def test_wrong_field(self):
        wanted = expectations(expected("closed", source__bytes=10, event__reason="orderly"))
        problems = compare(wanted, [event("closed", source__bytes=11, event__reason="orderly")])
        self.assertProblem(problems, "source.bytes: expected 10, is 11")
        self.assertNotIn("event.reason", problems[0])

    def test_absent_field(self):
        wanted = expectations(expected("closed", source__bytes=10))
        self.assertProblem(
            compare(wanted, [event("closed")]), "source.bytes: expected 10, is absent"
        )

    def test_wrong_process(self):
        wanted = expectations(expected("accepted"))
        problems = compare(wanted, [event("accepted", pid=78)])
        self.assertEqual(sorted(problem.split()[0] for problem in problems), ["missing:", "too"])

    def test_wrong_type(self):
        for right, wrong in ((6, "6"), ("6", 6), (1, True), (True, 1), (1, 1.0)):
            wanted = expectations(expected("closed", a=right))
            self.assertProblem(compare(wanted, [event("closed", a=wrong)]), "a: expected")

    def test_same_label_must_be_same_value(self):
        wanted = expectations(
            expected("established", id={"label": "x"}), expected("closed", id={"label": "x"})
        )
        self.assertEqual(
            compare(wanted, [event("established", id="1"), event("closed", id="1")]), []
        )
        self.assertProblem(
            compare(wanted, [event("established", id="1"), event("closed", id="2")]),
            "label differs",
        )

    def test_other_label_must_be_other_value(self):
        wanted = expectations(
            expected("connect_failed", id={"label": "x"}),
            expected("established", id={"label": "y"}),
        )
        self.assertProblem(
            compare(wanted, [event("connect_failed", id="1"), event("established", id="1")]),
            "label differs",
        )

    def test_label_must_be_there(self):
        wanted = expectations(expected("closed", id={"label": "x"}))
        self.assertProblem(compare(wanted, [event("closed")]), "id: expected")

    def test_labels_fall_in_order(self):
        wanted = expectations(
            expected("connect_attempted", id={"label": "x"}),
            expected("connect_attempted", id={"label": "y"}),
            expected("connect_failed", id={"label": "x"}),
        )
        first, second = event("connect_attempted", id="1"), event("connect_attempted", id="2")
        failed = event("connect_failed", id="1")
        self.assertEqual(compare(wanted, [first, failed, second]), [])
        failed = event("connect_failed", id="2")
        self.assertProblem(compare(wanted, [first, failed, second]), "label differs")

    def test_choice_that_suits_all(self):
        loose, strict = expected("flow", a={"present": True}), expected("flow", a=1)
        self.assertEqual(
            compare(expectations(loose, strict), [event("flow", a=1), event("flow", a=2)]), []
        )

    def test_optional_event(self):
        wanted = expectations({**expected("flow", a=1), "$optional": True})
        self.assertEqual(compare(wanted, []), [])
        self.assertEqual(compare(wanted, [event("flow", a=1)]), [])
        self.assertProblem(compare(wanted, [event("flow", a=2)]), "a: expected 1, is 2")

    def test_operators(self):
        for wanted, good, bad in (
            ({"absent": True}, [MISSING], [0, "", None]),
            ({"present": True}, [0, "", None], [MISSING]),
            ({"optional": 5}, [MISSING, 5], [6]),
            ({"optional": {"min": 1}}, [MISSING, 1], [0]),
            ({"min": 1, "max": 3}, [1, 2, 3], [0, 4, "2", True, MISSING]),
            ({"any_of": ["a", {"min": 7}]}, ["a", 7], ["b", 6, MISSING]),
            ([1, 2], [[1, 2]], [[2, 1], [1], MISSING]),
            ({"other": 1}, [{"other": 1}], [{"other": 2}]),
        ):
            for value in good:
                self.assertTrue(satisfies(wanted, value), (wanted, value))
            for value in bad:
                self.assertFalse(satisfies(wanted, value), (wanted, value))

    def test_unknown_line_of_a_stimulus(self):
        with self.assertRaises(ValueError):
            parse_expectations('{"something":1}')

    def test_skip(self):
        self.assertEqual(parse_expectations('{"skip":"no MPTCP"}').skip, "no MPTCP")


def date(ns):
    moment = datetime.fromtimestamp(ns // 1_000_000_000, timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{ns % 1_000_000_000:09}Z"


class Validity(unittest.TestCase):
    def setUp(self):
        self.stream = Stream()
        now = time.time_ns()
        self.good = {
            "@timestamp": date(now),
            "event": {
                "id": "j-1-1",
                "sequence": 1,
                "created": date(now),
                "kind": "event",
                "action": "connection_attempted",
                "category": ["network"],
                "dataset": "netaudit.connection",
                "outcome": "success",
            },
            "network": {"iana_number": "6", "community_id": "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
            "source": {"ip": "128.232.110.120", "port": 34855},
            "destination": {"ip": "66.35.250.204", "port": 80},
            "related": {"ip": ["128.232.110.120", "66.35.250.204"]},
            "process": {"args": ["a", "b"], "args_count": 2},
            "user": {"id": "0"},
            "netaudit": {"event": "established"},
            "ecs": {"version": "8.11.0"},
            "host": {
                "name": "h",
                "hostname": "h",
                "boot": {"id": "b"},
                "os": {"type": "linux", "kernel": "6"},
            },
            "agent": {"type": "netaudit", "version": "0", "name": "h"},
        }

    def take(self, made):
        return self.stream.take(json.dumps(made).encode())

    def next(self, number):
        made = copy.deepcopy(self.good)
        made["event"].update(sequence=number, id=f"j-1-{number}")
        return made

    def assertInvalid(self, made, text):
        with self.assertRaisesRegex(Invalid, text):
            self.take(made)
        self.stream = Stream()

    def test_good(self):
        self.assertEqual(lookup(self.take(self.good), "netaudit.event"), "established")
        self.take(self.next(2))

    def test_not_json(self):
        for line in (b"", b"{", b"\xff", b"nonsense"):
            with self.assertRaises(Invalid):
                self.stream.take(line)

    def test_key_twice(self):
        with self.assertRaisesRegex(Invalid, "twice"):
            self.stream.take(b'{"a":1,"a":2}')

    def test_missing_constant(self):
        for parent, name in (
            ("host", "name"),
            ("agent", "version"),
            ("ecs", "version"),
            ("event", "id"),
            ("netaudit", "event"),
        ):
            made = copy.deepcopy(self.good)
            del made[parent][name]
            self.assertInvalid(made, f"{parent}.{name} is missing")

    def test_hole_in_sequence(self):
        self.take(self.good)
        self.assertInvalid(self.next(3), "sequence is 3 after 1")

    def test_id_twice(self):
        self.take(self.good)
        made = self.next(2)
        made["event"]["id"] = "j-1-1"
        self.assertInvalid(made, "came before")

    def test_times(self):
        made = copy.deepcopy(self.good)
        for wrong in (
            "2026-01-01T00:00:00Z",
            "2026-01-01 00:00:00.000000000Z",
            "2026-01-01T00:00:00.000000000+01:00",
        ):
            made["@timestamp"] = wrong
            self.assertInvalid(made, "not a UTC time")
        made["@timestamp"] = date(time.time_ns() - 3_600_000_000_000)
        self.assertInvalid(made, "not of this run")
        made["@timestamp"] = date(time.time_ns() + 3_600_000_000_000)
        self.assertInvalid(made, "not of this run")

    def test_duration(self):
        made = copy.deepcopy(self.good)
        now = time.time_ns()
        made["event"].update(start=date(now), end=date(now + 5), duration=6)
        self.assertInvalid(made, "duration is not")

    def test_types(self):
        for parent, name, wrong in (
            ("user", "id", 0),
            ("source", "port", "80"),
            ("source", "port", -1),
            ("event", "outcome", "maybe"),
        ):
            made = copy.deepcopy(self.good)
            made[parent][name] = wrong
            self.assertInvalid(made, name)

    def test_addresses(self):
        made = copy.deepcopy(self.good)
        made["source"]["ip"] = "::ffff:1.2.3.4"
        self.assertInvalid(made, "should be IPv4")
        made["source"]["ip"] = "1.2.3.4"
        self.assertInvalid(made, "related.ip")

    def test_community_id(self):
        made = copy.deepcopy(self.good)
        made["source"]["port"] = 1
        self.assertInvalid(made, "community_id should be")

    def test_schema(self):
        def refuse(made):
            raise Invalid("the schema does not allow it")

        self.stream.validate = refuse
        self.assertInvalid(self.good, "schema")


class Judgement(unittest.TestCase):
    """Several cases at one agent, without a marker: their events are all there."""

    def setUp(self):
        self.agent = Agent("netaudit")
        self.bench = Bench(mock.Mock(expected=Expected()), self.agent)

    def judge(self, wanted, *events):
        first = len(self.agent.events)
        self.agent.events += events
        waits = {"await_own_marker": mock.Mock(), "SETTLE_SECONDS": 0, "LOSSES_SECONDS": 0}
        with mock.patch.multiple("lib.cases", **waits):
            self.bench.judge("case", wanted, first)

    def other(self):
        return expectations(expected("closed", inode="2"), own=({"inode": "2"},))

    def test_good(self):
        self.judge(expectations(expected("closed")), event("closed"))
        self.judge(self.other(), event("closed", inode="2"))

    def test_event_of_a_case_before(self):
        self.judge(expectations(expected("closed")), event("closed"))
        with self.assertRaisesRegex(Failure, "too late: closed"):
            self.judge(self.other(), event("closed", inode="2"), event("closed"))

    def expect_rows(self, *rows):
        with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
            file.write("".join("\t".join(row) + "\n" for row in rows))
            file.flush()
            self.bench.test.expected = Expected(file.name, "6.1", "cgroup")

    def test_row_excuses_what_it_names(self):
        self.expect_rows(
            ("5.10,6.1", "cgroup", "case", "missing closed", "why"),
            ("5.10", "*", "case", "missing listening", "another kernel"),
            ("6.1", "fexit", "case", "missing listening", "another tier"),
            ("6.1", "*", "other", "missing listening", "another case"),
        )
        self.judge(expectations(expected("closed"), expected("bound")), event("bound"))
        self.bench.inodes.clear()
        wanted = expectations(expected("closed"), expected("listening"), expected("bound"))
        with self.assertRaisesRegex(Failure, "^missing: listening[^\n]*$"):
            self.judge(wanted, event("bound"))

    def test_row_names_each_field(self):
        problem = "wrong: bound of 7\n    a.b: expected 1, is 2\n    c: expected 1, is absent"
        self.assertEqual(
            split_problem(problem),
            {
                "wrong bound a.b": "wrong: bound of 7\n    a.b: expected 1, is 2",
                "wrong bound c": "wrong: bound of 7\n    c: expected 1, is absent",
            },
        )

    def test_row_that_is_not_needed(self):
        self.expect_rows(("6.1", "*", "case", "missing closed", "why"))
        with self.assertRaisesRegex(Failure, 'not needed any more: the row "missing closed": why'):
            self.judge(expectations(expected("closed")), event("closed"))

    def test_row_of_a_skip(self):
        self.assertEqual(Expected().judge_skip("case", "no IPv6"), [])
        self.expect_rows(("6.1", "*", "case", "skip", "why"))
        rows = self.bench.test.expected
        self.assertEqual(rows.judge_skip("case", "no IPv6"), [])
        self.assertTrue(rows.judge_skip("other", "no IPv6"))
        with self.assertRaisesRegex(Failure, "not needed any more"):
            self.judge(expectations(expected("closed")), event("closed"))

    def test_bad_rows(self):
        with self.assertRaises(BadRow):
            self.expect_rows(("6.1", "cgroup", "case", "missing closed"))

    def test_loss_is_of_the_case_in_which_it_came(self):
        lost = event("events_lost", netaudit__lost={"program": "p", "count": 3})
        lost["event"]["kind"] = "state"
        with self.assertRaisesRegex(Failure, "lost: {'p': 3}"):
            self.judge(expectations(expected("closed")), event("closed"), lost)
        self.judge(self.other(), event("closed", inode="2"))


class KeptEvents(unittest.TestCase):
    """What was kept is judged by the schema that lies beside it."""

    def check(self, *events):
        schema = {"properties": {"count": {"type": "integer"}}, "required": ["count"]}
        printed = mock.Mock(returncode=0, stdout=json.dumps(schema).encode())
        with tempfile.TemporaryDirectory() as name:
            with mock.patch("lib.schema.print_schema", return_value=printed):
                write = keep("netaudit", Path(name))
            for one in events:
                write(one)
            return check_kept(Path(name))

    def test_allowed(self):
        self.assertEqual(self.check({"count": 1}, {"count": 2}), 2)

    def test_not_allowed(self):
        with self.assertRaisesRegex(Failure, "the schema does not allow it"):
            self.check({"count": 1}, {"count": "2"})

    def test_nothing_was_kept(self):
        with self.assertRaisesRegex(Failure, "no event was kept"):
            self.check()


if __name__ == "__main__":
    unittest.main()
