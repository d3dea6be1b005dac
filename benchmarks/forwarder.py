"""Lets a host of ``namespaces.py`` reach ports on the machine's loopback.

``python benchmarks/forwarder.py 198.18.0.1,127.0.0.1,5432 ...``: for every argument, listen on a
free port of the first address, and pass connections on to the second. The ports are printed as
JSON; the program runs until killed.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

Forward = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

#: How much is read at a time, in bytes.
AT_ONCE = 1 << 16


async def main(arguments: list[str]) -> None:
    ports = []
    for argument in arguments:
        address, host, port = argument.split(",")
        server = await asyncio.start_server(_forward_to(host, int(port)), address, 0, backlog=1000)
        ports.append(server.sockets[0].getsockname()[1])
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


def _forward_to(host: str, port: int) -> Forward:
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, port)
        await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))

    return forward


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on the bytes of one end until that end closes or the other end stops listening."""
    with suppress(ConnectionError):
        while data := await reader.read(AT_ONCE):
            writer.write(data)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
