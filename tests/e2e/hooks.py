#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The security hooks as events of their own: what capture.hooks asks for comes, with the process that
did it, and nothing else; refusals are `denied`, once, in any mode; a reload changes modes. Where the
tier has no hooks, the agent says so of each that was asked for. --tier NAME,…: the tiers to be used, one
after the other. --fallback HOOK: only that another tier takes this one, whose program the kernel refuses.
"""

import json
import os
import signal
import subprocess
import sys

from lib.agent import Failure
from lib.daemon import Daemon, Place
from lib.harness import Skip, run
from lib.match import MISSING, lookup

SAMPLE = 10
CALLS = 100
SETTINGS = {
    "socket_create": "event",
    "socket_bind": "event",
    "socket_listen": "event",
    "socket_connect": "event",
    "socket_shutdown": "event",
    "socket_setsockopt": "event",
    "socket_getpeersec_stream": "event",
    "inet_conn_request": "event",
    "inet_csk_clone": "event",
    "socket_getsockname": {"mode": "event", "sample": SAMPLE},
    "socket_getpeername": "count",
}
# 5.10 refuses what returns from a function that takes a struct by value.
MAY_BE_REFUSED = {"socket_getpeersec_stream"}
# Programs that act, and print what they know of it.
CONNECTION = """
import json, socket
def cookie(one):
    return str(int.from_bytes(one.getsockopt(socket.SOL_SOCKET, 57, 8), "little"))
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", 0))
server.listen(7)
client = socket.socket(socket.AF_INET6)
client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
client.connect(("::ffff:127.0.0.1", server.getsockname()[1]))
accepted = server.accept()[0]
client.shutdown(socket.SHUT_WR)
client.getpeername()
print(json.dumps([server.getsockname()[1], cookie(server), cookie(client)]))
"""
PEER = """
import json, socket
left, right = socket.socketpair()
try:
    left.getsockopt(socket.SOL_SOCKET, 31, 64)  # SO_PEERSEC
except OSError:
    pass
print(json.dumps([]))
"""
NAMES = f"""
import json, socket
one = socket.socket()
for _ in range({CALLS}):
    one.getsockname()
print(json.dumps([]))
"""
OPTION = """
import json, socket
socket.socket().setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
print(json.dumps([]))
"""
LANDLOCK = """
import ctypes, json, socket
libc = ctypes.CDLL(None, use_errno=True)
rules = (ctypes.c_uint64 * 2)(0, 1)  # LANDLOCK_ACCESS_NET_BIND_TCP
one = socket.socket()
ruleset = libc.syscall(444, rules, ctypes.sizeof(rules), 0)
libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
if ruleset < 0 or libc.syscall(446, ruleset, 0):
    print(json.dumps(["skip"]))
else:
    try:
        one.bind(("127.0.0.1", 1025))
    except PermissionError:
        print(json.dumps(["refused"]))
"""


def act(program):
    """The process id of one that did it, and what it printed."""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    )
    printed = process.communicate()[0]
    if process.returncode:
        raise Failure(f"the program that acts ended with {process.returncode}")
    return process.pid, json.loads(printed)


def name_of(event):
    return lookup(event, "netaudit.event")


def events_of(agent, pid):
    """All of the process's, its end seen."""
    agent.await_event(
        lambda e: name_of(e) == "process_ended" and lookup(e, "process.pid") == pid,
        f"the end of process {pid}",
    )
    return [e for e in agent.events if lookup(e, "process.pid") == pid]


def hooks_of(agent, pid):
    return [e for e in events_of(agent, pid) if name_of(e).startswith("hook.")]


def told(event, *fields):
    """The name without hook., and these."""
    values = (lookup(event, field) for field in fields)
    return (name_of(event)[5:], *(None if value is MISSING else value for value in values))


def compare(found, wanted):
    if found != wanted:
        raise Failure(f"found\n  {found}\nwanted\n  {wanted}")


def check_common(event, tier):
    name = name_of(event)[5:]
    source = lookup(event, "netaudit.source")
    if not source.startswith({"kprobe": ("kprobe/", "kretprobe/")}.get(tier, tier + "/")):
        raise Failure(f"{name} comes from {source} on the tier {tier}")
    compare(
        [lookup(event, f) for f in ("event.action", "netaudit.hook", "event.type")],
        [name, name, ["info"]],
    )


def connection(agent, tier):
    """Each call once, in order, of the process that made it, on its socket."""
    pid, (port, server, client) = act(CONNECTION)
    found = hooks_of(agent, pid)
    for event in found:
        check_common(event, tier)
    in_task = [e for e in found if name_of(e) not in ("hook.inet_conn_request", "hook.inet_csk_clone")]
    called = [told(e, "netaudit.socket.cookie", "destination.ip", "destination.port") for e in in_task
              if name_of(e) != "hook.socket_getsockname"]
    compare(
        called,
        [
            ("socket_create", None, None, None),
            ("socket_setsockopt", server, None, None),
            ("socket_bind", server, "127.0.0.1", None),
            ("socket_listen", server, "127.0.0.1", port),
            ("socket_create", None, None, None),
            ("socket_setsockopt", client, None, None),
            ("socket_connect", client, "127.0.0.1", port),
            ("socket_shutdown", client, "127.0.0.1", port),
        ],
    )
    arguments = ("netaudit.sockopt.level", "netaudit.sockopt.name", "netaudit.backlog",
                 "netaudit.shutdown_how", "event.outcome")
    compare(
        [told(e, *arguments) for e in in_task
         if name_of(e) in ("hook.socket_setsockopt", "hook.socket_listen", "hook.socket_shutdown")],
        [
            ("socket_setsockopt", 1, 2, None, None, "success"),
            ("socket_listen", None, None, 7, None, "success"),
            ("socket_setsockopt", 41, 26, None, None, "success"),
            ("socket_shutdown", None, None, None, "write", "success"),
        ],
    )
    softirq(found, server)


def softirq(found, server):
    """What happens in a softirq is the listener's, whatever ran there."""
    asked = [e for e in found if name_of(e) == "hook.inet_conn_request"]
    compare([told(e, "netaudit.socket.cookie", "process.thread.id") for e in asked],
            [("inet_conn_request", server, None)])


def peer(agent, tier):
    """Whose arguments take a number of slots that depends on the kernel."""
    if "socket_getpeersec_stream" not in SETTINGS:
        raise Skip("this kernel refuses the program")
    pid, _ = act(PEER)
    found = [told(e, "event.outcome", "error.code") for e in events_of(agent, pid)
             if lookup(e, "netaudit.hook") == "socket_getpeersec_stream"]
    # Without an LSM that labels, the hook answers ENOPROTOOPT, which is no refusal.
    if found != [("socket_getpeersec_stream", "success", None)]:
        compare(found, [("socket_getpeersec_stream", "failure", "ENOPROTOOPT")])


def sampled(agent, tier):
    pid, _ = act(NAMES)
    found = [e for e in hooks_of(agent, pid) if name_of(e) == "hook.socket_getsockname"]
    if not CALLS // SAMPLE - 1 <= len(found) <= CALLS // SAMPLE + 1:
        raise Failure(f"{len(found)} events of {CALLS} calls, one in {SAMPLE}")
    compare({lookup(e, "netaudit.sample") for e in found}, {SAMPLE})


def refused(agent, tier):
    """In mode event too it is one `denied`; what an earlier LSM refused no program of lsm sees."""
    pid, answer = act(LANDLOCK)
    if answer != ["refused"]:
        raise Skip("this kernel's Landlock knows no networks")
    check_refused(events_of(agent, pid), tier)


def check_refused(found, tier):
    if [e for e in found if name_of(e) in ("hook.socket_bind", "bound")]:
        raise Failure("a bind that was refused was told as allowed")
    hook = None if tier == "lsm" else "socket_bind"
    denied = [e for e in found if name_of(e) == "denied"]
    compare(
        [told(e, "netaudit.hook", "netaudit.operation", "error.code")[1:] for e in denied],
        [(hook, "bind", "EACCES")],
    )


def counted(agent, tier):
    if [e for e in agent.events if name_of(e) == "hook.socket_getpeername"]:
        raise Failure("a hook in mode count made an event")


def serve(test, tier):
    settings = [f"capture.hooks={json.dumps(SETTINGS)}", "process.events=true",
                "capture.families=[inet,inet6,unix]"]
    with test.agent(settings=settings) as agent:
        for step in (connection, peer, sampled, refused, counted):
            test.step(f"{step.__name__} {tier}", step, agent, tier)


def reload(test, tier):
    """A mode that changes does so at once; what was off needs a restart. Count tells refusals too."""
    modes = {"socket_setsockopt": "event", "socket_bind": "count"}
    capture = {"hooks": modes, "attach": tier}
    with Place() as place:
        configuration = place.configuration(capture=capture, process={"events": True})
        with Daemon(test, place, configuration) as daemon, place.follow(test, configuration) as live:
            while live.lines.empty():  # it begins with what comes after its start
                act(OPTION)
            before = hooks_of(live, act(OPTION)[0])
            pid, answer = act(LANDLOCK)
            if answer == ["refused"]:
                check_refused(events_of(live, pid), tier)
            capture["hooks"] = {"socket_setsockopt": "denied", "socket_getsockopt": "event",
                                "socket_bind": "count"}
            place.configuration(capture=capture, process={"events": True})
            daemon.send(signal.SIGHUP)
            daemon.await_log("reload: done")
            after = hooks_of(live, act(OPTION)[0])
            compare(
                [[name_of(e) for e in events] for events in (before, after)],
                [["hook.socket_setsockopt"], []],
            )
            if "capture.hooks: socket_getsockopt: event needs a restart" not in daemon.log():
                raise Failure(f"a hook that cannot be attached is not told of\n{daemon.log()}")


def without(test):
    """The tier has no hooks: one agent_degraded for each that was asked for."""
    settings = [f"capture.hooks={json.dumps(SETTINGS)}"]
    with test.agent(settings=settings, degraded=True) as agent:
        said = [e.get("message", "") for e in agent.events if name_of(e) == "agent_degraded"]
    for hook in SETTINGS:
        if not any(f"capture.hooks: {hook} cannot be had: " in message for message in said):
            raise Failure(f"nothing was said of {hook}: {said}")


def look(test):
    """What `netaudit hooks --json` finds with the settings."""
    wanted = [*test.options.set, f"capture.hooks={json.dumps(SETTINGS)}"]
    done = subprocess.run(
        [test.netaudit, "hooks", "--json", *(w for s in wanted for w in ("--set", s))],
        capture_output=True,
        text=True,
    )
    if not done.stdout:
        raise Skip(f"netaudit hooks: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    if done.returncode:
        raise Failure(f"netaudit hooks: {found['self_test']}")
    return found


def no_tax(found):
    """Functions tell all, on every kernel: no program is on all system calls."""
    call = next(p for p in found["programs"] if p["source"] == "tp_btf/sys_exit")
    if call["state"] == "works" or "not needed: other programs" not in call["reason"]:
        raise Failure(f"tp_btf/sys_exit: {call}")


def check_tier(test, tier):
    """Of a tier that is named, or that is taken."""
    found = look(test)
    used = [tier["tier"] for tier in found["tiers"] if tier["used"]][-1]
    if tier and used != tier:
        raise Failure(f"{used} is used, not {tier}")
    if used == "cgroup":
        test.step("without", without, test)
        return
    if used in ("fexit", "lsm"):
        test.step(f"no tax {used}", no_tax, found)
    all_settings = dict(SETTINGS)
    for hook in found["hooks"]:
        if hook["hook"] in MAY_BE_REFUSED and "source" not in hook:
            print(f"     {hook['hook']} is left out: {hook['reason']}")
            del SETTINGS[hook["hook"]]
    serve(test, used)
    test.step(f"reload {used}", reload, test, used)
    SETTINGS.update(all_settings)


def fallback(test, hook):
    """fexit has the others; what it is refused is told all the same, by the tier that has it."""
    found = look(test)
    sources = {one["hook"]: one.get("source", "") for one in found["hooks"] if one["hook"] in SETTINGS}
    taken = sources.pop(hook)
    if not taken.startswith("kretprobe/") or any(taken[:1] == one[:1] for one in sources.values()):
        raise Failure(f"{hook} by {taken}, and {sources}")
    settings = [f"capture.hooks={json.dumps(SETTINGS)}", "process.events=true",
                "capture.families=[inet,inet6,unix]"]
    with test.agent(settings=settings) as agent:
        peer(agent, None)
        told_by = {lookup(e, "netaudit.source") for e in agent.events
                   if name_of(e) == "hook." + hook or lookup(e, "netaudit.hook") == hook}
        compare(told_by, {taken})
        test.step("connection fexit", connection, agent, "fexit")


def check(test):
    if test.options.fallback:
        test.step(f"fallback {test.options.fallback}", fallback, test, test.options.fallback)
        return
    given = list(test.options.set)
    for tier in filter(None, test.options.tier.split(",")):
        test.options.set = [*given, f"capture.attach={tier}"]
        check_tier(test, tier)
    if not test.options.tier:
        check_tier(test, None)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    run(check, values=("tier", "fallback"))
