#!/usr/bin/env python3
"""The tutorial over the local API: Alice, Bob and Charlie learn the sum of their values, and nobody learns another's.

Python 3 and its standard library. Three nodes run on this machine, each in a home of its own, without multicast: all they
know of each other is tickets.

    cargo build && python3 examples/tutorial.py target/debug/formix-p2p
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile

PROGRAM = sys.argv[1] if len(sys.argv) > 1 else "formix-p2p"


class Local(http.client.HTTPConnection):
    """HTTP over the Unix socket in a node's folder."""

    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)


class Node:
    """A node of this machine, in a home of its own."""

    def __init__(self, name, home):
        self.name, self.home = name, home
        listen = "/ip4/127.0.0.1/tcp/0"
        started = self.command("start", "--role", "light", "--name", name, "--no-mdns", "--listen", listen, "--detach")
        self.uid = started["uid"]
        self.socket = os.path.join(home, self.uid, "control.sock")

    def command(self, *words):
        """What the command line does: here to start and to stop."""
        words = [PROGRAM, *words, "--home", self.home, "--json"]
        answer = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
        return answer["data"]

    def ask(self, method, path, body=None):
        """What everything else does: one request to the node."""
        connection = Local(self.socket)
        connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        answer = json.loads(reply.read())
        if reply.status != 200:
            raise SystemExit(f"{self.name}: {answer['message']}\n{answer['hint']}")
        return answer

    def when(self, computation, holds):
        """The computation as soon as this holds: each `watch` is answered at the next change."""
        view = self.ask("GET", f"/computations/{computation}")
        while not holds(view):
            view = self.ask("GET", f"/computations/{computation}/watch?seen={view['revision']}")
        return view


def tutorial(alice, bob, charlie):
    # 1. Alice makes the computation, and invites two others.
    question = {"prompt": "What do we have together?", "statistic": "sum"}
    invited = alice.ask("POST", "/invitations", {"question": question, "parties": 3, "name": "alice"})
    computation = invited["id"]
    print(f"alice invites to {computation}")

    # 2. She hands each of them a ticket: one line of text.
    tickets = dict(zip((bob, charlie), invited["tickets"]))
    for node, ticket in tickets.items():
        print(f"{node.name} gets {ticket[:20]}… ({len(ticket)} characters)")

    # 3. They look at what is asked, and join.
    for node, ticket in tickets.items():
        seen = node.ask("POST", "/invitations/join", {"ticket": ticket, "consent": "look"})
        print(f"{node.name} is asked: {seen['prompt']} ({seen['statistic']} of {', '.join(seen['fields'])})")
        joined = node.ask("POST", "/invitations/join", {"ticket": ticket, "consent": "anybody", "name": node.name})
        print(f"{node.name} joins: {joined['joined']} of {joined['parties']} parties are there")

    # 4. Each puts in a private value, at its own node.
    for node, value in ((alice, "10"), (bob, "7"), (charlie, "14")):
        node.ask("POST", f"/computations/{computation}/answer", {"value": value})
        print(f"{node.name} answers")

    # 5. Each asks its own node.
    results = []
    for node in (alice, bob, charlie):
        view = node.when(computation, lambda view: view["status"] in ("completed", "failed"))
        if view["status"] != "completed":
            raise SystemExit(f"{node.name}: {view['reason']}")
        result = view["result"]
        print(f"{node.name} reads: {result['participants']} participants, {result['samples']} samples, sum {result['sum']}")
        results.append(result)
    return results


def main():
    with tempfile.TemporaryDirectory(prefix="fx", dir="/tmp") as folder:
        nodes = []
        try:
            for name in ("alice", "bob", "charlie"):
                home = os.path.join(folder, name)
                os.mkdir(home)
                nodes.append(Node(name, home))
            results = tutorial(*nodes)
        finally:
            # 6. The nodes stop.
            for node in nodes:
                node.command("stop", "--all", "--yes")
    if any((result["participants"], result["samples"], result["sum"]) != (3, 3, 31) for result in results):
        raise SystemExit("this is not what 10, 7 and 14 give")
    print("the same at all three, and right")


main()
