# SPDX-License-Identifier: Apache-2.0
"""toxiproxy, built by Go: a TCP proxy whose faults are switched by HTTP."""

import json
import urllib.error
import urllib.request

from servers import cache
from servers.process import Server, free_ports

MODULE = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0"


def build(where):
    cache.run(cache.go(), "install", MODULE, where=where, env={"GOBIN": str(where)})


class Toxiproxy(Server):
    """In front of 127.0.0.1:`upstream`; it listens at `port`."""

    name = "toxiproxy"

    def __init__(self, folder, upstream):
        super().__init__(folder)
        self.program = cache.built("toxiproxy", MODULE, build) / "server"
        self.control, self.port = free_ports(2)
        self.upstream = upstream

    def command(self):
        return [self.program, "-host", "127.0.0.1", "-port", self.control]

    def ask(self, method, path, document=None):
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.control}{path}", body, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def ready(self):
        try:
            self.ask("GET", "/version")
        except (urllib.error.URLError, ConnectionError):
            return False
        self.ask("POST", "/proxies", {
            "name": "far-end", "listen": f"127.0.0.1:{self.port}",
            "upstream": f"127.0.0.1:{self.upstream}", "enabled": True,
        })
        return True

    def poison(self, kind, stream="downstream", **attributes):
        """latency (latency, jitter), bandwidth (rate), reset_peer (timeout), timeout, limit_data …"""
        self.ask("POST", "/proxies/far-end/toxics", {
            "type": kind, "stream": stream, "attributes": attributes,
        })

    def heal(self):
        self.ask("POST", "/reset")

    def enable(self, on):
        self.ask("POST", "/proxies/far-end", {"enabled": on})
