#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Golden files and random events are valid by the printed JSON Schema; spoilt ones are not.

schema_test.py NETAUDIT RANDOM_LINES GOLDEN_FOLDER
"""
import copy
import glob
import json
import os
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)

RANDOM_EVENTS = "500"


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode()


def spoil(event, path, value):
    """A copy of the event with `value` at `path`; None: without it."""
    event = copy.deepcopy(event)
    *objects, name = path.split("/")
    place = event
    for key in objects:
        place = place[key]
    if value is None:
        del place[name]
    else:
        place[name] = value
    return event


# Of closed.json: each must make it invalid.
SPOILT = [
    ("@timestamp", None),
    ("@timestamp", "2026-11-24T13:05:07.12Z"),
    ("@timestamp", "2026-11-24T13:05:07.123456789+01:00"),
    ("event/action", None),
    ("event/category", "network"),
    ("event/duration", "1"),
    ("netaudit/event", None),
    ("netaudit/event", "opened"),
    ("netaudit/unknown", 1),
    ("unknown", 1),
    ("source/port", 1.5),
    ("source/ip", "10.0.0.256"),
    ("source/ip", 10),
    ("process/args", [1]),
    ("netaudit/socket/inode", 1),
    ("netaudit/socket/inode", "0x1"),
    ("netaudit/socket/mapped", "true"),
    ("host/ip", ["web-1"]),
    ("labels", "a=b"),
    ("event", []),
]


def main():
    netaudit, random_lines, golden = sys.argv[1:]
    schema = json.loads(output(netaudit, "schema", "--format", "json-schema"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.FormatChecker(["ipv4", "ipv6"]))
    failed = False

    files = sorted(glob.glob(os.path.join(golden, "*.json")))
    lines = [(name, open(name, encoding="utf-8").read()) for name in files]
    lines += [("random", line) for line in output(random_lines, RANDOM_EVENTS).split("\n") if line]
    for name, line in lines:
        for error in validator.iter_errors(json.loads(line)):
            print(f"{name}: {error.json_path}: {error.message}")
            failed = True

    closed = json.load(open(os.path.join(golden, "closed.json"), encoding="utf-8"))
    for path, value in SPOILT:
        spoilt = spoil(closed, path, value)
        if validator.is_valid(spoilt):
            print(f"valid, but {path} is {value}")
            failed = True
    print(f"{len(files)} golden files, {len(lines) - len(files)} random events, "
          f"{len(SPOILT)} spoilt ones")
    return failed or not files


sys.exit(main())
