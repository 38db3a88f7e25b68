#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Each server by itself, with a client that is not ours: it starts, takes something, is killed or
stopped, and has it still. Usage: servers_test.py NAME…   (all without a name)
Exit status 77: this machine has none of them; the last line says why.
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from servers.hec import Hec
from servers.journald import Journald
from servers.kafka import PASSWORD, SCRAM_PASSWORD, SCRAM_USER, USER, FOR_SCRAM, Cluster, Kafka
from servers.nginx import Nginx
from servers.opensearch import OpenSearch
from servers.process import Unavailable
from servers.rsyslog import Rsyslog
from servers.scripted import Scripted
from servers.dialects import Webhook
from servers.squid import Squid
from servers.syslog_ng import SyslogNg
from servers.tls import Tls
from servers.toxiproxy import Toxiproxy

CHANNEL = "6f1d1f5e-6e5b-4d3c-9f64-0d2a3f7c1b11"
EVENT = b'{"event":{"id":"e-1"}}'
MESSAGE = b"<13>1 2026-01-01T00:00:00Z host app 1 ID - %s"


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def produce(kafka, topic, text, listener="PLAIN", **settings):
    words = [word for key, value in settings.items() for word in ("-X", f"{key.replace('_', '.')}={value}")]
    done = subprocess.run(
        [kafka.kcat, "-b", kafka.bootstrap(listener), "-t", topic, "-P", "-X",
         "message.timeout.ms=15000", *words],
        input=text, capture_output=True, text=True, timeout=60,
    )
    expect(done.returncode == 0, f"kcat: {done.stderr}")


def kafka(folder):
    tls = Tls(folder / "tls")
    with Kafka(folder / "one", tls) as one:
        one.create("audit", partitions=3)
        produce(one, "audit", "first\n", enable_idempotence="true", acks="all")
        secure = {
            "security_protocol": "ssl", "ssl_ca_location": tls.ca,
            "ssl_certificate_location": tls.pem("client"), "ssl_key_location": tls.key("client"),
        }
        produce(one, "audit", "second\n", "TLS", **secure)
        login = {
            "security_protocol": "sasl_plaintext", "sasl_mechanism": "PLAIN",
            "sasl_username": USER, "sasl_password": PASSWORD,
        }
        produce(one, "audit", "third\n", "SASL", **login)
        one.configure("audit", max_message_bytes=2000)
        one.kill()
        one.start()
        one.wait_until(lambda: len(one.messages("audit")) == 3, "what it had before the kill")
        expect(sorted(one.messages("audit")) == [b"first", b"second", b"third"], "other messages")


def kafka_scram(folder):
    with Kafka(folder / "one", version=FOR_SCRAM) as one:
        one.create("audit")
        login = {
            "security_protocol": "sasl_plaintext", "sasl_mechanism": "SCRAM-SHA-256",
            "sasl_username": SCRAM_USER, "sasl_password": SCRAM_PASSWORD,
        }
        produce(one, "audit", "hello\n", "SASL", **login)
        expect(one.messages("audit") == [b"hello"], "no message")


def kafka_cluster(folder):
    with Cluster(folder / "three") as three:
        three.nodes[0].create("audit")
        leader = three.leader("audit")
        leader.kill()
        other = next(node for node in three.nodes if node is not leader)
        changed = lambda: other.leader("audit") not in (None, -1, leader.node)
        other.wait_until(changed, "another leader")
        produce(other, "audit", "hello\n", acks="all")
        expect(other.messages("audit") == [b"hello"], "no message")


def post(port, path, body, headers=(), method="POST"):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", body, dict(headers), method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def hec(folder):
    with Hec(folder / "hec") as one:
        head = {"X-Splunk-Request-Channel": CHANNEL}
        status, answer = post(one.port, "/services/collector/event", EVENT * 2, head)
        number = json.loads(answer)["ackId"]
        question = json.dumps({"acks": [number]}).encode()
        status, answer = post(one.port, "/services/collector/ack", question, head)
        expect(json.loads(answer)["acks"][str(number)] is True, f"not acknowledged: {answer}")
        one.wait_until(lambda: len(one.events()) == 2, "two exported events")
        expect(one.events()[0] == {"id": "e-1"}, f"another event: {one.events()[0]}")


def opensearch(folder):
    with OpenSearch(folder / "os") as one:
        one.template("audit", "audit-*", {
            "dynamic": "strict",
            "properties": {"@timestamp": {"type": "date"}, "pid": {"type": "long"}},
        })
        lines = [
            {"create": {"_index": "audit-x", "_id": "1"}}, {"@timestamp": "2026-01-01T00:00:00Z"},
            {"create": {"_index": "audit-x", "_id": "2"}},
            {"@timestamp": "2026-01-01T00:00:00Z", "pid": "x"},
        ]
        body = "".join(json.dumps(line) + "\n" for line in lines).encode()
        kind = {"Content-Type": "application/x-ndjson"}
        verdicts = [
            [item["create"]["status"] for item in json.loads(post(one.port, "/_bulk", body, kind)[1])["items"]]
            for _ in range(2)
        ]
        expect(verdicts == [[201, 400], [409, 400]], f"verdicts {verdicts}")
        one.kill()
        one.start()
        found = lambda: one.documents("audit-x") == [{"@timestamp": "2026-01-01T00:00:00Z"}]
        one.wait_until(found, "the document")


def rsyslog(folder):
    tls = Tls(folder / "tls")
    with Rsyslog(folder / "rsyslog", tls) as one:
        send_everywhere(one, tls)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local:
            local.connect(str(one.socket))
            local.send(MESSAGE % b"local")
        one.wait_until(lambda: len(one.messages()) == 4, "four messages")
        expect({m["msg"] for m in one.messages()} == {"udp", "tcp", "tls", "local"}, "other messages")
        one.kill()
        one.start()


def syslog_ng(folder):
    tls = Tls(folder / "tls")
    with SyslogNg(folder / "syslog-ng", tls) as one:
        send_everywhere(one, tls)
        one.wait_until(lambda: len(one.messages()) == 3, "three messages")
        expect({m["MSG"] for m in one.messages()} == {"udp", "tcp", "tls"}, "other messages")


def framed(text):
    message = MESSAGE % text
    return b"%d %s" % (len(message), message)


def send_everywhere(one, tls):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        datagram.sendto(MESSAGE % b"udp", ("127.0.0.1", one.port))
    with socket.create_connection(("127.0.0.1", one.port)) as stream:
        stream.sendall(framed(b"tcp"))
    plain = socket.create_connection(("127.0.0.1", one.tls_port))
    with tls.client_context().wrap_socket(plain, server_hostname="localhost") as stream:
        stream.sendall(framed(b"tls"))


def journald(folder):
    with Journald(folder / "journald") as one:
        send = (
            "import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);"
            "s.sendto(b'MESSAGE=hello\\nNETAUDIT_TEST=1\\n', '/run/systemd/journal/socket')"
        )
        done = one.run(sys.executable, "-c", send)
        expect(done.returncode == 0, done.stderr)
        one.wait_until(lambda: one.entries("NETAUDIT_TEST=1"), "the entry")


def nginx(folder):
    tls = Tls(folder / "tls")
    with Scripted(Webhook()) as far:
        with Nginx(folder / "plain", far.port, token="Splunk tok", body="1k") as one:
            status, _ = post(one.port, "/", EVENT)
            expect(status == 401, f"{status} without a token")
            status, _ = post(one.port, "/", EVENT, {"Authorization": "Splunk tok"})
            expect(status == 200, f"{status} with the token")
            status, _ = post(one.port, "/", b" " * 5000, {"Authorization": "Splunk tok"})
            expect(status == 413, f"{status} for a large body")
        with Nginx(folder / "tls-one", far.port, tls) as one:
            url, context = f"https://localhost:{one.port}/", tls.client_context()
            answer = urllib.request.urlopen(url, EVENT, timeout=10, context=context)
            expect(answer.status == 200, f"{answer.status} by TLS")
        expect(far.received() == ["e-1"] * 2, f"taken: {far.received()}")


def through(proxy, port):
    handler = urllib.request.ProxyHandler({"http": proxy})
    try:
        return urllib.request.build_opener(handler).open(f"http://127.0.0.1:{port}/", EVENT, 30).status
    except urllib.error.HTTPError as error:
        return error.code


def squid(folder):
    with Scripted(Webhook()) as far, Squid(folder / "squid", "audit", "pw") as one:
        status = through(f"http://127.0.0.1:{one.port}", far.port)
        expect(status == 407, f"{status} without a password")
        status = through(f"http://audit:pw@127.0.0.1:{one.port}", far.port)
        expect(status == 200 and far.received() == ["e-1"], f"{status} with it")


def toxiproxy(folder):
    with Scripted(Webhook()) as far, Toxiproxy(folder / "toxiproxy", far.port) as one:
        expect(post(one.port, "/", EVENT)[0] == 200, "nothing came through")
        one.enable(False)
        try:
            post(one.port, "/", EVENT)
            raise AssertionError("it is off, and something came through")
        except OSError:
            pass
        one.heal()
        expect(post(one.port, "/", EVENT)[0] == 200, "nothing came through after it")


TESTS = {
    one.__name__: one
    for one in (
        kafka, kafka_scram, kafka_cluster, hec, opensearch, rsyslog, syslog_ng, journald, nginx,
        squid, toxiproxy,
    )
}


def main(names):
    results = {"ok": 0, "FAIL": 0, "SKIP": 0}
    last = ""
    for name in names or TESTS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="netaudit-", dir="/var/tmp") as holder:
            Path(holder).chmod(0o755)
            try:
                TESTS[name](Path(holder))
                verdict, why = "ok", ""
            except Unavailable as reason:
                verdict, why = "SKIP", f": {reason}"
                last = f"skipped: {name}{why}"
            except Exception:
                verdict, why = "FAIL", "\n" + traceback.format_exc()
        results[verdict] += 1
        print(f"{verdict:4} {name} ({time.monotonic() - began:.1f} s){why}", flush=True)
    if results["FAIL"]:
        return 1
    if results["SKIP"] and not results["ok"]:
        print(last)
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
