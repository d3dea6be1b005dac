"""Ports of this machine: one that refuses connections, and one for a server that must be told.

A port that the system hands out, and that is closed again, belongs to the next process that asks:
a connection then meets a stranger, and a server finds its port taken.
"""

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

HOST = "127.0.0.1"
#: Below are the ports of well-known services.
LOWEST = 10_000
#: The first and the last port that Linux hands out to connections, and to servers that ask for 0.
LINUX_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
#: The same of macOS and Windows.
IANA_EPHEMERAL = (49_152, 65_535)


@contextmanager
def refusing_port(host: str = HOST) -> Iterator[int]:
    """Hold a port where every connection is refused: it is bound, and nobody listens.

    Args:
        host: An address of this machine. For another host, the port is held on ``HOST``.
    """
    is_ipv6 = host == "::1"
    with socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET) as held:
        held.bind((host if is_ipv6 else HOST, 0))
        port: int = held.getsockname()[1]
        yield port


def free_port() -> int:
    """Return a free port of ``HOST``, for a server that must be told its port.

    The system hands such a port out to nobody. No other call returns the port while this process
    lives, in whatever process: this process holds the UDP port of the same number as a sign.
    """
    candidates = _outside_of_ephemeral()
    for _ in range(len(candidates)):
        port = random.choice(candidates)
        sign = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sign.bind((HOST, port))
            with socket.socket() as probe:
                probe.bind((HOST, port))
        except OSError:  # taken
            sign.close()
            continue
        sign.detach()  # held until the process ends
        return port
    raise OSError(f"No port of {HOST} from {candidates[0]} to {candidates[-1]} is free.")


@cache
def _outside_of_ephemeral() -> range:
    """Return the longest range of ports that the system hands out to nobody."""
    lowest, highest = IANA_EPHEMERAL
    if LINUX_EPHEMERAL.exists():
        lowest, highest = map(int, LINUX_EPHEMERAL.read_text().split())
    below, above = range(LOWEST, lowest), range(max(highest + 1, LOWEST), 65_536)
    outside = max(below, above, key=len)
    if not outside:
        raise OSError(
            f"The system hands out the ports {lowest} to {highest}, and none is left for the"
            f" tests' servers; see {LINUX_EPHEMERAL}."
        )
    return outside
