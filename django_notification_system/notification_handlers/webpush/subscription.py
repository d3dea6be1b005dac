"""A browser's subscription: the address of its push service, and the browser's two keys.

A browser hands all three in, and anybody can claim to be a browser. The rules here keep this
program from calling other addresses than the push services': checked when a browser subscribes,
and again before each message.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: The longest endpoint; the browsers' endpoints have up to some 500 characters.
LONGEST_ENDPOINT = 2000
#: An endpoint as browsers write it: ASCII, small letters in the host, without a port, a user or a
#: fragment. So no two parsers of URLs can take it for different addresses.
#: The characters of a path and of a query: RFC 3986, sections 3.3 and 3.4.
ENDPOINT = re.compile(
    r"https://(?P<host>[a-z0-9-]+(?:\.[a-z0-9-]+)+)"
    r"/[A-Za-z0-9\-._~%!$&'()*+,;=:@/]*(?:\?[A-Za-z0-9\-._~%!$&'()*+,;=:@/?]*)?",
    re.ASCII,
)
BASE64URL = re.compile(r"[A-Za-z0-9_-]+={0,2}", re.ASCII)
#: The length of a point on P-256, uncompressed, in bytes. Source: RFC 8291, section 3.2.
POINT = 65
UNCOMPRESSED = b"\x04"
#: The length of the authentication secret, in bytes. Source: RFC 8291, section 3.2.
AUTH = 16


NOT_AMONG = "the endpoint's host is not among push_services"


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """A subscription that may be used.

    Attributes:
        endpoint: Where the browser's messages go: a secret, because the address is all that is
            needed to write to the browser.
        p256dh: The browser's public key, in base64url.
        auth: The browser's authentication secret, in base64url.
    """

    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)

    @property
    def host(self) -> str:
        """The host of the push service."""
        return self.endpoint.removeprefix("https://").partition("/")[0]

    @property
    def origin(self) -> str:
        """The push service's scheme and host."""
        return f"https://{self.host}"

    @property
    def info(self) -> dict[str, Any]:
        """The subscription as a record's details, and as pywebpush wants it."""
        return {"endpoint": self.endpoint, "keys": {"p256dh": self.p256dh, "auth": self.auth}}


class UnusableSubscription(ValueError):
    """A subscription to which nothing is sent. The text is for people, and has no part of it."""

    @property
    def next_step(self) -> str:
        """What the project's people can do for a stored subscription."""
        if str(self) == NOT_AMONG:
            return "Add the host to push_services if it is a push service's."
        return "The browser must subscribe again."


def subscription_from(details: Any, push_services: Sequence[str]) -> Subscription:
    """Return the subscription in a browser's words, or in a record's details.

    Args:
        details: What ``PushSubscription.toJSON()`` returns, of any type.
        push_services: The hosts of the push services, as in the settings.

    Raises:
        UnusableSubscription: With the fault, when a part is missing or malformed, or the endpoint
            is not a push service's.
    """
    if not isinstance(details, Mapping):
        raise UnusableSubscription("there is no subscription")
    if fault := fault_of_endpoint(details.get("endpoint"), push_services):
        raise UnusableSubscription(fault)
    keys = details.get("keys")
    if not isinstance(keys, Mapping):
        raise UnusableSubscription("the subscription has no keys")
    p256dh: Any = keys.get("p256dh")
    auth: Any = keys.get("auth")
    if not is_point(_decoded(p256dh)):
        raise UnusableSubscription("the key p256dh is no point on the curve P-256")
    if len(_decoded(auth)) != AUTH:
        raise UnusableSubscription(f"the key auth has not {AUTH} bytes")
    return Subscription(
        endpoint=details["endpoint"], p256dh=p256dh.rstrip("="), auth=auth.rstrip("=")
    )


def fault_of_endpoint(endpoint: Any, push_services: Sequence[str]) -> str:
    """Return why an endpoint is not to be called, or an empty text.

    Args:
        endpoint: The endpoint, of any type.
        push_services: The hosts of the push services, as in the settings.
    """
    if not isinstance(endpoint, str) or len(endpoint) > LONGEST_ENDPOINT:
        return f"the endpoint is no URL of at most {LONGEST_ENDPOINT} characters"
    found = ENDPOINT.fullmatch(endpoint)
    if found is None:
        return "the endpoint is no plain https URL, without a port and a user name"
    if not any(_is_of(found["host"], service) for service in push_services):
        return NOT_AMONG
    return ""


def is_point(octets: bytes) -> bool:
    """Tell whether bytes are a point on the curve P-256, in the form that browsers send.

    Args:
        octets: The bytes.
    """
    # Here: settings and checks are read without the extra.
    from cryptography.hazmat.primitives.asymmetric import ec

    if len(octets) != POINT or not octets.startswith(UNCOMPRESSED):
        return False
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), octets)
    except ValueError:
        return False
    return True


def _is_of(host: str, service: str) -> bool:
    if service.startswith("*."):
        return host.endswith(service[1:])
    return host == service


def _decoded(text: Any) -> bytes:
    """Return the bytes of a base64url text, with or without padding; none for anything else."""
    if not isinstance(text, str) or BASE64URL.fullmatch(text) is None:
        return b""
    bare = text.rstrip("=")
    try:
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        return b""
