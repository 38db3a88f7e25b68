# SPDX-License-Identifier: Apache-2.0
"""
syslog-ng over UDP, TCP and TLS. Its package and rsyslog's exclude each other: where it is not
installed it is unpacked from its package into the cache, and run from there.
"""

import json
import os
import platform
import shutil

from servers import cache
from servers.process import Server, Unavailable, accepts, free_ports

PACKAGES = ("syslog-ng-core", "libivykis0", "libnet1", "libpcre3", "libwrap0")


def unpack(where):
    cache.run(cache.tool("apt-get"), "download", *PACKAGES, where=where)
    for package in sorted(where.glob("*.deb")):
        cache.run(cache.tool("dpkg"), "-x", str(package), "root", where=where)
        package.unlink()


def release():
    """(program, its environment, its arguments)"""
    installed = shutil.which("syslog-ng") or shutil.which("/usr/sbin/syslog-ng")
    if installed:
        return installed, None, []
    root = cache.built("syslog-ng", " ".join(PACKAGES), unpack) / "root"
    kind = f"{platform.machine()}-linux-gnu"
    libraries = [root / "usr/lib" / kind, root / "lib" / kind, root / "usr/lib/syslog-ng"]
    modules = next((root / "usr/lib/syslog-ng").glob("[0-9]*"), None)
    if not modules:
        raise Unavailable("syslog-ng's package has no modules")
    environment = dict(os.environ, LD_LIBRARY_PATH=":".join(map(str, libraries)))
    return str(root / "usr/sbin/syslog-ng"), environment, [f"--module-path={modules}"]


class SyslogNg(Server):
    """`port`: UDP and TCP (octet counting); `tls_port` wants a client certificate."""

    name = "syslog-ng"

    def __init__(self, folder, tls):
        super().__init__(folder)
        self.program, self.variables, self.arguments = release()
        self.tls = tls
        self.port, self.tls_port = free_ports(2)
        self.out = self.folder / "out.jsonl"

    def environment(self):
        return self.variables

    def configuration(self):
        here = f'ip("127.0.0.1") port({self.port})'
        files = (
            f'ca-file("{self.tls.ca}") key-file("{self.tls.key("server")}") '
            f'cert-file("{self.tls.pem("server")}") peer-verify(required-trusted)'
        )
        return (
            "@version: 3.38\n"
            "options { keep-hostname(yes); log-msg-size(131072); flush-lines(1); stats-freq(0); };\n"
            f'source s {{ network({here} transport("udp") flags(syslog-protocol)); '
            f'syslog({here} transport("tcp")); '
            f'syslog(ip("127.0.0.1") port({self.tls_port}) transport("tls") tls({files})); }};\n'
            f'destination d {{ file("{self.out}" template("$(format-json --scope rfc5424 '
            '--key ISODATE MSG=${MESSAGE})\\n")); };\n'
            "log { source(s); destination(d); };\n"
        )

    def command(self):
        path = self.folder / "syslog-ng.conf"
        path.write_text(self.configuration())
        own = [
            ("-f", path), ("-R", self.folder / "persist"), ("-c", self.folder / "control"),
            ("-p", self.folder / "pid"),
        ]
        return [self.program, "-F", "--no-caps", *self.arguments, *(word for pair in own for word in pair)]

    def ready(self):
        return accepts(self.port) and accepts(self.tls_port)

    def messages(self):
        """What it wrote: dicts with MSG, HOST, PROGRAM, _SDATA …"""
        if not self.out.exists():
            return []
        text = self.out.read_bytes()
        return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]
