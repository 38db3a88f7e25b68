# SPDX-License-Identifier: Apache-2.0
"""nginx in front of a server: TLS with client certificates, a token, a limit of bodies."""

from servers import cache
from servers.process import Server, accepts, free_ports

TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Nginx(Server):
    """Passes to http://127.0.0.1:`upstream` what carries `token` in Authorization; no token: all."""

    name = "nginx"

    def __init__(self, folder, upstream, tls=None, token=None, body="1m", certificate="server"):
        super().__init__(folder)
        self.program = cache.tool("nginx", "/usr/sbin/nginx")
        self.upstream, self.tls, self.token, self.body = upstream, tls, token, body
        self.certificate = certificate
        (self.port,) = free_ports(1)

    def configuration(self):
        paths = " ".join(f"{one}_temp_path {self.folder}/{one};" for one in TEMPORARY)
        secure = check = ""
        if self.tls:
            secure = (
                f"ssl_certificate {self.tls.pem(self.certificate)}; "
                f"ssl_certificate_key {self.tls.key(self.certificate)}; "
                f"ssl_client_certificate {self.tls.ca}; ssl_verify_client on;"
            )
        if self.token:
            refusal = '{"text":"Invalid token","code":4}'
            check = f"if ($http_authorization != \"{self.token}\") {{ return 401 '{refusal}'; }}"
        return (
            f"daemon off; pid {self.folder}/pid; error_log {self.folder}/error info;\n"
            "worker_processes 1; events { worker_connections 128; }\n"
            f"http {{ access_log {self.folder}/access; {paths}\n"
            f"server {{ listen 127.0.0.1:{self.port}{' ssl' if self.tls else ''}; {secure}\n"
            f"client_max_body_size {self.body};\n"
            f"location / {{ {check} proxy_pass http://127.0.0.1:{self.upstream}; }} }} }}\n"
        )

    def command(self):
        path = self.folder / "nginx.conf"
        path.write_text(self.configuration())
        return [self.program, "-c", path, "-p", self.folder]

    def ready(self):
        return accepts(self.port)
