#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real programs against their own word: their logs and counters say what the events must say."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from lib.agent import Failure
from lib.cases import await_marker
from lib.harness import Skip, run
from lib.match import MISSING, lookup

REQUESTS = 25
SECONDS = 30
FILE_BYTES = 1_234_567
# Between curl's clock and the kernel's, on a busy machine.
SLACK_NS = 300_000_000


def need(*programs):
    """The paths; Skip names what is missing."""
    found = [
        shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin:/usr/local/go/bin")
        for program in programs
    ]
    missing = [program for program, path in zip(programs, found) if not path]
    if missing:
        raise Skip(f"not installed: {', '.join(missing)}")
    return found


def free_port():
    """Below the range that the kernel gives to clients."""
    for port in range(18080, 19080):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Failure("no free port")


def await_port(port, process):
    """Until somebody listens there."""
    deadline = time.monotonic() + SECONDS
    needle = f":{port:04X} "
    while time.monotonic() < deadline:
        for table in ("tcp", "tcp6"):
            lines = Path(f"/proc/net/{table}").read_text().splitlines()
            if any(
                line.split()[3] == "0A" and needle in line.split()[1] + " " for line in lines[1:]
            ):
                return
        if process.poll() is not None:
            raise Failure(f"the server ended with status {process.returncode}")
        os.sched_yield()
    raise Failure(f"nobody listens on port {port}")


class Server:
    """A server in the foreground, listening inside the context."""

    def __init__(self, command, port, **options):
        self.command, self.port, self.options = command, port, options

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.options
        )
        try:
            await_port(self.port, self.process)
        except BaseException:
            self.__exit__()
            raise
        return self.process

    def __exit__(self, *error):
        self.process.terminate()
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def of_port(agent, name, port):
    return [
        event
        for event in agent.events
        if lookup(event, "netaudit.event") == name and lookup(event, "destination.port") == port
    ]


def expect_equal(what, wanted, found):
    if wanted != found:
        raise Failure(f"{what}: the program says {wanted}, the event {found}")


def expect_process(event, executable, *arguments):
    """Who it was, and `arguments` among its own."""
    real = os.path.realpath(executable)
    expect_equal("executable", real, lookup(event, "process.executable"))
    args = lookup(event, "process.args")
    for argument in arguments:
        if args is MISSING or argument not in args:
            raise Failure(f"{argument} is not among the arguments {args}")


def curl(program, url, *arguments):
    """What curl says about its transfer."""
    words = (
        "size_download",
        "size_header",
        "size_request",
        "size_upload",
        "time_total",
        "time_connect",
        "local_port",
        "http_code",
    )
    form = " ".join(f"%{{{word}}}" for word in words)
    done = subprocess.run(
        [program, "-s", "-o", "/dev/null", "-w", form, *arguments, url],
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    if done.returncode:
        raise Failure(f"curl: status {done.returncode}: {done.stderr}")
    return dict(zip(words, map(float, done.stdout.split())))


# ---------------------------------------------------------------------------------------------

NGINX = """
daemon off;
worker_processes 2;
error_log {folder}/error.log;
pid {folder}/pid;
user root;
events {{}}
http {{
	log_format e2e '$remote_port $request_length $bytes_sent $status';
	access_log {folder}/access.log e2e;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	keepalive_timeout 0;
	server {{
		listen 127.0.0.1:{port};
		root {folder};
	}}
}}
"""


def nginx_server(nginx, folder, port):
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port))
    (folder / "file").write_bytes(b"x" * FILE_BYTES)
    return Server([nginx, "-p", str(folder), "-c", str(config)], port)


def access_log(folder):
    """{source port: (request bytes, response bytes)}"""
    lines = (folder / "access.log").read_text().splitlines()
    entries = [tuple(map(int, line.split())) for line in lines]
    return {port: (request, sent) for port, request, sent, _ in entries}


def nginx_log(test, folder):
    """The lines of the access log are the accepted connections of nginx, with their bytes."""
    nginx, program = need("nginx", "curl")
    port = free_port()
    with test.agent() as agent:
        with nginx_server(nginx, folder, port):
            for number in range(REQUESTS):
                curl(program, f"http://127.0.0.1:{port}/{'file' if number % 5 else 'none'}")
        await_marker(test, agent)
    log = access_log(folder)
    expect_equal("connections", REQUESTS, len(log))
    accepted = of_port(agent, "accepted", port)
    expect_equal(
        "accepted", sorted(log), sorted(lookup(event, "source.port") for event in accepted)
    )
    for event in accepted:
        expect_process(event, nginx, "-p")
    closed = [
        event
        for event in of_port(agent, "closed", port)
        if lookup(event, "network.direction") == "ingress"
    ]
    found = {
        lookup(event, "source.port"): (
            lookup(event, "source.bytes"),
            lookup(event, "destination.bytes"),
        )
        for event in closed
    }
    expect_equal("bytes", log, found)


def curl_words(test, folder):
    """Sizes and times of curl are bytes and duration of its connection."""
    nginx, program = need("nginx", "curl")
    port = free_port()
    with test.agent() as agent:
        with nginx_server(nginx, folder, port):
            upload = ("--data-binary", "@" + str(folder / "nginx.conf"))
            said = [
                curl(program, f"http://127.0.0.1:{port}/file"),
                curl(program, f"http://127.0.0.1:{port}/file", *upload),
            ]
        await_marker(test, agent)
    for words in said:
        events = {
            lookup(event, "netaudit.event"): event
            for event in agent.events
            if lookup(event, "source.port") == int(words["local_port"])
            and lookup(event, "network.direction") == "egress"
        }
        check_curl(program, words, events)


def check_curl(program, words, events):
    closed = events["closed"]
    for name in ("established", "closed"):
        expect_process(events[name], program, "-w")
    # Of a body that goes out with the header, size_request counts both.
    expect_equal("bytes sent", int(words["size_request"]), lookup(closed, "source.bytes"))
    expect_equal(
        "bytes received",
        int(words["size_header"] + words["size_download"]),
        lookup(closed, "destination.bytes"),
    )
    duration = lookup(closed, "event.duration")
    transfer = (words["time_total"] - words["time_connect"]) * 1e9
    if not transfer - SLACK_NS <= duration <= words["time_total"] * 1e9 + SLACK_NS:
        raise Failure(f"curl took {transfer:.0f} ns after its connect, the event says {duration}")


# ---------------------------------------------------------------------------------------------

# Listening and connected sockets of each kind, on IPv4 and IPv6, until stdin ends.
SOCKETS = """
import socket, sys
kept = []
for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    listener = socket.socket(family); listener.bind((host, 0)); listener.listen()
    client = socket.socket(family); client.connect(listener.getsockname()[:2])
    server = listener.accept()[0]
    bound = socket.socket(family, socket.SOCK_DGRAM); bound.bind((host, 0))
    peer = socket.socket(family, socket.SOCK_DGRAM); peer.connect(bound.getsockname()[:2])
    kept += [listener, client, server, bound, peer]
both = socket.socket(socket.AF_INET6)
both.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0); both.bind(("::", 0)); both.listen()
mapped = socket.socket(socket.AF_INET6)
mapped.connect(("::ffff:127.0.0.1", both.getsockname()[1]))
kept += [both, mapped, both.accept()[0]]
print("ready", flush=True)
sys.stdin.read()
"""


class Holder:
    """A process with sockets, in this network namespace or in one of its own."""

    def __init__(self, python, apart):
        enter = (
            ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$0" "$@"'] if apart else []
        )
        self.command = [*enter, python, "-c", SOCKETS]

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, text=True, stdout=subprocess.PIPE
        )
        if self.process.stdout.readline() != "ready\n":
            raise Failure("the process with sockets did not start")
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        self.process.wait(SECONDS)
        self.process.stdout.close()

    def netns(self):
        return os.stat(f"/proc/{self.process.pid}/ns/net").st_ino


def split_address(text):
    """ss's `[::1]:80`, `*:80`, `127.0.0.1%lo:*`, as (ip, port); any is None."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]").split("%")[0].removeprefix("::ffff:")
    return (
        None if host in ("*", "0.0.0.0", "::") else host,
        None if port in ("*", "0") else int(port),
    )


def ss_sockets(program, pid):
    """{inode: (transport, addresses, listens, pids)} in the network namespace of a process."""
    done = subprocess.run(
        ["nsenter", "-t", str(pid), "-n", program, "-tunapeH"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = {}
    for line in done.stdout.splitlines():
        transport, state, _, _, local, peer, *more = line.split(None, 6)
        rest = " ".join(more)
        holders = frozenset(map(int, re.findall(r"pid=(\d+)", rest)))
        if not holders:
            continue  # no process any more
        ends = frozenset({split_address(local), split_address(peer)} - {(None, None)})
        inode = re.search(r"ino:(\d+)", rest)[1]
        found[inode] = (transport, ends, state == "LISTEN", holders)
    return found


def event_sockets(agent, netns):
    """The same, of the events `existing`."""
    found = {}
    for event in agent.events:
        transport = lookup(event, "network.transport")
        if (
            lookup(event, "netaudit.event") != "existing"
            or lookup(event, "netaudit.socket.netns") != netns
            or transport not in ("tcp", "udp")
        ):
            continue
        ends = {event_address(event, side) for side in ("source", "destination")}
        inode = lookup(event, "netaudit.socket.inode")
        if inode in found:
            raise Failure(f"two events for the socket {inode}: {event}")
        found[inode] = (
            transport,
            frozenset(ends - {(None, None)}),
            transport == "tcp" and lookup(event, "event.action") == "listener_found",
            frozenset({lookup(event, "process.pid")}),
        )
    return found


def event_address(event, side):
    ip, port = lookup(event, f"{side}.ip"), lookup(event, f"{side}.port")
    return (
        None if ip in (MISSING, "0.0.0.0", "::") else ip,
        None if port in (MISSING, 0) else port,
    )


def compare_sockets(where, before, after, found):
    """What ss saw before and after must be there, by a holder; what neither saw must not."""
    problems = []
    for inode in before.keys() & after.keys():
        *wanted, holders = after[inode]
        if inode not in found:
            problems.append(f"{where}: ss shows {inode} {wanted}, no event does")
            continue
        *said, process = found[inode]
        if said != wanted or not process <= holders | before[inode][-1]:
            problems.append(f"{where}: {inode}: ss says {after[inode]}, the event {found[inode]}")
    problems += [
        f"{where}: event of {inode} {found[inode]}, ss does not show it"
        for inode in found.keys() - before.keys() - after.keys()
    ]
    if len(found) < 13:
        problems.append(f"{where}: {len(found)} sockets, the test alone has 13")
    return problems


def snapshot(test):
    """ss -tunap is the snapshot, here and in another network namespace."""
    program, python, *_ = need("ss", "python3", "unshare", "nsenter", "ip")
    with Holder(python, False) as here, Holder(python, True) as apart:
        holders = {"here": here, "in another namespace": apart}
        before = {where: ss_sockets(program, one.process.pid) for where, one in holders.items()}
        with test.agent() as agent:
            after = {where: ss_sockets(program, one.process.pid) for where, one in holders.items()}
        problems = [
            problem
            for where, one in holders.items()
            for problem in compare_sockets(
                where, before[where], after[where], event_sockets(agent, one.netns())
            )
        ]
    if problems:
        raise Failure("\n".join(problems))


# ---------------------------------------------------------------------------------------------

GO = """//go:debug multipathtcp=2
package main

import (
	"net"
	"os"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		panic(err)
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		connection.Write([]byte("go"))
		connection.Close()
	}
}
"""

JAVA = """import java.net.Socket;

class Client {
	public static void main(String[] arguments) throws Exception {
		try (Socket socket = new Socket("127.0.0.1", Integer.parseInt(arguments[0]))) {
			System.out.println(socket.getLocalPort());
			socket.getInputStream().readAllBytes();
		}
	}
}
"""


def both_ends(test, agent, port, source):
    """(established, accepted) of the connection from a port."""
    await_marker(test, agent)
    found = [
        [event for event in of_port(agent, name, port) if lookup(event, "source.port") == source]
        for name in ("established", "accepted")
    ]
    if [len(events) for events in found] != [1, 1]:
        raise Failure(
            f"established, accepted: {[len(events) for events in found]} instead of one each"
        )
    return found[0][0], found[1][0]


def python_server(test, folder):
    python, program = need("python3", "curl")
    port = free_port()
    # pyenv and its like start the interpreter by a script.
    real = subprocess.run(
        [python, "-c", "import sys; print(sys.executable)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    command = [real, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with test.agent() as agent, Server(command, port, cwd=folder):
        words = curl(program, f"http://127.0.0.1:{port}/")
        established, accepted = both_ends(test, agent, port, int(words["local_port"]))
    expect_process(established, program, f"http://127.0.0.1:{port}/")
    expect_process(accepted, real)
    expect_equal("arguments", command, lookup(accepted, "process.args"))


def go_server(test, folder):
    """Go listens with MPTCP by default; a plain TCP client falls back."""
    (go,) = need("go")
    (folder / "server.go").write_text(GO)
    built = subprocess.run(
        [go, "build", "-o", str(folder / "go-server"), str(folder / "server.go")],
        env=dict(
            os.environ,
            GOCACHE=str(folder / "cache"),
            GO111MODULE="off",
            GOFLAGS="",
            HOME=str(folder),
        ),
        capture_output=True,
        text=True,
    )
    if built.returncode:
        raise Failure(f"go build: {built.stderr}")
    port = free_port()
    command = [str(folder / "go-server"), str(port)]
    with test.agent() as agent, Server(command, port):
        with socket.create_connection(("127.0.0.1", port)) as client:
            source = client.getsockname()[1]
            expect_equal("answer", b"go", client.recv(2))
        established, accepted = both_ends(test, agent, port, source)
        (listening,) = of_port(agent, "listening", port)
    expect_equal("client", os.getpid(), lookup(established, "process.pid"))
    for event in (accepted, listening):
        expect_process(event, command[0])
        expect_equal("arguments", command, lookup(event, "process.args"))
    print(f"     go listens with protocol {lookup(listening, 'netaudit.socket.protocol')}")


def java_client(test, folder):
    (java,) = need("java")
    if (
        "jdk.compiler"
        not in subprocess.run([java, "--list-modules"], capture_output=True, text=True).stdout
    ):
        raise Skip("not installed: a Java compiler")
    (folder / "Client.java").write_text(JAVA)
    with socket.create_server(("127.0.0.1", 0)) as server, test.agent() as agent:
        port = server.getsockname()[1]
        client = subprocess.Popen(
            [java, str(folder / "Client.java"), str(port)], stdout=subprocess.PIPE, text=True
        )
        server.settimeout(SECONDS)
        server.accept()[0].close()
        output, _ = client.communicate(timeout=SECONDS)
        established, accepted = both_ends(test, agent, port, int(output))
    expect_process(established, java, str(folder / "Client.java"), str(port))
    expect_equal("server", os.getpid(), lookup(accepted, "process.pid"))
    # Java's sockets are IPv6, the connection is not.
    expect_equal("network.type", "ipv4", lookup(established, "network.type"))


def ssh_login(test, folder):
    """The server accepts in one process and serves in others; the connection is one."""
    sshd, ssh, keygen = need("sshd", "ssh", "ssh-keygen")
    port = free_port()
    for name in ("host", "user"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    (folder / "sshd.conf").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/user.pub\nPermitRootLogin prohibit-password\nUsePAM no\n"
        f"PidFile {folder}/pid\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)  # where it parts with its privileges
    server = [sshd, "-D", "-f", str(folder / "sshd.conf")]
    command = [ssh, "-F", "none", "-p", str(port), "-i", str(folder / "user"), "-T"]
    command += ["-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={folder}/known"]
    with test.agent() as agent, Server(server, port):
        done = subprocess.run(
            command + ["root@127.0.0.1", "echo $SSH_CONNECTION"],
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        if done.returncode:
            raise Failure(f"ssh: {done.stderr}")
        # What sshd itself says of the connection: address, port, address, port.
        source = int(done.stdout.split()[1])
        established, accepted = both_ends(test, agent, port, source)
    expect_process(established, ssh, str(folder / "user"))
    expect_process(accepted, sshd, str(folder / "sshd.conf"))


def psql_query(test, folder):
    """The server says who its client is."""
    psql, runuser = need("psql", "runuser")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        raise Skip("not installed: postgres")
    server, port, data = found[-1], free_port(), folder / "data"
    data.mkdir()
    shutil.chown(data, "postgres")
    as_user = [runuser, "-u", "postgres", "--"]
    initdb = [str(server.parent / "initdb"), "-A", "trust", "-N", "-D", str(data)]
    subprocess.run(as_user + initdb, stdout=subprocess.DEVNULL, check=True, cwd=data)
    command = [str(server), "-D", str(data), "-p", str(port), "-k", "", "-h", "127.0.0.1"]
    with test.agent() as agent, Server(as_user + command, port, cwd=data):
        done = subprocess.run(
            [psql, "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-At", "-c"]
            + ["select inet_client_port(), pg_backend_pid()"],
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        if done.returncode:
            raise Failure(f"psql: {done.stderr}")
        source, _ = map(int, done.stdout.split("|"))
        established, accepted = both_ends(test, agent, port, source)
    expect_equal("client", "psql", lookup(established, "process.name"))
    # The postmaster accepts; the backend that serves is its child.
    expect_process(accepted, str(server), "-D")
    expect_equal("user", "postgres", lookup(accepted, "user.name"))


def real_programs(test):
    parts = {
        "nginx's access log": nginx_log,
        "curl's sizes and times": curl_words,
        "python http.server": python_server,
        "go server": go_server,
        "java client": java_client,
        "ssh and sshd": ssh_login,
        "psql and postgres": psql_query,
    }
    for name, part in parts.items():
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            test.step(name, part, test, Path(folder))
    test.step("ss and the snapshot", snapshot, test)


if __name__ == "__main__":
    run(real_programs)
