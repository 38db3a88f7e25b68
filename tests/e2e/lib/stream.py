# SPDX-License-Identifier: Apache-2.0
"""What must hold for every line of the agent, whatever happened."""

import base64
import hashlib
import ipaddress
import json
import re
import struct
import time
from datetime import datetime, timezone

from lib.match import MISSING, lookup

REQUIRED = (
    "@timestamp",
    "event.id",
    "event.sequence",
    "event.created",
    "event.kind",
    "event.action",
    "event.category",
    "event.dataset",
    "netaudit.event",
    "ecs.version",
    "host.name",
    "host.hostname",
    "host.boot.id",
    "host.os.type",
    "host.os.kernel",
    "agent.type",
    "agent.version",
    "agent.name",
)
KEYWORDS = (
    "user.id",
    "group.id",
    "network.iana_number",
    "netaudit.socket.cookie",
    "netaudit.socket.inode",
)
COUNTS = (
    "event.sequence",
    "event.duration",
    "process.pid",
    "source.port",
    "destination.port",
    "source.bytes",
    "destination.bytes",
    "source.packets",
    "destination.packets",
)
DATE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z")
SLACK_NS = 2_000_000_000
PROTOCOLS = {"6": "tcp", "17": "udp"}


class Invalid(Exception):
    """A line that no consumer should ever see."""


def parse_date(text):
    """Nanoseconds since 1970; Invalid unless it is UTC with nine digits."""
    match = DATE.fullmatch(text) if isinstance(text, str) else None
    if not match:
        raise Invalid(f"not a UTC time with nanoseconds: {text!r}")
    moment = datetime.fromisoformat(match[1]).replace(tzinfo=timezone.utc)
    return int(moment.timestamp()) * 1_000_000_000 + int(match[2])


def unique_keys(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Invalid(f"a key stands twice among {[key for key, _ in pairs]}")
    return found


def community_id(event):
    """Community ID v1, seed 0, computed anew; None where the event does not have all of it."""
    number = lookup(event, "network.iana_number")
    ends = [
        (lookup(event, f"{side}.ip"), lookup(event, f"{side}.port"))
        for side in ("source", "destination")
    ]
    if number not in PROTOCOLS or any(MISSING in end for end in ends):
        return None
    ends = sorted((ipaddress.ip_address(ip).packed, struct.pack("!H", port)) for ip, port in ends)
    data = b"\0\0" + ends[0][0] + ends[1][0] + bytes([int(number), 0]) + ends[0][1] + ends[1][1]
    return "1:" + base64.b64encode(hashlib.sha1(data).digest()).decode()


class Stream:
    """Takes the lines of one agent in order; each is parsed and checked."""

    def __init__(self, validate=None, since_ns=None):
        """`validate` is called with each event and raises when the schema does not allow it."""
        self.validate = validate
        self.since_ns = since_ns if since_ns is not None else time.time_ns()
        self.sequence = None
        self.ids = set()

    def take(self, line):
        try:
            event = json.loads(line, object_pairs_hook=unique_keys)
        except ValueError as error:
            raise Invalid(f"not JSON ({error}): {line!r}") from error
        try:
            self.check(event)
        except Invalid as problem:
            raise Invalid(f"{problem}, in\n    {line.decode()}") from None
        return event

    def check(self, event):
        for path in REQUIRED:
            if lookup(event, path) in (MISSING, "", None):
                raise Invalid(f"{path} is missing")
        self.check_numbering(event)
        self.check_times(event)
        check_types(event)
        check_addresses(event)
        if self.validate:
            self.validate(event)

    def check_numbering(self, event):
        sequence, identity = event["event"]["sequence"], event["event"]["id"]
        before, self.sequence = self.sequence, sequence
        if before is not None and sequence != before + 1:
            raise Invalid(f"event.sequence is {sequence} after {before}")
        if identity in self.ids:
            raise Invalid(f"event.id {identity} came before")
        self.ids.add(identity)

    def check_times(self, event):
        happened, created = parse_date(event["@timestamp"]), parse_date(event["event"]["created"])
        if not self.since_ns - SLACK_NS <= happened <= time.time_ns() + SLACK_NS:
            raise Invalid(f"@timestamp {event['@timestamp']} is not of this run")
        if not happened - SLACK_NS <= created <= time.time_ns() + SLACK_NS:
            raise Invalid("event.created is not after @timestamp, or is in the future")
        start, end = lookup(event, "event.start"), lookup(event, "event.end")
        if MISSING not in (start, end):
            lasted = parse_date(end) - parse_date(start)
            if lasted < 0 or lookup(event, "event.duration") != lasted:
                raise Invalid(f"event.duration is not end - start = {lasted}")


def check_types(event):
    for path in KEYWORDS:
        if not isinstance(lookup(event, path), str) and lookup(event, path) is not MISSING:
            raise Invalid(f"{path} is not a string")
    for path in COUNTS:
        value = lookup(event, path)
        if value is not MISSING and (type(value) is not int or value < 0):
            raise Invalid(f"{path} is not a count")
    if lookup(event, "event.outcome") not in (MISSING, "success", "failure", "unknown"):
        raise Invalid("event.outcome is none of success, failure, unknown")
    args = lookup(event, "process.args")
    if args is not MISSING and lookup(event, "process.args_count") < len(args):
        raise Invalid("process.args_count is less than there are arguments")


def check_addresses(event):
    known = lookup(event, "related.ip")
    for path in ("source.ip", "destination.ip"):
        ip = lookup(event, path)
        if ip is MISSING:
            continue
        address = ipaddress.ip_address(ip)
        if address.version == 6 and address.ipv4_mapped:
            raise Invalid(f"{path} {ip} should be IPv4")
        if str(address) != ip:
            raise Invalid(f"{path} {ip} is written unusually, {address} is usual")
        if not address.is_unspecified and (known is MISSING or ip not in known):
            raise Invalid(f"{path} {ip} is not in related.ip")
    said, wanted = lookup(event, "network.community_id"), community_id(event)
    if said is not MISSING and wanted and said != wanted:
        raise Invalid(f"network.community_id should be {wanted}")
