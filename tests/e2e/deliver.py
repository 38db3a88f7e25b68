#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Deliveries to real servers, each as somebody would configure it: every event of the journal is there
once. Usage: deliver.py --netaudit FILE --feed FILE [--slow] [NAME…]
--slow: those whose servers start slowly, too. 77: none of the servers can be had.
"""

import argparse
import copy
import json
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True

from faults.lab import Journal, Shipper, Wrong, id_in, schema, sequence_of, wait_until
from servers.dialects import Bulk, Webhook, event_id, text
from servers.journald import Journald
from servers.kafka import (
    FOR_SCRAM, PASSWORD, SCRAM_PASSWORD, SCRAM_USER, USER, Cluster, Kafka,
)
from servers.nginx import Nginx
from servers.opensearch import OpenSearch, mapping
from servers.process import Unavailable
from servers.rsyslog import Rsyslog
from servers.scripted import Scripted
from servers.squid import Squid
from servers.syslog_ng import SyslogNg
from servers.tls import Tls
from servers.toxiproxy import Toxiproxy

EVENTS, FEW = 200, 20
SKIPPED = 77
SECONDS = 60


class Place:
    """One delivery: a journal, certificates, and what came of it."""

    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        self.tls = Tls(folder / "tls")

    def another(self, name):
        """With a journal of its own; certificates and secrets stay."""
        other = copy.copy(self)
        other.folder = self.folder / name
        other.folder.mkdir()
        other.folder.chmod(0o755)
        return other

    def secret(self, text):
        path = self.folder / "secret"
        path.write_text(text)
        return str(path)

    def client(self):
        """The options of an output that shows a certificate."""
        return {
            "ca_file": str(self.tls.ca), "cert_file": str(self.tls.pem("client")),
            "key_file": str(self.tls.key("client")),
        }

    def deliver(self, output, received, meanwhile=None, dead=0, launch=None, events=EVENTS, why=""):
        """All arrives once; `meanwhile` happens between two halves; `why`: of each dead letter."""
        self.events, self.why = events, why
        with Journal(self.programs, self.folder) as journal:
            shipper = (launch or Shipper)(self.programs, journal, [output])
            with shipper:
                self.go_through(journal, shipper, received, meanwhile)
                shipper.stop()
                self.judge(journal.ids(), received(), shipper, dead)

    def go_through(self, journal, shipper, received, meanwhile):
        journal.append(self.events // 2)
        try:
            if meanwhile:
                wait_until(received, "the first events", SECONDS)
                meanwhile()
            journal.append(self.events // 2)
            caught_up = lambda: journal.cursors().get("out", 0) >= journal.last
            wait_until(caught_up, "the acknowledgement of all", SECONDS)
            here = lambda: len(set(received())) + len(shipper.dead_letters()) >= self.events
            wait_until(here, "all events", SECONDS)
        except Wrong as problem:
            raise Wrong(f"{problem}; {len(set(received()))} arrived{shipper.log()}") from None

    def judge(self, wanted, came, shipper, dead):
        lost = {identity for identity, _ in shipper.dead_letters()}
        if set(came) | lost != wanted:
            raise Wrong(f"{len(wanted - set(came) - lost)} are missing")
        if len(came) != len(set(came)):
            raise Wrong(f"{len(came) - len(set(came))} came twice")
        if len(lost) != dead:
            raise Wrong(f"{len(lost)} dead letters, not {dead}: {shipper.dead_letters()[:1]}")
        if others := [one for one in shipper.dead_letters() if self.why not in one[1]]:
            raise Wrong(f"{len(others)} dead letters for another reason: {others[:1]}")


class Inside(Shipper):
    """In the mount namespace of a journald."""

    journald = None

    def start(self):
        words = ["sh", "-c", 'exec "$0" ship 3<"$1" 4</dev/null']
        self.start_with(self.journald.inside(*words, self.programs.netaudit, self.configuration))


def kafka_output(kafka, topic, **settings):
    return {"type": "kafka", "topic": topic, "kafka": {"bootstrap.servers": kafka} | settings}


def topic_ids(kafka, topic):
    return lambda: [id_in(body.decode()) for body in kafka.messages(topic)]


def kafka_tls(place):
    """With a client certificate, compressed, one topic for each kind of event."""
    with Kafka(place.folder / "kafka", place.tls, auto_create=True) as kafka:
        output = kafka_output(
            kafka.bootstrap("TLS"), "netaudit.%{event.dataset}",
            **{"security.protocol": "ssl", "compression.type": "zstd"},
        )
        place.deliver(output | place.client(), topic_ids(kafka, "netaudit.netaudit.connection"))


def kafka_scram(place):
    with Kafka(place.folder / "kafka", version=FOR_SCRAM, auto_create=True) as kafka:
        output = kafka_output(
            kafka.bootstrap("SASL"), "audit",
            **{"security.protocol": "sasl_plaintext", "sasl.mechanism": "SCRAM-SHA-256",
               "sasl.username": SCRAM_USER},
        )
        output["password_file"] = place.secret(SCRAM_PASSWORD)
        place.deliver(output, topic_ids(kafka, "audit"))


def kafka_secured(place):
    """SASL over TLS: by password, and by a token."""
    with Kafka(place.folder / "kafka", place.tls, auto_create=True) as kafka:
        secured = {"security.protocol": "sasl_ssl", "ssl.ca.location": str(place.tls.ca)}
        by_password = secured | {"sasl.mechanism": "PLAIN", "sasl.username": USER}
        output = kafka_output(kafka.bootstrap("SASL_TLS"), "password", **by_password)
        output["password_file"] = place.secret(PASSWORD)
        place.another("first").deliver(output, topic_ids(kafka, "password"))
        by_token = secured | {
            "sasl.mechanism": "OAUTHBEARER", "enable.sasl.oauthbearer.unsecure.jwt": "true",
            "sasl.oauthbearer.config": f"principal={USER}",
        }
        topic = "token.%{host.name}"  # which is the same in all events, so in none of them
        output = kafka_output(kafka.bootstrap("SASL_TLS"), topic, **by_token)
        place.another("second").deliver(output, topic_ids(kafka, "token.web-1"))


def send_to_a_dying_leader(three, journal, shipper):
    """It stands still with requests on their way, and dies with them."""
    status = lambda name: shipper.status().get(name, 0)
    journal.append(EVENTS // 2)
    shipper.wait_until(lambda: status("events_acknowledged") == EVENTS // 2, "the first half", SECONDS)
    leader = three.leader("audit")
    leader.process.send_signal(signal.SIGSTOP)
    journal.append(EVENTS // 2)
    shipper.wait_until(lambda: status("events_sent") == EVENTS, "requests on their way", SECONDS)
    leader.kill()
    caught_up = lambda: journal.cursors().get("out", 0) >= journal.last
    shipper.wait_until(caught_up, "the acknowledgement of all", SECONDS)


def kafka_leader_killed(place):
    with Cluster(place.folder / "kafka") as three:
        three.nodes[0].create("audit")
        output = kafka_output(three.bootstrap(), "audit")
        with Journal(place.programs, place.folder) as journal:
            with Shipper(place.programs, journal, [output]) as shipper:
                send_to_a_dying_leader(three, journal, shipper)
                shipper.stop()
            alive = next(node for node in three.nodes if node.process.poll() is None)
            place.judge(journal.ids(), topic_ids(alive, "audit")(), shipper, 0)


def kafka_compacted(place):
    """A topic that refuses every event: nothing becomes a dead letter, and all arrives once it is mended."""
    with Kafka(place.folder / "kafka") as kafka, Journal(place.programs, place.folder) as journal:
        kafka.create("t", **{"cleanup.policy": "compact"})
        output = kafka_output(kafka.bootstrap(), "t") | {"key": "none"}
        with Shipper(place.programs, journal, [output]) as shipper:
            journal.append(EVENTS)
            held = lambda: shipper.status().get("state") == "held"
            shipper.wait_until(held, "that the output is held", SECONDS)
            kafka.configure("t", **{"cleanup.policy": "delete"})
            caught_up = lambda: journal.cursors().get("out", 0) >= journal.last
            shipper.wait_until(caught_up, "the acknowledgement of all", SECONDS)
            shipper.stop()
            place.judge(journal.ids(), topic_ids(kafka, "t")(), shipper, 0)


def syslog(server, address, place, **options):
    """To an rsyslog or syslog-ng. Of datagrams no more than a socket holds: no one says what is lost."""

    def received():
        return [id_in(json.dumps(message)) for message in server.messages()]

    output = {"type": "syslog", "address": address, "overlap": "1s"}
    place.deliver(output | options, received, events=FEW if "udp" in address else EVENTS)


def rsyslog(place):
    with Rsyslog(place.folder / "rsyslog", place.tls) as server:
        syslog(server, f"tls://localhost:{server.tls_port}", place, **place.client())


def rsyslog_local(place):
    """/dev/log, with what it expects there."""
    with Rsyslog(place.folder / "rsyslog") as server:
        syslog(server, f"unix://{server.socket}", place)


def rsyslog_udp(place):
    with Rsyslog(place.folder / "rsyslog") as server:
        syslog(server, f"udp://127.0.0.1:{server.port}", place)


def rsyslog_lines(place):
    with Rsyslog(place.folder / "rsyslog") as server:
        syslog(server, f"tcp://127.0.0.1:{server.port}", place, framing="lf")


def rsyslog_3164(place):
    with Rsyslog(place.folder / "rsyslog") as server:
        syslog(server, f"tcp://127.0.0.1:{server.port}", place, protocol="rfc3164")


def syslog_ng(place):
    with SyslogNg(place.folder / "syslog-ng", place.tls) as server:
        syslog(server, f"tcp://127.0.0.1:{server.port}", place)


def syslog_ng_tls(place):
    with SyslogNg(place.folder / "syslog-ng", place.tls) as server:
        syslog(server, f"tls://127.0.0.1:{server.tls_port}", place, **place.client())


def syslog_ng_udp(place):
    with SyslogNg(place.folder / "syslog-ng", place.tls) as server:
        syslog(server, f"udp://127.0.0.1:{server.port}", place)


def journald(place):
    with Journald(place.folder / "journald") as server:
        output = {"type": "syslog", "address": "journald"}

        def received():
            return [id_in(json.dumps(entry)) for entry in server.entries("_TRANSPORT=journal")]

        place.deliver(output, received, launch=type("Launch", (Inside,), {"journald": server}))


def nginx(place):
    """TLS both ways, a token, and a limit of bodies that a batch exceeds."""
    with Scripted(Bulk()) as far:
        front = Nginx(place.folder / "nginx", far.port, place.tls, token="ApiKey tok", body="8k")
        with front:
            output = {
                "type": "http", "dialect": "elastic", "index": "netaudit",
                "url": [f"https://localhost:{front.port}"], "token_file": place.secret("tok"),
            }
            place.deliver(output | place.client(), far.received)


def squid(place):
    """Through a proxy that wants a password, to a server with TLS."""
    with Scripted(Webhook()) as far, Squid(place.folder / "squid", "audit", "pw") as proxy:
        with Nginx(place.folder / "nginx", far.port, place.tls) as front:
            output = {
                "type": "http", "dialect": "webhook", "url": [f"https://localhost:{front.port}/"],
                "proxy": f"http://127.0.0.1:{proxy.port}", "proxy_user": "audit",
                "proxy_password_file": place.secret("pw"),
            }
            place.deliver(output | place.client(), far.received)


def toxiproxy(place):
    """A line with 100 ms and 64 KiB a second."""
    with Scripted(Webhook()) as far, Toxiproxy(place.folder / "toxiproxy", far.port) as line:
        line.poison("latency", latency=100)
        line.poison("bandwidth", stream="upstream", rate=64)
        output = {"type": "http", "dialect": "webhook", "url": [f"http://127.0.0.1:{line.port}/"]}
        place.deliver(output, far.received)


class Picky(Bulk):
    """Refuses one event of twenty for good."""

    def item(self, operation, identity, document, taken):
        if sequence_of(event_id(document)) % 20:
            return super().item(operation, identity, document, taken)
        return {operation: {"status": 400, "error": {"type": "picky", "reason": "no twenties"}}}


def poison_told(place):
    """
    Some events are refused for good: they are dead letters. The log says at once where and why, and in
    the end how many there are.
    """
    with Scripted(Picky()) as far:
        output = {
            "type": "http", "dialect": "elastic", "index": "netaudit",
            "url": [f"http://127.0.0.1:{far.port}/"],
        }
        place.deliver(output, far.received, dead=EVENTS // 20, why="no twenties")
    said = (place.folder / "ship.log").read_text().splitlines()
    first, last = [line for line in said if "out.dead" in line]
    if ": 1 since the start" not in first or "no twenties" not in first:
        raise Wrong(f"the log says {first!r} at first")
    if f": {EVENTS // 20} since the start" not in last:
        raise Wrong(f"the log says {last!r} in the end")


class Guarded(Webhook):
    """Takes what comes with the token of now."""

    token = "old"

    def answer(self, server, request):
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return 401, text({"error": "unauthorized"}), ()
        return super().answer(server, request)


def token(place, replace):
    """In a folder that is nobody else's, replaced as `replace` does it."""
    guard = Guarded()
    with tempfile.TemporaryDirectory(prefix="netaudit-token-", dir="/var/tmp") as holder:
        folder = Path(holder)
        folder.chmod(0o755)
        (folder / "first").mkdir()
        (folder / "first" / "token").write_text("old")
        (folder / "now").symlink_to("first")
        (folder / "token").symlink_to("now/token")
        output = {"type": "http", "dialect": "webhook", "token_file": str(folder / "token")}

        def meanwhile():
            replace(folder)
            guard.token = "new"

        with Scripted(guard) as far:
            output["url"] = [f"http://127.0.0.1:{far.port}/"]
            place.deliver(output, far.received, meanwhile)


def token_of_systemd(place):
    """A credential's name, and the folder that systemd hands over."""
    guard = Guarded()
    with tempfile.TemporaryDirectory(prefix="netaudit-token-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "hec-token").write_text("old")

        def launch(programs, journal, outputs):
            return Shipper(programs, journal, outputs, {"CREDENTIALS_DIRECTORY": folder})

        with Scripted(guard) as far:
            place.deliver({
                "type": "http", "dialect": "webhook", "token_file": "hec-token",
                "url": [f"http://127.0.0.1:{far.port}/"],
            }, far.received, launch=launch)


def token_renamed(place):
    def replace(folder):
        (folder / "next").write_text("new")
        (folder / "next").rename(folder / "token")

    token(place, replace)


def token_linked(place):
    """As Kubernetes replaces all secrets of a folder at once."""
    def replace(folder):
        (folder / "second").mkdir()
        (folder / "second" / "token").write_text("new")
        (folder / "next").symlink_to("second")
        (folder / "next").rename(folder / "now")

    token(place, replace)


def opensearch_strict(place):
    """
    A data stream that takes the fields of the schema and no others, without one that of the four kinds
    of events only `closed` has: those are dead letters, told why.
    """
    with OpenSearch(place.folder / "opensearch") as server:
        strict = mapping(schema(place.programs.netaudit), ["event.reason"])
        server.template("netaudit", "netaudit-*", strict)
        output = {
            "type": "http", "dialect": "elastic", "index": "netaudit-x",
            "url": [f"http://127.0.0.1:{server.port}"],
        }

        def received():
            return [id_in(json.dumps(source)) for source in server.documents("netaudit-x")]

        place.deliver(output, received, dead=EVENTS // 4, why="introduction of [reason]")


QUICK = (
    rsyslog, rsyslog_local, rsyslog_udp, rsyslog_lines, rsyslog_3164, syslog_ng, syslog_ng_tls,
    syslog_ng_udp, journald, nginx, squid, toxiproxy, poison_told, token_of_systemd, token_renamed,
    token_linked,
)
SLOW = (
    kafka_tls, kafka_scram, kafka_secured, kafka_leader_killed, kafka_compacted, opensearch_strict,
)


def attempt(case, programs):
    """(verdict, words)"""
    with tempfile.TemporaryDirectory(prefix="netaudit-", dir="/var/tmp") as holder:
        Path(holder).chmod(0o755)
        try:
            case(Place(programs, Path(holder)))
        except Unavailable as reason:
            return "SKIP", f": {reason}"
        except Wrong as problem:
            return "FAIL", f": {problem}"
        except Exception:
            return "FAIL", "\n" + traceback.format_exc()
    return "ok", ""


def parse():
    parser = argparse.ArgumentParser()
    for name in ("netaudit", "feed"):
        parser.add_argument(f"--{name}", required=True, type=lambda path: str(Path(path).resolve()))
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("names", nargs="*")
    return parser.parse_args()


def main():
    programs = parse()
    cases = QUICK + SLOW if programs.slow or programs.names else QUICK
    verdicts = []
    for case in cases:
        if programs.names and case.__name__ not in programs.names:
            continue
        began = time.monotonic()
        verdict, words = attempt(case, programs)
        verdicts.append(verdict)
        print(f"{verdict:4} {case.__name__} ({time.monotonic() - began:.1f} s){words}", flush=True)
    print(", ".join(f"{verdicts.count(one)} {one}" for one in ("ok", "FAIL", "SKIP")))
    if "FAIL" in verdicts:
        return 1
    if "ok" not in verdicts:
        print("skipped: none of the servers can be had here")
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
