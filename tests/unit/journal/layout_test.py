# SPDX-License-Identifier: Apache-2.0
"""A reader of segments, made from agent/journal/LAYOUT.md alone: what it reads is what the agent
reads. Usage: layout_test.py PROGRAM   layout_lines, which writes segments and prints their events"""

import ipaddress
import os
import struct
import subprocess
import sys
import tempfile

HEAD, NAMES, ENTRY, LATE, EVENT, SEAL = 1, 2, 3, 4, 5, 6
MASK = (1 << 64) - 1
SECOND_NS = 10**9


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Payload:
    def __init__(self, data):
        self.data, self.at = data, 0

    def bytes(self, length):
        self.at += length
        assert self.at <= len(self.data)
        return self.data[self.at - length : self.at]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.bytes(1)[0]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value & MASK

    def zigzag(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def text(self):
        return self.bytes(self.varint())

    def number(self):
        return struct.unpack("<Q", self.bytes(8))[0]

    def list(self):
        head = self.varint()
        if not head & 1:
            return [self.text() for _ in range(head >> 1)]
        begin = self.at
        begin -= self.varint()
        texts = []
        for _ in range(head >> 1):
            length = self.varint()
            texts.append(self.data[begin : begin + length])
            begin += length + 1
        return texts

    def value(self, kind, base):
        if kind == 1:
            return self.list()
        if kind == 2:
            return self.zigzag()
        if kind in (3, 6):
            return self.varint()
        if kind == 4:
            address = self.text()
            return address if len(address) == 16 else bytes(10) + b"\xff\xff" + address
        if kind == 5:
            return base + self.zigzag() & MASK
        return self.text()


class Shape:
    def __init__(self, payload):
        self.derived, self.references = payload.varint(), payload.varint()
        self.own = [payload.varint() for _ in range(payload.varint())]
        self.prefix = payload.text() if self.derived & 0x30 else b""


def as_text(address):
    address = ipaddress.ip_address(address)
    return str(address.ipv4_mapped or address).encode()


class Segment:
    def __init__(self, data):
        self.entries, self.late, self.events, self.constants = {}, [], [], {}
        self.of_former = []
        at, self.size = 0, len(data)
        while at < len(data):
            crc, size, kind, padding, number, zero = struct.unpack_from("<IIBBHI", data, at)
            frame = data[at : at + size]
            assert crc == crc32c(frame[4:]) and size % 8 == 0 and zero == 0
            self.take(kind, number, Payload(frame[16 : size - padding]))
            at += size

    def take(self, kind, number, payload):
        if kind == HEAD:
            assert payload.bytes(8) == b"netaudit"
            layout, self.flags = struct.unpack("<II", payload.bytes(8))
            assert layout == 1 and self.flags == 1
            self.journal = payload.bytes(16).hex()
            payload.bytes(32)
            self.epoch, self.position, self.first, self.wall, _ = (payload.number() for _ in range(5))
        elif kind == NAMES:
            self.fields = []
            for _ in range(payload.varint()):
                kind = payload.bytes(1)[0]
                self.fields.append((payload.bytes(payload.bytes(1)[0]).decode(), kind))
            count = payload.varint()
            self.types = [payload.bytes(payload.bytes(1)[0]).decode() for _ in range(count)]
        elif kind == ENTRY:
            self.entry(payload)
        elif kind == LATE:
            first, wall = payload.number(), payload.number()
            if first < self.first:
                self.of_former.append((first, wall, payload))
            else:
                self.fact(first, wall, payload)
        elif kind == EVENT:
            self.event(number, payload)
        elif kind == SEAL:
            assert payload.number() == self.first + len(self.events) - 1
            assert payload.number() == len(self.events)

    def fact(self, first, wall, payload):
        self.late.append((first, wall, payload.varint(), self.pairs(payload)))

    def pairs(self, payload):
        fields = {}
        while payload.at < len(payload.data):
            path, kind = self.fields[payload.varint()]
            assert path not in fields
            fields[path] = payload.value(kind, self.wall)
        return fields

    def entry(self, payload):
        number, group = payload.varint(), payload.bytes(1)[0]
        assert number == len(self.entries)
        shape = Shape(payload) if group == 1 else None
        self.entries[number] = (shape, self.pairs(payload))
        if group == 0:
            self.constants = self.entries[number][1]

    def event(self, number, payload):
        sequence, wall, _ = payload.number(), payload.number(), payload.number()
        assert sequence == self.first + len(self.events)
        shape, fields = self.entries[payload.varint()]
        fields = dict(fields)
        references = [payload.varint() for g in range(32) if shape.references >> g & 1]
        for reference in references:
            fields.update(self.entries[reference][1])
        ordinal = payload.varint() if shape.derived & 0x30 else 0
        for own in shape.own:
            path, kind = self.fields[own]
            fields[path] = payload.value(kind, wall)
        assert payload.at == len(payload.data)
        fields["@timestamp"], fields["event.sequence"] = wall, sequence
        self.derive(shape, ordinal, fields)
        self.events.append((self.types[number], references, fields))

    def derive(self, shape, ordinal, fields):
        for bit, end in (1, "source"), (2, "destination"):
            if shape.derived & bit:
                fields[end + ".address"] = as_text(fields[end + ".ip"])
        related = [fields[end + ".address"] for bit, end in ((4, "source"), (8, "destination"))
                   if shape.derived & bit]
        if related:
            fields["related.ip"] = related
        if shape.derived & 0x30:
            name = b"%x" % fields.get("netaudit.socket.cookie", 0)
            if shape.derived & 0x20:
                name = b"i%x" % fields["netaudit.socket.inode"]
            fields["netaudit.connection.id"] = shape.prefix + b"%s-%x" % (name, ordinal)
        uuid = self.journal
        uuid = "-".join((uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:]))
        fields["event.id"] = b"%s-%x-%016x" % (uuid.encode(), self.epoch, fields["event.sequence"])

    def finish(self, following):
        if following and (following.journal, following.epoch) == (self.journal, self.epoch):
            assert following.position == self.position + self.size
            for first, wall, payload in following.of_former:
                self.fact(first, wall, payload)
        for _, references, fields in self.events:
            created, sequence = fields.get("event.created"), fields["event.sequence"]
            for first, wall, entry, facts in self.late:
                if (entry in references and sequence >= first and created is not None
                        and abs(created - wall) <= SECOND_NS):
                    fields.update(facts)


def shown(value):
    if isinstance(value, list):
        return "".join(text.hex() + "," for text in value)
    return value.hex() if isinstance(value, bytes) else str(value)


def line(name, fields):
    return "\t".join([name] + [path + "=" + shown(fields[path]) for path in sorted(fields)])


def main():
    with tempfile.TemporaryDirectory() as folder:
        printed = subprocess.run([sys.argv[1], folder], check=True, stdout=subprocess.PIPE)
        segments = []
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as file:
                segments.append(Segment(file.read()))
            assert name == "%016x.segment" % segments[-1].position
    for segment, following in zip(segments, segments[1:] + [None]):
        segment.finish(following)
    expected = printed.stdout.decode().splitlines()
    got = [line(name, fields) for segment in segments for name, _, fields in segment.events]
    assert len(got) == len(expected) - 1 and len(got) > 400, len(got)
    for ours, theirs in zip(got, expected):
        if ours != theirs:
            sys.exit("read:\n%s\nnot:\n%s" % (ours, theirs))
    constants = expected[-1].split("\t", 1)[1]
    assert line("", segments[-1].constants).lstrip("\t") == constants, constants
    early, late = (["user.effective.name=" + name.hex() in text for text in got]
                   for name in (b"resolved", b"again"))
    assert len(segments) == 2 and any(early) and all(late[-2:]), got[-2:]
    assert any(late[: len(segments[0].events)]), "a fact of the next segment is not in this one"
    print("%d events, %d with early facts, %d with late ones" % (len(got), sum(early), sum(late)))


main()
