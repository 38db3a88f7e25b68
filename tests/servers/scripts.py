# SPDX-License-Identifier: Apache-2.0
"""
What a scripted server says instead of the truth. `hits` and `hit` as of relay_faults.py; after end()
it does not interfere any more. A request for HEC's acknowledgements is never touched but where said.
"""

import json
import threading

from servers.dialects import ACK, text


class Script:
    closes = False

    def __init__(self):
        self.hits = 0
        self.hit = threading.Event()
        self.ended = threading.Event()

    def strike(self):
        self.hits += 1
        self.hit.set()

    def end(self):
        self.ended.set()

    def concerns(self, request):
        return not request.path.startswith(ACK) and request.method in ("POST", "PUT")

    def answer(self, server, connection, request):
        """True: it has answered."""
        if self.ended.is_set() or not self.concerns(request):
            return False
        return self.interfere(server, connection, request)


class Refuse(Script):
    """A status for all that comes; nothing is taken."""

    def __init__(self, status, body=b"{}", headers=()):
        super().__init__()
        self.status, self.body, self.headers = status, body, headers

    def interfere(self, server, connection, request):
        self.strike()
        connection.reply(self.status, self.body, self.headers)
        return True


class TooLarge(Script):
    """413 for a request with more events than `most`: at once and for ever."""

    def __init__(self, most):
        super().__init__()
        self.most = most

    def end(self):
        pass

    def interfere(self, server, connection, request):
        if len(server.dialect.identities(request)) <= self.most:
            return False
        self.strike()
        connection.reply(413, b'{"error":"too large"}')
        return True


class RefuseOne(Script):
    """
    400 for the event with one sequence number, for ever: by item where the dialect can say it, else
    for the request that holds it. The others of a _bulk are taken.
    """

    def __init__(self, sequence):
        super().__init__()
        self.ending = f"-{sequence:016x}"
        self.identity = None  # once it was seen

    def end(self):
        pass

    def find(self, identities):
        return next((i for i, one in enumerate(identities) if one.endswith(self.ending)), None)

    def interfere(self, server, connection, request):
        identities = server.dialect.identities(request)
        at = self.find(identities)
        if at is None:
            return False
        self.identity = identities[at]
        connection.reply(*self.verdict(server, request, at))
        self.strike()
        return True

    def verdict(self, server, request, at):
        if server.dialect.name == "splunk":
            answer = {"text": "Invalid data format", "code": 6, "invalid-event-number": at}
            return 400, text(answer), ()
        if server.dialect.name == "webhook":
            return 400, text({"error": "no such field"}), ()
        taken, items = [], []
        for place, item in enumerate(server.dialect.items(request)):
            refused = {"status": 400, "error": {
                "type": "document_parsing_exception", "reason": "failed to parse field [x]"}}
            items.append({item[0]: refused} if place == at else server.dialect.item(*item, taken))
        server.take(taken)
        return 200, text({"took": 1, "errors": True, "items": items}), ()


class Unparsable(Script):
    """200 with something else than the protocol's answer; nothing was taken."""

    def interfere(self, server, connection, request):
        self.strike()
        connection.reply(200, b"<html>It works!</html>", ("Content-Type: text/html",))
        return True


class WrongCount(Script):
    """_bulk: verdicts for one item less than were sent, all good; HEC: acks of other requests."""

    def concerns(self, request):
        return request.path.startswith(ACK) or super().concerns(request)

    def interfere(self, server, connection, request):
        if request.path.startswith(ACK):
            wanted = json.loads(request.body)["acks"]
            connection.reply(200, text({"acks": {str(one + 1000): True for one in wanted}}))
            self.strike()
            return True
        if server.dialect.name != "elastic":
            return False
        items = server.dialect.items(request)[:-1]
        good = [{one[0]: {"_id": one[1], "status": 201}} for one in items]
        connection.reply(200, text({"took": 1, "errors": False, "items": good}))
        self.strike()
        return True


class Unauthorized(Refuse):
    """401 until the end: whoever comes is not known."""

    def __init__(self):
        super().__init__(401, b'{"text":"Invalid token","code":4}', ("WWW-Authenticate: Basic",))
