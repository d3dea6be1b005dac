"""Hosts for benchmarks on one machine: network namespaces. They need Linux, root and ``ip``.

A host has a loopback and a network with two addresses: the host's and the machine's end. No route
leads on from there. Database and sink listen on the machine's loopback alone; a forwarder at the
machine's ends lets the hosts reach them, and takes its share of the processors.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from .project import Project

FORWARDER = Path(__file__).with_name("forwarder.py")
#: From the block reserved for measuring networks (RFC 2544).
NETWORK = "198.18"


@contextmanager
def hosts(its_project: Project, number: int) -> Iterator[list[Project]]:
    """Make so many hosts, yield the project as seen from every host, and remove the hosts.

    Raises:
        subprocess.CalledProcessError: When the machine does not allow network namespaces.
    """
    database = json.loads(its_project.environment["BENCHMARK_DATABASE"])
    sink_ports = json.loads(its_project.environment["BENCHMARK_SINK"])
    near = [(database["HOST"], database["PORT"]), *(("127.0.0.1", port) for port in sink_ports)]
    with ExitStack() as stack:
        made = [stack.enter_context(_namespace(index)) for index in range(number)]
        wanted = [f"{address},{host},{port}" for _, address in made for host, port in near]
        ports = stack.enter_context(_forwarder(wanted))
        yield [
            replace(
                its_project,
                prefix=("ip", "netns", "exec", name),
                environment={
                    **its_project.environment,
                    "BENCHMARK_DATABASE": json.dumps(
                        {**database, "HOST": address, "PORT": str(ports.pop(0))}
                    ),
                    "BENCHMARK_SINK_HOST": address,
                    "BENCHMARK_SINK": json.dumps([ports.pop(0), ports.pop(0)]),
                },
            )
            for name, address in made
        ]


@contextmanager
def _namespace(index: int) -> Iterator[tuple[str, str]]:
    """Make a namespace, yield its name and the address of the machine's end, and remove it."""
    name, link = f"benchmark{os.getpid()}x{index}", f"b{os.getpid()}x{index}"
    block = f"{NETWORK}.{os.getpid() % 256}"
    machine, host = (f"{block}.{4 * index + end}" for end in (1, 2))
    _ip("netns", "add", name)
    try:
        _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("address", "add", f"{machine}/30", "dev", link)
        _ip("link", "set", link, "up")
        _ip("-n", name, "address", "add", f"{host}/30", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        _ip("-n", name, "link", "set", "lo", "up")
        yield name, machine
    finally:
        _ip("netns", "delete", name)  # removes both ends of the link, too


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@contextmanager
def _forwarder(wanted: list[str]) -> Iterator[list[int]]:
    with subprocess.Popen([sys.executable, FORWARDER, *wanted], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()
