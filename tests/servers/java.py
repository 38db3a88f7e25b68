# SPDX-License-Identifier: Apache-2.0
"""A Java of at least some version, and how servers run in it: little memory, quick to start."""

import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from servers.process import Unavailable

FLAGS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


@lru_cache
def version(java):
    """Its major number; 0: it does not run."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60).stderr
    except OSError:
        return 0
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


def candidates():
    default = shutil.which("java")
    if default:
        yield default
    for java in sorted(Path("/usr/lib/jvm").glob("*/bin/java")):
        yield str(java)


def java(least):
    for found in candidates():
        if version(found) >= least:
            return found
    raise Unavailable(f"there is no Java {least} or newer")


def compiler(java_path):
    found = Path(java_path).resolve().with_name("javac")
    if not found.exists():
        raise Unavailable(f"{java_path} has no compiler beside it")
    return str(found)
