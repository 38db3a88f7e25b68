# SPDX-License-Identifier: Apache-2.0
"""Certificates for the tests, by openssl: a CA, server, client; one expired; one of another CA."""

import ssl
from pathlib import Path

from servers import cache

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
EXTENSIONS = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n"


class Tls:
    """
    Files in a folder: ca, NAME.pem and NAME.key of server, client, expired (a server's, two days
    old, valid for one) and stranger (a client's, of a CA that nobody trusts).
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.openssl = cache.tool("openssl")
        self.ca = self.folder / "ca.pem"
        self.make_ca("ca")
        self.make_ca("other-ca")
        (self.folder / "extensions").write_text(EXTENSIONS)
        self.make("server")
        self.make("client")
        self.make("stranger", ca="other-ca")
        self.make_expired()
        self.make_java()

    def run(self, *words):
        return cache.run(self.openssl, *words, where=self.folder)

    def pem(self, name):
        return self.folder / f"{name}.pem"

    def key(self, name):
        return self.folder / f"{name}.key"

    def make_ca(self, name):
        self.run(
            "req", "-x509", *CURVE, "-days", "3650", "-subj", f"/CN={name}", "-keyout",
            f"{name}.key", "-out", f"{name}.pem", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )

    def request(self, name):
        self.run("req", *CURVE, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")

    def make(self, name, ca="ca"):
        self.request(name)
        self.run(
            "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key",
            "-CAcreateserial", "-days", "3650", "-out", f"{name}.pem", "-extfile", "extensions",
        )

    def make_expired(self):
        """`openssl ca`, since x509 of older versions knows no date in the past."""
        self.request("expired")
        (self.folder / "index").write_text("")
        (self.folder / "serial").write_text("7000\n")
        (self.folder / "ca.conf").write_text(
            f"[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir={self.folder}\n"
            "default_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n"
        )
        self.run(
            "ca", "-batch", "-notext", "-config", "ca.conf", "-cert", "ca.pem", "-keyfile", "ca.key",
            "-in", "expired.csr", "-out", "expired.pem", "-extfile", "extensions",
            "-startdate", "20200101000000Z", "-enddate", "20200102000000Z",
        )

    def make_java(self):
        """What Kafka reads as one PEM: key, certificate, CA."""
        key = self.run("pkcs8", "-topk8", "-nocrypt", "-in", "server.key")
        self.java_server = self.folder / "server.java.pem"
        self.java_server.write_text(key + self.pem("server").read_text() + self.ca.read_text())

    def server_context(self, name="server", client=False):
        """For a server of our own, with that certificate; with `client` it wants one too."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem(name), self.key(name))
        context.load_verify_locations(self.ca)
        context.verify_mode = ssl.CERT_REQUIRED if client else ssl.CERT_NONE
        return context

    def client_context(self, name="client"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.ca)
        context.load_cert_chain(self.pem(name), self.key(name))
        return context
