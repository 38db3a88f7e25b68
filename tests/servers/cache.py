# SPDX-License-Identifier: Apache-2.0
"""
What servers are made of and is no package: fetched or built once, kept in a folder of the user's.

A download is by Maven or Go alone. A machine without network, or without these, has the servers
that need them Unavailable, by name.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from servers.process import Unavailable

BUILD_SECONDS = 900
POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>netaudit.tests</groupId><artifactId>{name}</artifactId><version>1</version><dependencies>
{dependencies}</dependencies></project>
"""
DEPENDENCY = (
    "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>\n"
)


def folder():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "netaudit-tests"


def tool(name, *places):
    """A program by name, or at one of the places; Unavailable without it."""
    found = shutil.which(name) or next((place for place in places if os.access(place, os.X_OK)), None)
    if not found:
        raise Unavailable(f"{name} is not installed")
    return str(found)


def run(*command, where, env=None):
    """One step of a build; what it says is shown when it fails."""
    try:
        done = subprocess.run(
            command, cwd=where, env=dict(os.environ, **(env or {})), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BUILD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} did not end in {BUILD_SECONDS} s") from None
    if done.returncode:
        said = " / ".join(done.stdout.strip().splitlines()[-3:])
        raise Unavailable(f"{Path(command[0]).name} failed in {where}: {said[-400:]}")
    return done.stdout


@contextlib.contextmanager
def locked(path):
    """One process builds, the others wait for it."""
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def built(name, recipe, build):
    """
    The folder of `name`, made by build(folder) if this recipe (text) was never built. It is whole or
    not there: built under another name and renamed.
    """
    mark = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    final = folder() / f"{name}-{mark}"
    if final.exists():
        return final
    folder().mkdir(parents=True, exist_ok=True)
    with locked(folder() / f"{name}.lock"):
        if final.exists():
            return final
        unfinished = folder() / f"{name}-{mark}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        build(unfinished)
        unfinished.rename(final)
    return final


def jars(name, dependencies, build=None, recipe=""):
    """A folder with `lib`, the jars that Maven finds for [(group, artifact, version)]."""
    pom = POM.format(
        name=name, dependencies="".join(DEPENDENCY.format(*one) for one in dependencies)
    )

    def fetch(where):
        (where / "pom.xml").write_text(pom)
        run(
            tool("mvn"), "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib",
            where=where, env={"MAVEN_OPTS": "-Xmx512m"},
        )
        if build:
            build(where)

    return built(name, pom + recipe, fetch)


def go():
    return tool("go", "/usr/local/go/bin/go")
