# SPDX-License-Identifier: Apache-2.0
"""rsyslog with every way in: /dev/log, UDP, TCP, TLS with client certificates. Writes JSON lines."""

import json
import os

from servers import cache
from servers.process import Server, Unavailable, accepts, free_ports

MODULES = "/usr/lib/x86_64-linux-gnu/rsyslog", "/usr/lib/aarch64-linux-gnu/rsyslog", "/usr/lib/rsyslog"
PROPERTIES = (
    ("in", "inputname"), ("pri", "pri"), ("host", "hostname"), ("app", "app-name"),
    ("procid", "procid"), ("msgid", "msgid"), ("sd", "structured-data"),
    ("version", "protocol-version"), ("msg", "msg"), ("raw", "rawmsg"),
)


def needs_gtls():
    """The other TLS driver, ossl, loses large messages in the version of Debian 12."""
    if not any(os.path.exists(f"{folder}/lmnsd_gtls.so") for folder in MODULES):
        raise Unavailable("rsyslog-gnutls is not installed")


class Rsyslog(Server):
    """Ports: `port` for UDP and TCP, `tls_port`; `socket` is its /dev/log."""

    name = "rsyslog"

    def __init__(self, folder, tls=None):
        super().__init__(folder)
        self.program = cache.tool("rsyslogd", "/usr/sbin/rsyslogd")
        self.tls = tls
        if tls:
            needs_gtls()
        self.port, self.tls_port = free_ports(2)
        self.socket = self.folder / "dev-log"
        self.out = self.folder / "out.jsonl"

    def tls_lines(self):
        if not self.tls:
            return "", ""
        files = (
            f'defaultNetstreamDriverCAFile="{self.tls.ca}" '
            f'defaultNetstreamDriverCertFile="{self.tls.pem("server")}" '
            f'defaultNetstreamDriverKeyFile="{self.tls.key("server")}"'
        )
        listener = (
            'module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" '
            'StreamDriver.AuthMode="x509/name" PermittedPeer=["client"])\n'
            f'input(type="imtcp" address="127.0.0.1" port="{self.tls_port}")\n'
        )
        return files, listener

    def configuration(self):
        files, listener = self.tls_lines()
        rows = " ".join(
            f'property(outname="{name}" name="{source}" format="jsonf")' for name, source in PROPERTIES
        )
        return (
            f'global(workDirectory="{self.folder}" maxMessageSize="128k" '
            f'parser.escapeControlCharactersOnReceive="off" {files})\n'
            'module(load="imuxsock" SysSock.Use="off")\nmodule(load="imudp")\nmodule(load="imptcp")\n'
            f"{listener}"
            # Without useSpecialParser="off" RFC 5424 is read as 3164.
            f'input(type="imuxsock" Socket="{self.socket}" CreatePath="on" usePIDFromSystem="off" '
            'useSpecialParser="off" parseHostname="on")\n'
            f'input(type="imudp" address="127.0.0.1" port="{self.port}")\n'
            f'input(type="imptcp" address="127.0.0.1" port="{self.port}" '
            'SupportOctetCountedFraming="on")\n'
            f'template(name="json" type="list" option.jsonf="on") {{ {rows} }}\n'
            f'action(type="omfile" file="{self.out}" template="json" asyncWriting="off" '
            'flushInterval="0")\n'
        )

    def command(self):
        path = self.folder / "rsyslog.conf"
        path.write_text(self.configuration())
        self.socket.unlink(missing_ok=True)  # a killed one left it
        (self.folder / "pid").unlink(missing_ok=True)
        return [self.program, "-n", "-f", path, "-i", self.folder / "pid"]

    def ready(self):
        ports = [self.port] + ([self.tls_port] if self.tls else [])
        return self.socket.exists() and all(accepts(port) for port in ports)

    def messages(self):
        """What it wrote, each message a dict of PROPERTIES."""
        if not self.out.exists():
            return []
        text = self.out.read_bytes()
        return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]
