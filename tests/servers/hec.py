# SPDX-License-Identifier: Apache-2.0
"""
Splunk's HTTP Event Collector with indexer acknowledgement, as the OpenTelemetry Collector has it,
built by Go from modules. Not as Splunk: its ack ids begin with 1, it checks no token, and it
acknowledges what it handed to its exporter.
"""

import json
import urllib.error
import urllib.request
from pathlib import Path

from servers import cache
from servers.dialects import concatenated
from servers.process import Server, free_ports

SOURCE = Path(__file__).with_name("programs") / "hec.go"
CONTRIB = "github.com/open-telemetry/opentelemetry-collector-contrib"
MODULES = (
    f"{CONTRIB}/receiver/splunkhecreceiver@v0.128.0",
    f"{CONTRIB}/extension/ackextension@v0.128.0",
    f"{CONTRIB}/exporter/fileexporter@v0.128.0",
    "go.opentelemetry.io/collector/otelcol@v0.128.0",
    "go.opentelemetry.io/collector/confmap/provider/fileprovider@v1.34.0",
)


def build(where):
    go, settings = cache.go(), {"GOFLAGS": "-mod=mod"}
    (where / "go.mod").write_text("module netaudit/tests/hec\n\ngo 1.24\n")
    (where / "main.go").write_text(SOURCE.read_text())
    cache.run(go, "get", *MODULES, where=where, env=settings)
    cache.run(go, "build", "-ldflags=-s -w", "-o", "hec", ".", where=where, env=settings)


def program():
    recipe = SOURCE.read_text() + "".join(MODULES)
    return cache.built("hec", recipe, build) / "hec"


class Hec(Server):
    name = "hec"

    def __init__(self, folder, ack=True):
        super().__init__(folder)
        self.program = program()
        self.ack = ack
        (self.port,) = free_ports(1)
        self.out = self.folder / "out.jsonl"

    def configuration(self):
        acknowledges = {"ack": {"extension": "ack"}} if self.ack else {}
        receiver = {"endpoint": f"127.0.0.1:{self.port}", **acknowledges}
        return {
            "extensions": {"ack": {}},
            "receivers": {"splunk_hec": receiver},
            "exporters": {"file": {"path": str(self.out), "flush_interval": "50ms", "append": True}},
            "service": {
                "extensions": ["ack"],
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {"logs": {"receivers": ["splunk_hec"], "exporters": ["file"]}},
            },
        }

    def command(self):
        # What is JSON is YAML too.
        (self.folder / "hec.yaml").write_text(json.dumps(self.configuration()))
        return [self.program, "--config", f"file:{self.folder / 'hec.yaml'}"]

    def ready(self):
        try:
            url = f"http://127.0.0.1:{self.port}/services/collector/health"
            return urllib.request.urlopen(url, timeout=5).status == 200
        except (urllib.error.URLError, ConnectionError):
            return False

    def events(self):
        """The bodies that it exported, as they came: values of OTLP's JSON, made plain."""
        if not self.out.exists():
            return []
        # A killed one leaves out a newline, and the next one goes on behind it.
        return [
            plain(record["body"])
            for batch in whole_values(self.out.read_bytes())
            for resource in batch["resourceLogs"]
            for scope in resource["scopeLogs"]
            for record in scope["logRecords"]
        ]


def whole_values(text):
    """Those in front of one that is being written."""
    values = concatenated(text)
    while True:
        try:
            yield next(values)
        except (StopIteration, ValueError):
            return


def plain(value):
    """OTLP's {"stringValue": …} and the like as what they mean."""
    (kind, inner), = value.items() if value else (("none", None),)
    if kind == "kvlistValue":
        return {one["key"]: plain(one["value"]) for one in inner.get("values", [])}
    if kind == "arrayValue":
        return [plain(one) for one in inner.get("values", [])]
    return int(inner) if kind == "intValue" else inner
