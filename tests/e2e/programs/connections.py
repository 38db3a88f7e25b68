#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Connections over loopback until stdin ends, each from an address of its own, numbered from argv[1],
argv[2] seconds apart, and a line for each: the client's address and port, the server's port. What
is printed did happen, whole.
"""

import select
import socket
import sys

def address(number):
    return f"127.{1 + number // 62500}.{1 + number // 250 % 250}.{1 + number % 250}"


def connect(listener, number):
    with socket.socket() as client:
        client.bind((address(number), 0))
        client.connect(listener.getsockname())
        server, peer = listener.accept()
        with server:
            client.sendall(b"x")
            server.recv(1)
    return peer


def main():
    number, pause = int(sys.argv[1]), float(sys.argv[2])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        while not select.select([sys.stdin], [], [], pause)[0]:
            ip, client_port = connect(listener, number)
            print(ip, client_port, port, flush=True)
            number += 1


if __name__ == "__main__":
    main()
