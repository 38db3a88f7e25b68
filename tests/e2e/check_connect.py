#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
`check --connect` against far ends that take, refuse, and say nothing: what it says is what the far end
saw. Usage: check_connect.py --netaudit FILE
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True

from servers.dialects import Hec, Webhook
from servers.kafka import Kafka
from servers.process import Unavailable
from servers.scripted import Scripted
from servers.scripts import Unauthorized

DONE, UNAVAILABLE = 0, 69
SECONDS = 90


class Stream:
    """A receiver on TCP; one that is `deaf` answers nothing, not even the end."""

    def __init__(self, deaf=False):
        self.deaf, self.data, self.held = deaf, b"", []

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.listener.close()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.held.append(connection)
            while chunk := connection.recv(65536):
                self.data += chunk
            if not self.deaf:
                connection.close()


class Connect:
    def __init__(self, netaudit, folder):
        self.netaudit, self.folder = netaudit, folder

    def check(self, output, status, *words):
        """The one line that is said of the output has all the words."""
        path = self.folder / "netaudit.yaml"
        path.write_text(json.dumps({"outputs": [{"name": "siem"} | output]}))
        done = subprocess.run(
            [self.netaudit, "check", "--connect", "-c", str(path)], capture_output=True, text=True,
            timeout=SECONDS,
        )
        said = done.stdout.splitlines()[-1:] or [""]
        missing = [word for word in words if word not in said[0]]
        if done.returncode != status or missing:
            raise AssertionError(f"{output}: status {done.returncode}, said {said}, {done.stderr}")


def http(port, dialect="webhook", **options):
    return {"type": "http", "dialect": dialect, "url": [f"http://127.0.0.1:{port}/"]} | options


def syslog_tcp(connect):
    """Delivered at once, however long the overlap is: an orderly end proves it."""
    with Stream() as far:
        output = {"type": "syslog", "address": f"tcp://127.0.0.1:{far.port}", "overlap": "20s"}
        connect.check(output, DONE, "delivered, acknowledged after")
        assert b"output_tested" in far.data, far.data


def syslog_nobody(connect):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    output = {"type": "syslog", "address": f"tcp://127.0.0.1:{port}"}
    connect.check(output, UNAVAILABLE, "not delivered", "refused")


def syslog_udp(connect):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(("127.0.0.1", 0))
        output = {"type": "syslog", "address": f"udp://127.0.0.1:{far.getsockname()[1]}"}
        connect.check(output, DONE, "sent after", "nobody confirms what UDP carries")
        assert b"output_tested" in far.recv(65536)


def webhook(connect):
    with Scripted(Webhook()) as far:
        connect.check(http(far.port), DONE, "delivered, acknowledged after")
        assert len(far.received()) == 1, far.received()


def webhook_denied(connect):
    with Scripted(Webhook()) as far:
        far.script = Unauthorized()
        connect.check(http(far.port), UNAVAILABLE, "not delivered", "401", "token_file")


def webhook_black_hole(connect):
    """It was sent, and that is said."""
    with Stream(deaf=True) as far:
        output = http(far.port, compression="none")
        connect.check(output, UNAVAILABLE, "it was sent, and nothing acknowledged it in 15 s")
        assert b"output_tested" in far.data, far.data


def splunk(connect):
    with Scripted(Hec()) as far:
        connect.check(http(far.port, "splunk"), DONE, "delivered, acknowledged after")
        assert len(far.received()) == 1, far.received()


def splunk_unasked(connect):
    with Scripted(Hec()) as far:
        connect.check(http(far.port, "splunk", ack="off"), DONE, "sent after", "nobody asks")


def kafka(connect):
    with Kafka(connect.folder / "kafka", auto_create=True) as far:
        output = {"type": "kafka", "topic": "t", "kafka": {"bootstrap.servers": far.bootstrap()}}
        connect.check(output, DONE, "delivered, acknowledged after")
        assert any(b"output_tested" in body for body in far.messages("t"))


def kafka_nobody(connect):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    output = {"type": "kafka", "topic": "t", "kafka": {"bootstrap.servers": f"127.0.0.1:{port}"}}
    connect.check(output, UNAVAILABLE, "not delivered", "no broker can be reached")


CASES = (
    syslog_tcp, syslog_nobody, syslog_udp, webhook, webhook_denied, webhook_black_hole, splunk,
    splunk_unasked, kafka, kafka_nobody,
)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--netaudit", required=True, type=lambda path: str(Path(path).resolve()))
    netaudit = parser.parse_args().netaudit
    failed = 0
    for case in CASES:
        with tempfile.TemporaryDirectory(prefix="netaudit-", dir="/var/tmp") as holder:
            Path(holder).chmod(0o755)
            try:
                case(Connect(netaudit, Path(holder)))
                print(f"ok   {case.__name__}", flush=True)
            except Unavailable as reason:
                print(f"SKIP {case.__name__}: {reason}", flush=True)
            except AssertionError as problem:
                failed += 1
                print(f"FAIL {case.__name__}: {problem}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
