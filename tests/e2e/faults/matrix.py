# SPDX-License-Identifier: Apache-2.0
"""The rows: which trouble makes a fault for which output, or why there can be none."""

from faults import ends, troubles
from servers import relay_faults, scripts

NO_NETWORK = "a file has no far end"
NO_ANSWERS = "syslog has no answers"
NO_STATUS = "the protocol has no such answer"
NOT_HTTP = "of HTTP"
NO_TLS = "without TLS there are no certificates"
NO_LOGIN = "nobody is asked who he is"


def is_http(end):
    return issubclass(end, ends.HttpEnd)


def is_kafka(end):
    return issubclass(end, ends.KafkaEnd)


def is_real(end):
    return end in ends.REAL_HTTP


def none(end):
    return troubles.Trouble()


def killed(point):
    def row(end):
        if end is ends.FileEnd:
            return troubles.KilledWriting() if point == "middle" else NO_NETWORK
        if not end.answers and point in ("unanswered", "answered"):
            return NO_ANSWERS
        return troubles.Killed(point)

    return row


def server_killed(end):
    if end is ends.FileEnd:
        return NO_NETWORK
    return troubles.ServerKilled("unanswered" if end.answers else "middle")


def unindexed(end):
    if end is ends.FileEnd:
        return NO_NETWORK
    if end is ends.CollectorEnd:
        return "it indexes nothing: its exporter has the events when it answers"
    return troubles.Unindexed() if end is ends.HecEnd else "what it has it has for good, or says nothing"


def down(end):
    return troubles.FullDisk() if end is ends.FileEnd else troubles.Down()


def way(kind, repeats=True):
    """A fault of connections."""

    def row(end):
        return NO_NETWORK if end is ends.FileEnd else troubles.OnTheWay(kind, repeats)

    return row


def slow(end):
    return NO_NETWORK if end is ends.FileEnd else troubles.Slow()


def black_hole(end):
    return NO_NETWORK if end is ends.FileEnd else troubles.BlackHole()


def status(make):
    """An answer of HTTP, for which a real server would have to be in trouble."""

    def row(end):
        if not is_http(end):
            return NOT_HTTP
        return "scripted servers do it" if is_real(end) else troubles.Answer(make)

    return row


def too_large(end):
    if not is_http(end):
        return NO_STATUS
    return "scripted servers do it" if is_real(end) else troubles.Stubborn(lambda: scripts.TooLarge(7))


def one_refused(end):
    if is_kafka(end):
        return troubles.Oversize()
    if not is_http(end):
        return "there are no verdicts on single events"
    if is_real(end):
        return "scripted servers do it"
    return troubles.OneRefused(scripts.RefuseOne, repeats=end.dialect != "elastic")


def unparsable(end):
    if is_kafka(end) or end is ends.WebhookEnd:
        # To a webhook any 2xx is an answer: here it is no HTTP.
        return troubles.OnTheWay(relay_faults.Garbage)
    if not is_http(end):
        return NO_NETWORK if end is ends.FileEnd else NO_ANSWERS
    return "scripted servers do it" if is_real(end) else troubles.Answer(scripts.Unparsable)


def wrong_count(end):
    if not is_http(end) or end is ends.WebhookEnd:
        return "answers do not count"
    return "scripted servers do it" if is_real(end) else troubles.Answer(scripts.WrongCount, True)


def expired(end):
    if end is ends.SyslogTlsEnd:
        return troubles.Expired(secure=False)
    if is_kafka(end) or is_http(end):
        return troubles.Expired()
    return NO_TLS


def wrong_credentials(end):
    if is_kafka(end):
        return troubles.WrongConfiguration(
            lambda far: far.login("no " + far.right_password),
            lambda far: far.login(far.right_password),
        )
    if end is ends.SyslogTlsEnd:
        return troubles.WrongConfiguration(
            lambda far: far.output("stranger"), lambda far: far.output("client")
        )
    if not is_http(end):
        return NO_LOGIN
    return "the server asks for no token" if is_real(end) else troubles.Unauthorized()


def ack_lost(end):
    if end is ends.FileEnd:
        return NO_NETWORK
    return troubles.OnTheWay(relay_faults.AckLost) if end.answers else troubles.Swallowed()


ROWS = {
    "no fault": none,
    "kill -9 of the shipper: connected": killed("connected"),
    "kill -9 of the shipper: mid-request": killed("middle"),
    "kill -9 of the shipper: no answer yet": killed("unanswered"),
    "kill -9 of the shipper: answer given": killed("answered"),
    "kill -9 of the server": server_killed,
    "kill -9 of the server: taken, not indexed": unindexed,
    "server down": down,
    "slow": slow,
    "TCP reset mid-request": way(relay_faults.Reset),
    "half-closed": way(relay_faults.HalfClose),
    "black hole": black_hole,
    "429": status(lambda: scripts.Refuse(429, headers=("Retry-After: 1",))),
    "503": status(lambda: scripts.Refuse(503)),
    "413": too_large,
    "400 for one item": one_refused,
    "unparsable reply": unparsable,
    "wrong item count": wrong_count,
    "expired certificate": expired,
    "wrong credentials": wrong_credentials,
    "acknowledgement lost": ack_lost,
}

# Of `make test`: each row, each output; the rest takes minutes.
SOME = (
    ("no fault", "HEC, Collector"),
    ("no fault", "_bulk"),
    ("kill -9 of the shipper: connected", "webhook"),
    ("kill -9 of the shipper: mid-request", "syslog TCP"),
    ("kill -9 of the shipper: mid-request", "file"),
    ("kill -9 of the shipper: no answer yet", "_bulk"),
    ("kill -9 of the shipper: no answer yet", "Kafka"),
    ("kill -9 of the shipper: answer given", "HEC"),
    ("kill -9 of the server", "syslog TCP"),
    ("kill -9 of the server", "webhook"),
    ("kill -9 of the server: taken, not indexed", "HEC"),
    ("server down", "Kafka"),
    ("server down", "syslog TLS"),
    ("server down", "file"),
    ("slow", "_bulk"),
    ("slow", "syslog TLS"),
    ("TCP reset mid-request", "HEC, Collector"),
    ("TCP reset mid-request", "syslog TLS"),
    ("half-closed", "webhook"),
    ("half-closed", "syslog TCP"),
    ("black hole", "_bulk"),
    ("429", "webhook"),
    ("503", "HEC"),
    ("413", "_bulk"),
    ("400 for one item", "_bulk"),
    ("400 for one item", "Kafka"),
    ("unparsable reply", "HEC"),
    ("wrong item count", "_bulk"),
    ("wrong item count", "HEC"),
    ("expired certificate", "webhook"),
    ("expired certificate", "Kafka"),
    ("wrong credentials", "_bulk"),
    ("wrong credentials", "syslog TLS"),
    ("acknowledgement lost", "Kafka"),
    ("acknowledgement lost", "syslog TCP"),
    ("acknowledgement lost", "webhook"),
)

# Where a program must be caught that takes for delivered what it sent (`early`), or what a collector
# took before it was indexed (`taken`): values of NETAUDIT_TEST_ACK.
MUTATED = {
    "early": (
        ("kill -9 of the shipper: no answer yet", "_bulk"),
        ("kill -9 of the shipper: no answer yet", "HEC"),
        ("kill -9 of the shipper: no answer yet", "webhook"),
        ("kill -9 of the shipper: mid-request", "syslog TCP"),
        ("kill -9 of the shipper: connected", "Kafka"),
    ),
    "taken": (("kill -9 of the server: taken, not indexed", "HEC"),),
}
