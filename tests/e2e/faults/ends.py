# SPDX-License-Identifier: Apache-2.0
"""
The far ends: an output's configuration, a relay in front of a server, and the ids of events that are
at the server. One object serves one cell; servers that start slowly are shared.
"""

import json
from pathlib import Path

from faults.lab import id_in, schema
from servers.dialects import DIALECTS
from servers.hec import Hec
from servers.kafka import PASSWORD, USER, Kafka
from servers.opensearch import OpenSearch, mapping
from servers.process import free_ports
from servers.relay import Relay
from servers.relay_faults import anything, http_post, kafka_produce
from servers.rsyslog import Rsyslog
from servers.scripted import Scripted, ScriptedProcess
from servers.tls import Tls


class Servers:
    """What cells share: certificates, and servers that take seconds to start."""

    def __init__(self, folder, netaudit=None):
        self.folder, self.netaudit = folder, netaudit
        self.made = {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for server in self.made.values():
            if hasattr(server, "stop"):
                server.stop()

    def get(self, name, make, start=False):
        """The one of that name, made by make(folder); an Unavailable one is asked for each time."""
        if name not in self.made:
            made = make(self.folder / name)
            if start:
                made.start()
            self.made[name] = made
        return self.made[name]

    def tls(self):
        return self.get("tls", Tls)


class FarEnd:
    """
    `relay` stands in front of `server` (a process) or `scripted`; `watch` tells where events begin;
    `repeats`: how many events before the fault may come again: none but where the output's
    guarantee says so.
    """

    watch = staticmethod(anything)
    overlaps = False
    answers = True  # the far end says that it took something
    server = scripted = relay = None

    def __init__(self, servers, folder):
        self.servers, self.folder = servers, folder

    def __enter__(self):
        self.begin()
        return self

    def __exit__(self, *error):
        if self.relay:
            self.relay.stop()
        self.end()

    def end(self):
        if self.server:
            self.server.stop()

    def put_relay(self, upstream, tls_in=None, tls_out=None, port=None):
        self.relay = Relay(port or free_ports(1)[0], upstream, tls_in, tls_out)
        self.relay.start()


class KafkaEnd(FarEnd):
    """A topic of a shared broker; the relay is where the broker says that it is."""

    name = "Kafka"
    watch = staticmethod(kafka_produce)
    topics = 0

    def begin(self):
        def make(folder):
            return Kafka(folder, relay=free_ports(1)[0], auto_create=True)

        self.server = self.servers.get("kafka", make, start=True)
        KafkaEnd.topics += 1
        self.topic = f"cell-{KafkaEnd.topics}"
        self.put_relay(self.server.ports["RELAY"], port=self.server.relay)

    def end(self):
        if self.server and self.server.process.poll() is not None:
            self.server.start()  # for the next cell

    def secure(self, tls_in):
        self.relay.tls_in = tls_in
        return {"ca_file": str(self.servers.tls().ca), "kafka": {"security.protocol": "ssl"}}

    def output(self):
        return {
            "type": "kafka", "topic": self.topic,
            "kafka": {
                "bootstrap.servers": f"127.0.0.1:{self.relay.port}",
                "linger.ms": "0",
                "request.timeout.ms": "1000",
                "socket.timeout.ms": "2000",
                "reconnect.backoff.ms": "10",
                "reconnect.backoff.max.ms": "100",
                "retry.backoff.ms": "20",
            },
        }

    def login(self, password):
        """By SASL, past the relay."""
        file = self.folder / "password"
        file.write_text(password)
        settings = {
            "bootstrap.servers": self.server.bootstrap("SASL"), "security.protocol": "sasl_plaintext",
            "sasl.mechanism": "PLAIN", "sasl.username": USER,
        }
        output = self.output()
        return output | {"password_file": str(file), "kafka": output["kafka"] | settings}

    right_password = PASSWORD

    def received(self):
        return [id_in(message.decode()) for message in self.server.messages(self.topic)]


class SyslogEnd(FarEnd):
    """
    rsyslog by TCP. A peer that dies takes with it what its kernel had acknowledged: an overlap is
    sent again, so what was confirmed is held for so long; longer than all that troubles.py waits.
    """

    name = "syslog TCP"
    overlaps = True
    answers = False
    times = {"timeout": "1s", "overlap": "2s"}

    def begin(self):
        self.server = Rsyslog(self.folder / "rsyslog")
        self.server.start()
        self.put_relay(self.server.port)

    def output(self):
        return {
            "type": "syslog", "address": f"tcp://127.0.0.1:{self.relay.port}", **self.times,
        }

    def received(self):
        return [id_in(message["raw"]) for message in self.server.messages()]


class SyslogTlsEnd(SyslogEnd):
    """The relay ends TLS, and begins it anew towards rsyslog: so it sees where events are."""

    name = "syslog TLS"

    def begin(self):
        tls = self.servers.tls()
        self.server = Rsyslog(self.folder / "rsyslog", tls)
        self.server.start()
        self.put_relay(
            self.server.tls_port, tls.server_context(client=True), tls.client_context()
        )

    def output(self, certificate="client"):
        tls = self.servers.tls()
        return {
            "type": "syslog", "address": f"tls://127.0.0.1:{self.relay.port}", **self.times,
            "ca_file": str(tls.ca), "cert_file": str(tls.pem(certificate)),
            "key_file": str(tls.key(certificate)),
        }


class HttpEnd(FarEnd):
    """A scripted server in this process, or as a process of its own where it is to be killed."""

    watch = staticmethod(http_post)
    dialect = None
    path = "/"
    dies = False

    def begin(self):
        if self.dies:
            self.server = ScriptedProcess(self.folder / "scripted", self.dialect)
            self.server.start()
        else:
            self.scripted = Scripted(DIALECTS[self.dialect]())
            self.scripted.__enter__()
        self.put_relay((self.server or self.scripted).port)

    def end(self):
        super().end()
        if self.scripted:
            self.scripted.__exit__()

    def url(self, secure=False):
        return f"http{'s' if secure else ''}://127.0.0.1:{self.relay.port}{self.path}"

    def output(self):
        token = self.folder / "token"
        token.write_text("tok")
        return {
            "type": "http", "dialect": self.dialect, "url": [self.url()], "timeout": "1s",
            "token_file": str(token),
        }

    def secure(self, tls_in):
        self.relay.tls_in = tls_in
        return {"ca_file": str(self.servers.tls().ca), "url": [self.url(secure=True)]}

    def received(self):
        return (self.server or self.scripted).received()


class BulkEnd(HttpEnd):
    name = "_bulk"
    dialect = "elastic"

    def output(self):
        return super().output() | {"index": "netaudit-events"}


class HecEnd(HttpEnd):
    name = "HEC"
    dialect = "splunk"

    def output(self):
        return super().output() | {"ack": "required"}


class WebhookEnd(HttpEnd):
    name = "webhook"
    dialect = "webhook"
    path = "/hook"


class CollectorEnd(HecEnd):
    """HEC of the OpenTelemetry Collector, whose acknowledgement means: handed to its exporter."""

    name = "HEC, Collector"

    def begin(self):
        self.server = Hec(self.folder / "hec")
        self.server.start()
        self.put_relay(self.server.port)

    def received(self):
        return [id_in(json.dumps(event)) for event in self.server.events()]


class OpenSearchEnd(BulkEnd):
    """A data stream of a shared node, which takes the fields of the schema and no others."""

    name = "_bulk, OpenSearch"
    streams = 0

    def begin(self):
        self.server = self.servers.get("opensearch", OpenSearch, start=True)
        OpenSearchEnd.streams += 1
        self.stream = f"netaudit-{OpenSearchEnd.streams}"
        self.server.template("netaudit", "netaudit-*", mapping(schema(self.servers.netaudit)))
        self.put_relay(self.server.port)

    def end(self):
        if self.server and self.server.process.poll() is not None:
            self.server.start()

    def output(self):
        return super().output() | {"index": self.stream}

    def received(self):
        return [id_in(json.dumps(source)) for source in self.server.documents(self.stream)]


class FileEnd(FarEnd):
    name = "file"
    answers = False

    def begin(self):
        self.path = Path(self.folder) / "out" / "events.json"
        self.path.parent.mkdir(exist_ok=True)

    def output(self):
        return {"type": "file", "path": str(self.path), "rotate_size": "1GiB"}

    def received(self):
        text = self.path.read_bytes() if self.path.exists() else b""
        return [id_in(line.decode()) for line in text[: text.rfind(b"\n") + 1].splitlines()]


COLUMNS = (KafkaEnd, SyslogEnd, SyslogTlsEnd, HecEnd, BulkEnd, WebhookEnd, FileEnd)
REAL_HTTP = (CollectorEnd, OpenSearchEnd)
