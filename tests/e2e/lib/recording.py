# SPDX-License-Identifier: Apache-2.0
"""
Reads files of `run --record` (agent/capture/recording.h), by the rows of include/*.def: an oracle
of what came out of the rings that shares no code with the agent.
"""

import re
import struct
from pathlib import Path

INCLUDE = Path(__file__).resolve().parents[3] / "include"
HEAD_BYTES = 8 + 4 + 4 + 16 + 8 + 4
SIZES = {"__u8": "B", "__u16": "H", "__u32": "I", "__s32": "i", "__u64": "Q", "__s64": "q"}
HEADER = (
    ("size", "H"),
    ("type", "B"),
    ("program", "B"),
    ("tid", "I"),
    ("time_ns", "Q"),
    ("start_ns", "Q"),
    ("pid", "I"),
    ("error", "i"),
    ("uid", "I"),
    ("gid", "I"),
    ("euid", "I"),
    ("egid", "I"),
)


def hook_rows():
    """[{column: text}] of what programs.def makes its rows of."""
    for line in (INCLUDE / "hooks.def").read_text().splitlines():
        if line.startswith("NA_HOOK("):
            cells = [cell.strip() for cell in line.split("(", 1)[1].split(",")]
            yield {"name": cells[1], "function": cells[2], "returns": cells[10]}


def program_sources():
    """Number to name as users see it."""
    sources = []
    for line in (INCLUDE / "programs.def").read_text().splitlines():
        if row := re.match(r'NA_PROGRAM\(\w+,\s*\w+,\s*\w+,\s*"([^"]+)"', line):
            sources.append(row[1])
        elif of_hooks := re.search(r'"(\w+/)" #(name|function)', line):
            kind, column = of_hooks.groups()
        elif line == '#include "hooks.def"':
            sources += [
                kind + hook[column]
                for hook in hook_rows()
                if kind != "kretprobe/" or hook["returns"] == "VERDICT"
            ]
    return dict(enumerate(sources, 1))


def feeding_programs():
    """{source: events it feeds}, of the programs that feed any."""
    text = (INCLUDE / "programs.def").read_text()
    rows = re.findall(r'^NA_PROGRAM\(\w+,\s*\w+,\s*\w+,\s*"([^"]+)",\s*"([^"]*)"', text, re.M)
    return {source: feeds.split() for source, feeds in rows if feeds}


def operation_numbers():
    text = (INCLUDE / "record.h").read_text()
    names = re.findall(r"NA_OPERATION_(\w+),", text)
    return {name.lower(): number for number, name in enumerate(names)}


def record_layouts():
    """[(name, struct format, members)] by type number; type 0 is none."""
    layouts = [None]
    for line in (INCLUDE / "records.def").read_text().splitlines():
        if match := re.match(r"NA_RECORD\(\w+, (\w+)\)", line):
            layouts.append(
                (match[1], "<" + "".join(code for _, code in HEADER), [name for name, _ in HEADER])
            )
        elif match := re.match(r"NA_(?:MEMBER|ARRAY)\((\w+), (\w+)(?:, (\d+))?\)", line):
            name, form, members = layouts[-1]
            code = f"{match[3]}s" if match[3] and match[1] == "__u8" else SIZES[match[1]]
            count = int(match[3]) if match[3] and match[1] != "__u8" else 1
            layouts[-1] = (name, form + code * count, members + [match[2]] * count)
    return layouts


def blocks(data):
    at = HEAD_BYTES
    while True:
        length, _ = struct.unpack_from("<II", data, at)
        if not length:
            return
        yield data[at + 8 : at + 8 + length]
        at += 8 + length


def read_recording(path):
    """Yields each record: its members, `record` (its name) and `source` (its program)."""
    layouts, sources = record_layouts(), program_sources()
    for block in blocks(Path(path).read_bytes()):
        at = 0
        while at < len(block):
            size, kind, program = struct.unpack_from("<HBB", block, at)
            name, form, members = layouts[kind]
            record = dict(zip(members, struct.unpack_from(form, block, at)))
            yield dict(record, record=name, source=sources[program])
            at += (size + 7) & ~7
