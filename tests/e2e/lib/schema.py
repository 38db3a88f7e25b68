# SPDX-License-Identifier: Apache-2.0
"""
The agent's own JSON Schema over its events: at once, or later and elsewhere, where they were kept. On
an emulated machine the schema takes more time than all else that is looked at.
"""

import json
import subprocess

from lib.agent import Failure

SCHEMA, EVENTS = "schema.json", "events.json"


def print_schema(netaudit):
    return subprocess.run([netaudit, "schema", "--format", "json-schema"], capture_output=True)


def make_validator(schema):
    """A function that raises Failure for an event which the schema does not allow."""
    import jsonschema

    validator = jsonschema.validators.validator_for(schema)(schema)

    def validate(event):
        for error in validator.iter_errors(event):
            raise Failure(f"the schema does not allow it: {error.message}\n    {json.dumps(event)}")

    return validate


def schema_validator(netaudit):
    """None where the schema or python3-jsonschema is missing."""
    printed = print_schema(netaudit)
    try:
        return make_validator(json.loads(printed.stdout)) if printed.returncode == 0 else None
    except ImportError:
        return None


def keep(netaudit, folder):
    """A function that keeps events for check_kept, with the schema beside them."""
    printed = print_schema(netaudit)
    if printed.returncode:
        raise Failure(f"no schema: {printed.stderr.decode()}")
    (folder / SCHEMA).write_bytes(printed.stdout)
    (folder / EVENTS).touch()

    def write(event):
        with open(folder / EVENTS, "a", encoding="utf-8") as events:
            events.write(json.dumps(event) + "\n")

    return write


def check_kept(folder):
    """How many events were kept; Failure when the schema does not allow one, or there is none."""
    validate = make_validator(json.loads((folder / SCHEMA).read_text()))
    count = 0
    with open(folder / EVENTS, encoding="utf-8") as events:
        for count, line in enumerate(events, 1):
            validate(json.loads(line))
    if not count:
        raise Failure("no event was kept")
    return count
