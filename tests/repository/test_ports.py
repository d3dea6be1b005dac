"""Ports for the tests: nobody else gets a port, neither one that refuses nor one for a server."""

import errno
import random
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ports
from tests.support.places import ROOT

NUMBER = 20
PRINT_PORTS = f"""
from tests.support.ports import free_port
print(*(free_port() for _ in range({NUMBER})))
input()
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_refusing_port_refuses_and_belongs_to_nobody_else(host: str) -> None:
    with ports.refusing_port(host) as port:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, port), timeout=5)
        with pytest.raises(OSError, match="in use") as refused:
            socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else 2)
        assert refused.value.errno == errno.EADDRINUSE


def test_a_free_port_is_given_once_among_processes() -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PRINT_PORTS],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        given = []
        for process in processes:
            assert process.stdout is not None
            given += map(int, process.stdout.readline().split())
        own = [ports.free_port() for _ in range(NUMBER)]
    finally:
        for process in processes:
            process.communicate("")
    assert len({*given, *own}) == 3 * NUMBER
    with socket.create_server((ports.HOST, own[0])):
        pass


def test_a_free_port_that_another_program_takes_is_not_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose = random.choice
    with socket.create_server((ports.HOST, 0)) as server:
        taken: int = server.getsockname()[1]
        first = iter([taken])
        monkeypatch.setattr(random, "choice", lambda ports: next(first, None) or choose(ports))
        assert ports.free_port() != taken
    assert next(first, None) is None


def test_a_free_port_is_one_that_the_system_hands_out_to_nobody() -> None:
    outside = ports._outside_of_ephemeral()
    handed_out = []
    for _ in range(NUMBER):
        with ports.refusing_port() as port:
            handed_out.append(port)
    assert not set(handed_out) & set(outside)
    assert ports.free_port() in outside


def test_where_the_system_hands_out_every_port_the_error_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "range"
    file.write_text("1024\t65535\n")
    monkeypatch.setattr(ports, "LINUX_EPHEMERAL", file)
    with pytest.raises(OSError, match="The system hands out the ports 1024 to 65535"):
        ports._outside_of_ephemeral.__wrapped__()
