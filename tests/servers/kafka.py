# SPDX-License-Identifier: Apache-2.0
"""Kafka (KRaft): one node or three, with TLS and SASL; read and asked by kcat."""

import re
import subprocess
from pathlib import Path

from servers import cache, java
from servers.process import Server, free_ports

NEWEST = "4.3.1"
# Debian's librdkafka 2.0.2 sends the client's nonce twice, which SCRAM of Kafka 4 refuses.
FOR_SCRAM = "3.9.2"
CLUSTER = "M6tPxzAgRYCL17SnrmnWzw"
SECURITY = "org.apache.kafka.common.security"
USER, PASSWORD = "audit", "pw1"
SCRAM_USER, SCRAM_PASSWORD = "audit2", "pw2"
LOG = """<Configuration status="warn"><Appenders><Console name="c">
<PatternLayout pattern="%d{HH:mm:ss.SSS} %p %m (%c{1})%n"/></Console></Appenders>
<Loggers><Root level="warn"><AppenderRef ref="c"/></Root></Loggers></Configuration>
"""
LISTENERS = {
    "PLAIN": "PLAINTEXT",
    "CONTROLLER": "PLAINTEXT",
    "RELAY": "PLAINTEXT",
    "TLS": "SSL",
    "SASL": "SASL_PLAINTEXT",
    "SASL_TLS": "SASL_SSL",
}
NEED_TLS = ("TLS", "SASL_TLS")


def home(version):
    dependencies = [
        ("org.apache.kafka", "kafka_2.13", version),
        ("org.apache.kafka", "kafka-tools", version),
    ]
    if version >= "4":
        dependencies.append(("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4"))
    return cache.jars(f"kafka-{version}", dependencies)


class Kafka(Server):
    """
    One node. Listeners are ports[NAME]: PLAIN, TLS (a client certificate is wanted), SASL and SASL_TLS,
    and RELAY, which tells clients to come back to `relay`, a port that a test puts in front of it.
    """

    name = "kafka"

    def __init__(self, folder, tls=None, relay=None, version=NEWEST, node=1, auto_create=False):
        super().__init__(folder)
        self.version, self.node, self.tls = version, node, tls
        self.auto_create = auto_create
        self.java = java.java(17)
        self.kcat = cache.tool("kcat")
        self.classes = str(home(version) / "lib" / "*")
        names = [name for name in LISTENERS if tls or name not in NEED_TLS]
        self.ports = dict(zip(names, free_ports(len(names))))
        self.relay = relay or self.ports["RELAY"]
        self.peers = {node: self.ports["CONTROLLER"]}
        self.formatted = False

    def bootstrap(self, listener="PLAIN"):
        return f"127.0.0.1:{self.ports[listener]}"

    def properties(self):
        ports, alone = self.ports, len(self.peers) == 1
        copies, wanted = (1, 1) if alone else (3, 2)
        rows = {
            "process.roles": "broker,controller",
            "node.id": self.node,
            "controller.quorum.voters": ",".join(f"{n}@127.0.0.1:{p}" for n, p in self.peers.items()),
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items()),
            "advertised.listeners": ",".join(
                f"{name}://127.0.0.1:{self.relay if name == 'RELAY' else port}"
                for name, port in ports.items()
                if name != "CONTROLLER"
            ),
            "listener.security.protocol.map": ",".join(f"{n}:{LISTENERS[n]}" for n in ports),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAIN",
            "log.dirs": self.folder / "data",
            "auto.create.topics.enable": str(self.auto_create).lower(),
            "num.partitions": 1,
            "default.replication.factor": copies,
            "min.insync.replicas": wanted,
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": wanted,
            "group.initial.rebalance.delay.ms": 0,
            "log.cleaner.dedupe.buffer.size": 4194304,
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,OAUTHBEARER",
        }
        for name in ("sasl", "sasl_tls"):
            rows |= self.sasl(f"listener.name.{name}")
        if self.tls:
            rows |= {
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": self.tls.java_server,
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": self.tls.ca,
                "listener.name.tls.ssl.client.auth": "required",
            }
        return "".join(f"{key}={value}\n" for key, value in rows.items())

    @staticmethod
    def sasl(listener):
        """Tokens of OAUTHBEARER are not signed: whoever says a name has it."""
        modules = {
            "plain": f'plain.PlainLoginModule required user_{USER}="{PASSWORD}"',
            "scram-sha-256": "scram.ScramLoginModule required",
            "oauthbearer": "oauthbearer.OAuthBearerLoginModule required "
            f'unsecuredLoginStringClaim_sub="{USER}"',
        }
        return {
            f"{listener}.{name}.sasl.jaas.config": f"{SECURITY}.{module};"
            for name, module in modules.items()
        }

    def run_java(self, *words, memory="256m"):
        return [self.java, f"-Xmx{memory}", *java.FLAGS, "-cp", self.classes, *words]

    def format(self):
        user = f"SCRAM-SHA-256=[name={SCRAM_USER},password={SCRAM_PASSWORD}]"
        cache.run(
            *self.run_java("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c",
                           str(self.folder / "server.properties"), "--add-scram", user),
            where=self.folder,
        )
        self.formatted = True

    def command(self):
        (self.folder / "server.properties").write_text(self.properties())
        (self.folder / "log4j2.xml").write_text(LOG)
        if not self.formatted:
            self.format()
        return self.run_java(
            "-Dlog4j2.configurationFile=log4j2.xml", "kafka.Kafka", "server.properties", memory="512m"
        )

    def metadata(self, topic=None):
        """What kcat -L prints; empty when there is no answer."""
        wanted = ["-t", topic] if topic else []
        done = subprocess.run(
            [self.kcat, "-b", self.bootstrap(), "-L", "-m", "1", *wanted],
            capture_output=True, text=True, timeout=60,
        )
        return done.stdout if done.returncode == 0 else ""

    def ready(self):
        return len(re.findall(r"^  broker ", self.metadata(), re.M)) == len(self.peers)

    def leader(self, topic):
        found = re.search(r"partition 0, leader (\d+)", self.metadata(topic))
        return int(found[1]) if found else None

    def create(self, topic, partitions=1, **settings):
        """A topic; settings as max_message_bytes=1000."""
        words = [
            word
            for key, value in settings.items()
            for word in ("--config", f"{key.replace('_', '.')}={value}")
        ]
        self.topics("--create", "--topic", topic, "--partitions", str(partitions), *words)

    def topics(self, *words):
        cache.run(
            *self.run_java("org.apache.kafka.tools.TopicCommand", "--bootstrap-server",
                           self.bootstrap(), *words),
            where=self.folder,
        )

    def configure(self, topic, **settings):
        """Settings of a topic that is there."""
        change = ",".join(f"{key.replace('_', '.')}={value}" for key, value in settings.items())
        cache.run(
            *self.run_java("kafka.admin.ConfigCommand", "--bootstrap-server", self.bootstrap(),
                           "--alter", "--entity-type", "topics", "--entity-name", topic,
                           "--add-config", change),
            where=self.folder,
        )

    def messages(self, topic):
        """The bodies of all messages, by kcat."""
        done = subprocess.run(
            [self.kcat, "-b", self.bootstrap(), "-t", topic, "-C", "-e", "-q", "-o", "beginning",
             "-X", "isolation.level=read_committed"],
            capture_output=True, timeout=120,
        )
        return done.stdout.splitlines() if done.returncode == 0 else []


class Cluster:
    """Three nodes; the one that leads can be killed."""

    def __init__(self, folder, tls=None):
        self.nodes = [Kafka(Path(folder) / f"n{n}", tls, node=n) for n in (1, 2, 3)]
        for node in self.nodes:
            node.peers = {one.node: one.ports["CONTROLLER"] for one in self.nodes}

    def __enter__(self):
        try:
            for node in self.nodes:
                node.ready, ready = (lambda: True), node.ready
                node.start()
                node.ready = ready
            for node in self.nodes:
                node.wait_until(node.ready, "three brokers")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        # Without a quorum the last would wait for its controlled shutdown for ever.
        for node in self.nodes:
            node.kill()

    def bootstrap(self):
        return ",".join(node.bootstrap() for node in self.nodes)

    def leader(self, topic):
        """The node that leads partition 0."""
        number = next(filter(None, (n.leader(topic) for n in self.nodes if n.process.poll() is None)))
        return self.nodes[number - 1]
