"""Requests to addresses that somebody else has chosen: to public hosts alone (against SSRF).

The name is resolved here, each address found is judged, and the connection goes to the judged
address. A name that leads elsewhere at its next resolution (DNS rebinding) gains nothing. TLS and
the header ``Host`` have the name.
"""

import ipaddress
import os
import socket
import time
from typing import Any

import requests
import urllib3.util.connection
from urllib3 import connectionpool
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError
from urllib3.util.timeout import Timeout

from ..deadlines import RESOLVE_SECONDS, resolve
from .deadline import DeadlineAdapter, HTTPConnection, HTTPSConnection
from .session import open_session

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Addresses of no public host, beyond those that Python's ``is_global`` leaves out, in every
#: version of Python. Sources: IANA's registries of special-purpose addresses,
#: https://www.iana.org/assignments/iana-ipv4-special-registry and
#: https://www.iana.org/assignments/iana-ipv6-special-registry; RFC 7526 (6to4 relays); RFC 3879
#: (site-local); RFC 6052 and RFC 8215 (NAT64); RFC 4380 (Teredo); RFC 3056 (6to4); RFC 4291
#: (addresses that hold an IPv4 address). 168.63.129.16 is the host of each machine at Azure, and
#: tells secrets: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
            "168.63.129.16/32",
            *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24"),
            *("192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
            *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
            *("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"),
            *("100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32", "2002::/16"),
            *("2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10"),
            *("fec0::/10", "ff00::/8"),
        ),
    )
)
#: All that IANA has given away for public hosts,
#: https://www.iana.org/assignments/ipv6-address-space
PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
#: At least so long for the rest of a name's addresses: no time at all would mean not to wait.
SHORTEST_SHARE_SECONDS = 0.01


class NotPublic(NewConnectionError):
    """A host that is not public: it is in a private network, or on this machine."""


def open_public_session(connections: int, *, allow_private: bool = False) -> requests.Session:
    """Return a session for addresses that somebody else has chosen.

    As ``open_session()``, and the session connects to public hosts alone, uses no proxy, and has no
    login of a ``.netrc`` file. Addresses stay out of the log. ``REQUESTS_CA_BUNDLE`` names
    certificates to trust, as usual.

    Args:
        connections: How many threads use the session at once.
        allow_private: Whether hosts in private networks are allowed.
    """
    session = open_session(connections, hides_addresses=True)
    # A proxy would resolve the name itself, and may reach what this machine must not.
    session.trust_env = False
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
    if not allow_private:
        adapter = PublicHostsAdapter(
            pool_connections=connections, pool_maxsize=connections, hides_addresses=True
        )
        session.mount("https://", adapter)
        session.mount("http://", adapter)
    return session


def is_public(address: str) -> bool:
    """Tell whether an IP address may be a public host's.

    Args:
        address: The address; no name.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and (
        parsed.scope_id is not None or parsed not in PUBLIC_IPV6
    ):
        return False
    return parsed.is_global and not any(
        parsed in network for network in NOT_PUBLIC if network.version == parsed.version
    )


def is_not_public(error: BaseException) -> bool:
    """Tell whether a request failed because its host is not public.

    Args:
        error: The error of ``requests``.
    """
    failure = error.args[0] if error.args else None
    return isinstance(failure, MaxRetryError) and isinstance(failure.reason, NotPublic)


class PublicHTTPConnection(HTTPConnection):
    """A connection to a public host."""

    def _new_conn(self) -> socket.socket:
        """Connect a socket to an address that was judged.

        Raises:
            NotPublic: When the host has an address that is not public.
            NewConnectionError: When no connection comes about.
            ConnectTimeoutError: When it does not come about in time.
        """
        timeout = Timeout.resolve_default_timeout(self.timeout)
        try:
            addresses = resolve(self._dns_host.strip("[]"), self.port, timeout or RESOLVE_SECONDS)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"{self.host}: {error}") from error
        except OSError as error:
            raise NewConnectionError(self, f"Failed to resolve {self.host}: {error}") from error
        # All: a name that leads to a private host, too, is not for the public.
        if not addresses or not all(map(is_public, addresses)):
            raise NotPublic(self, f"{self.host} is no public host")
        return self._connect_to(addresses, timeout)

    def _connect_to(self, addresses: list[str], timeout: float | None) -> socket.socket:
        """Connect to the first address that answers; all addresses share the time.

        A name may have any number of addresses where nobody answers.
        """
        failure: Exception | None = None
        begun_at = time.monotonic()
        for number, address in enumerate(addresses):
            share = None
            if timeout is not None:
                left = timeout - (time.monotonic() - begun_at)
                share = max(left, SHORTEST_SHARE_SECONDS) / (len(addresses) - number)
            try:
                connected = urllib3.util.connection.create_connection(
                    (address, self.port),
                    share,
                    source_address=self.source_address,
                    socket_options=self.socket_options,
                )
            except OSError as error:
                failure = error
            else:
                connected.settimeout(timeout)  # for TLS
                return connected
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, f"{self.host}: no connection in time") from failure
        raise NewConnectionError(self, f"{self.host}: {failure}") from failure


class PublicHTTPSConnection(HTTPSConnection, PublicHTTPConnection):
    """The same with TLS, whose certificate must be for the name."""


class PublicHTTPConnectionPool(connectionpool.HTTPConnectionPool):
    """Connections to public hosts."""

    ConnectionCls = PublicHTTPConnection


class PublicHTTPSConnectionPool(connectionpool.HTTPSConnectionPool):
    """The same with TLS."""

    ConnectionCls = PublicHTTPSConnection


class PublicHostsAdapter(DeadlineAdapter):
    """Sends requests to public hosts alone."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: D102 # the base class's
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": PublicHTTPConnectionPool,
            "https": PublicHTTPSConnectionPool,
        }
