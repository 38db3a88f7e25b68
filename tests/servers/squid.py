# SPDX-License-Identifier: Apache-2.0
"""squid as a forward proxy: what a company lets out. With a password where one is given."""

import os
import shutil

from servers import cache
from servers.process import Server, accepts, free_ports

HELPERS = "/usr/lib/squid", "/usr/lib64/squid", "/usr/libexec/squid"


class Squid(Server):
    name = "squid"

    def __init__(self, folder, user=None, password=None):
        super().__init__(folder)
        self.program = cache.tool("squid", "/usr/sbin/squid")
        self.user, self.password = user, password
        (self.port,) = free_ports(1)

    def authentication(self):
        if not self.user:
            return "http_access allow all\n"
        helper = cache.tool("basic_ncsa_auth", *(f"{folder}/basic_ncsa_auth" for folder in HELPERS))
        hashed = cache.run(
            cache.tool("openssl"), "passwd", "-apr1", self.password, where=self.folder
        )
        passwords = self.folder / "passwords"
        passwords.write_text(f"{self.user}:{hashed}")
        return (
            f"auth_param basic program {helper} {passwords}\nacl known proxy_auth {self.user}\n"
            "http_access allow known\nhttp_access deny all\n"
        )

    def command(self):
        path = self.folder / "squid.conf"
        path.write_text(
            f"http_port 127.0.0.1:{self.port}\npid_filename none\nnetdb_filename none\n"
            f"pinger_enable off\ncache deny all\naccess_log stdio:{self.folder}/access\n"
            f"cache_log {self.folder}/cache\ncoredump_dir {self.folder}\n"
            f"shutdown_lifetime 0 seconds\n{self.authentication()}"
        )
        if os.geteuid() == 0:
            shutil.chown(self.folder, "proxy")  # it gives up root
        return [self.program, "-N", "-f", path]

    def ready(self):
        return accepts(self.port)

    def passed(self):
        """Lines of its log, one for each request or tunnel that ended."""
        path = self.folder / "access"
        return path.read_text().splitlines() if path.exists() else []
