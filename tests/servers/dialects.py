# SPDX-License-Identifier: Apache-2.0
"""What a scripted server understands: _bulk, HEC with acknowledgement, webhooks. Each event has an id."""

import json
import threading

ACK = "/services/collector/ack"


def event_id(document):
    """event.id of an event in any of the JSON formats."""
    event = document.get("event")
    return event["id"] if isinstance(event, dict) and "id" in event else document["event.id"]


def text(document):
    return json.dumps(document).encode()


def concatenated(body):
    """
    The JSON values that stand one behind the other, with or without newlines. ValueError: something
    else is there, or the last one is not whole.
    """
    decoder, whole, at = json.JSONDecoder(), body.decode().strip(), 0
    while at < len(whole):
        value, at = decoder.raw_decode(whole, at)
        yield value
        while at < len(whole) and whole[at] in " \r\n\t":
            at += 1


class Webhook:
    """NDJSON or an array; 200 is all that it says."""

    name = "webhook"

    def identities(self, request):
        values = list(concatenated(request.body))
        values = values[0] if len(values) == 1 and isinstance(values[0], list) else values
        return [event_id(value) for value in values]

    def answer(self, server, request):
        server.take(self.identities(request))
        return 200, b"", ()


class Bulk:
    """_bulk of Elasticsearch and OpenSearch: `create` with or without _id; a second is a 409."""

    name = "elastic"

    def __init__(self):
        self.known = set()
        self.lock = threading.Lock()

    def items(self, request):
        """[(operation, id or None, document)]"""
        values = list(concatenated(request.body))
        if not request.body.endswith(b"\n") or len(values) % 2:
            raise ValueError("a body of _bulk that does not end with its newline")
        pairs = zip(values[::2], values[1::2])
        return [
            (operation, parameters.get("_id"), document)
            for action, document in pairs
            for operation, parameters in action.items()
        ]

    def identities(self, request):
        return [event_id(document) for _, _, document in self.items(request)]

    def item(self, operation, identity, document, taken):
        answer = {"_index": "events", "_id": identity or event_id(document)}
        with self.lock:
            if identity in self.known:
                return {operation: answer | {"status": 409, "error": {
                    "type": "version_conflict_engine_exception", "reason": "it is there"}}}
            self.known.add(identity or event_id(document))
        taken.append(event_id(document))
        return {operation: answer | {"result": "created", "status": 201}}

    def answer(self, server, request):
        if request.method == "GET":
            return 200, text({"version": {"number": "2.19.1", "distribution": "opensearch"}}), ()
        taken = []
        items = [self.item(*item, taken) for item in self.items(request)]
        server.take(taken)
        errors = any(one["status"] > 299 for item in items for one in item.values())
        return 200, text({"took": 1, "errors": errors, "items": items}), ()


INDEX_SECONDS = 0.02


class Hec:
    """
    HEC as Splunk's: ack ids begin with 0, one per request and channel, each told true once. What it
    took is indexed a little later, and not while `held()`; who is killed before that has lost it.
    """

    name = "splunk"

    def __init__(self, held=lambda: False):
        self.channels = {}
        self.lock = threading.Lock()
        self.held = held
        self.pause = threading.Event()  # never set

    def index(self, server, channel, number, identities):
        while not self.pause.wait(INDEX_SECONDS) and self.held():
            pass
        with self.lock:
            server.take(identities)
            channel["due"].add(number)

    def identities(self, request):
        return [event_id(value["event"]) for value in concatenated(request.body)]

    def channel(self, request):
        query = request.target.partition("channel=")[2].split("&")[0]
        name = request.headers.get("x-splunk-request-channel") or query
        return self.channels.setdefault(name, {"next": 0, "due": set()}) if name else None

    def acknowledge(self, channel, wanted):
        told = {}
        for number in wanted:
            told[str(number)] = number in channel["due"]
            channel["due"].discard(number)
        return 200, text({"acks": told}), ()

    def answer(self, server, request):
        if request.path.endswith("/health"):
            return 200, text({"text": "HEC is healthy", "code": 17}), ()
        with self.lock:
            channel = self.channel(request)
            if channel is None:
                return 400, text({"text": "Data channel is missing", "code": 10}), ()
            if request.path.startswith(ACK):
                return self.acknowledge(channel, json.loads(request.body)["acks"])
            number = channel["next"]
            channel["next"] += 1
            work = [server, channel, number, self.identities(request)]
            threading.Thread(target=self.index, args=work, daemon=True).start()
            return 200, text({"text": "Success", "code": 0, "ackId": number}), ()


DIALECTS = {one.name: one for one in (Webhook, Bulk, Hec)}
