"""Ports for the servers that tests start."""

from __future__ import annotations

import random
import socket

# Below those that Linux gives to connections, and to whoever asks for any port: 32768 and above.
_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A port of loopback that is free, and that no program is given by chance until a server has it."""
    chance = random.Random()  # another one in each process, whatever a test has seeded
    while True:
        port = chance.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
