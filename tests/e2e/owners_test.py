#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checker of owners must fail for one wrong process, wherever it stands: without root or an agent."""

import copy
import unittest

from lib.owners import CHANGE, OF_CLIENT, OF_LISTENER, OF_REFUSED, OF_SERVER, Traffic
from lib.owners import foreign, incomplete, strangers_at

MAIN, SERVER, CLIENT, STRANGER = 100, 101, 102, 103
TOLD = f"""\
port 1000
nobody 1001
refused 1
owner {MAIN} 1
stranger {STRANGER}
server {SERVER}
client {CLIENT}
owner {SERVER} 1
owner {CLIENT} 2
owner {SERVER} 3
owner {CLIENT} 4
"""
WHO = (("1", MAIN, OF_LISTENER), ("2", CLIENT, OF_CLIENT), ("3", SERVER, OF_SERVER),
       ("4", CLIENT, OF_REFUSED))
LINE = (
    "          pinned-{pid}     [001] {flags} 12.345678: inet_sock_set_state: family=AF_INET "
    "protocol=IPPROTO_TCP sport={source} dport={destination} saddr=127.0.0.1 daddr=127.0.0.1 "
    "saddrv6=::ffff:127.0.0.1 daddrv6=::ffff:127.0.0.1 oldstate=TCP_SYN_RECV newstate=TCP_ESTABLISHED"
)


def event(name, inode, pid):
    return {"netaudit": {"event": name, "socket": {"inode": inode}}, "process": {"pid": pid}}


def all_events():
    return [event(name, inode, pid) for inode, pid, names in WHO for name in names]


class Owners(unittest.TestCase):
    def setUp(self):
        self.traffic = Traffic(TOLD)

    def test_right_ones_pass(self):
        self.assertEqual(foreign(all_events(), self.traffic), [])
        self.assertEqual(incomplete(all_events(), self.traffic), [])

    def test_each_event_with_each_other_process_fails(self):
        for i, right in enumerate(all_events()):
            owners = self.traffic.owners[right["netaudit"]["socket"]["inode"]]
            for pid in {MAIN, SERVER, CLIENT, STRANGER, 1} - owners:
                events = all_events()
                events[i]["process"]["pid"] = pid
                self.assertEqual(len(foreign(events, self.traffic)), 1, (right, pid))

    def test_no_process_fails(self):
        for i in range(len(all_events())):
            events = all_events()
            del events[i]["process"]
            self.assertEqual(len(foreign(events, self.traffic)), 1)

    def test_a_wrong_creator_fails(self):
        events = all_events()
        events[0]["netaudit"]["creator"] = {"pid": MAIN}
        self.assertEqual(foreign(events, self.traffic), [])
        events[0]["netaudit"]["creator"] = {"pid": CLIENT}
        self.assertEqual(len(foreign(events, self.traffic)), 1)

    def test_a_process_of_ours_without_socket_fails(self):
        stray = event("established", "99", STRANGER)
        self.assertEqual(len(foreign([stray], self.traffic)), 1)
        del stray["netaudit"]["socket"]
        self.assertEqual(len(foreign([stray], self.traffic)), 1)

    def test_others_do_not_count(self):
        self.assertEqual(foreign([event("established", "99", 1)], self.traffic), [])

    def test_one_missing_or_twice_fails(self):
        for i in range(len(all_events())):
            events = all_events()
            twice = events + [copy.deepcopy(events[i])]
            del events[i]
            self.assertTrue(incomplete(events, self.traffic))
            self.assertTrue(incomplete(twice, self.traffic))


class Changes(unittest.TestCase):
    def change(self, pid, flags, source, destination):
        line = LINE.format(
            pid=pid, flags=flags, source=source, destination=destination
        )
        match = CHANGE.search(line)
        return int(match["sport"]), int(match["dport"]), int(match["current"]), "s" in match["flags"]

    def count(self, *change):
        return dict(strangers_at([self.change(*change)], Traffic(TOLD)))

    def test_softirqs_over_others_count(self):
        self.assertEqual(self.count(CLIENT, "..s1.", 1000, 2000), {"peer": 1})
        self.assertEqual(self.count(SERVER, "..s1.", 2000, 1000), {"peer": 1})
        self.assertEqual(self.count(STRANGER, "d.s2.", 2000, 1000), {"stranger": 1})
        self.assertEqual(self.count(0, "..s2.", 2000, 1001), {"stranger": 1})

    def test_owners_tasks_and_others_sockets_do_not(self):
        self.assertEqual(self.count(SERVER, "..s1.", 1000, 2000), {})
        self.assertEqual(self.count(CLIENT, ".....", 1000, 2000), {})
        self.assertEqual(self.count(CLIENT, "..s1.", 3000, 2000), {})


if __name__ == "__main__":
    unittest.main()
