#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kept.py FOLDER: the schema allows each event that a test put there with --keep (lib/schema.py)."""

import sys
from pathlib import Path

from lib.agent import Failure
from lib.schema import check_kept

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        print(f"the schema allows all {check_kept(Path(sys.argv[1]))} events")
    except ImportError:
        print("not checked against the schema: python3-jsonschema is missing")
    except (OSError, Failure) as problem:
        sys.exit(f"FAIL schema: {problem}")
