"""A receiver's endpoint: its URL, judged without a look at the network, and its secrets.

A record's ``details`` have both: ``{"url": "https://…", "secrets": ["whsec_…"]}``. While a secret
is rotated there are several, the newest first.
"""

import base64
import binascii
import re
import secrets
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.utils.translation import gettext_noop

from ..http.public_hosts import is_public

#: Source: Standard Webhooks, "Signature scheme": a secret has this prefix and is in base64.
#: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
PREFIX = "whsec_"
#: How many bytes a secret has; the specification allows from 24 to 64.
SECRET_LENGTH = 32
FEWEST_BYTES, MOST_BYTES = 24, 64
#: More secrets than any rotation needs would make the header too long for receivers.
MOST_SECRETS = 5
#: The ports to which webhooks go.
PORTS = frozenset({443, 8443})
#: What a URL is made of (RFC 3986, sections 2 and 3), so that no two parsers disagree; other
#: characters of a path are percent-encoded, those of a name in Punycode.
CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.ASCII)
#: Longer URLs are cut by receivers and proxies.
LONGEST_URL = 2000


#: A host's name, in small letters. A last label of digits makes it an IPv4 address, in spellings
#: that programs read in different ways: 127.1, 0x7f000001, 2130706433.
#: Source: https://url.spec.whatwg.org/#ends-in-a-number-checker
NAME = re.compile(r"(?:[a-z0-9_-]+\.)*(?!0x[0-9a-f]*\Z|[0-9]+\Z)[a-z0-9_-]+", re.ASCII)
LONGEST_NAME = 253

ALLOW_PRIVATE = gettext_noop(
    "For receivers in your own network set 'allow_private' to True in"
    " NOTIFICATION_SYSTEM_TARGETS['webhook']."
)
PUNYCODE = gettext_noop("Write the host in Punycode, such as xn--…, and percent-encode the rest.")


class UnusableEndpoint(ValueError):
    """A URL or a secret that no webhook can be sent with; the text never has either.

    Attributes:
        next_step: A sentence for the project's people, to be translated; or an empty text.
    """

    def __init__(self, fault: str, next_step: str = "") -> None:
        super().__init__(fault)
        self.next_step = next_step


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A receiver's endpoint.

    Attributes:
        url: The URL.
        host: The URL's host, which is no secret.
        secrets: The secrets, the newest first.
    """

    url: str = field(repr=False)
    host: str
    secrets: tuple[str, ...] = field(repr=False)


def endpoint_of(details: Any, *, allow_private: bool) -> Endpoint:
    """Return the endpoint in a record's details.

    Args:
        details: The record's ``details``.
        allow_private: Whether the URL may lead into private networks.

    Raises:
        UnusableEndpoint: When the details have no endpoint that a webhook can be sent to.
    """
    if not isinstance(details, dict):
        raise UnusableEndpoint("the record has no details with a URL and secrets")
    parts = checked_url(details.get("url"), allow_private=allow_private)
    given = details.get("secrets")
    if not isinstance(given, list | tuple) or not given:
        raise UnusableEndpoint("the record's details have no secrets")
    if len(given) > MOST_SECRETS:
        raise UnusableEndpoint(f"the record's details have more than {MOST_SECRETS} secrets")
    for secret in given:
        check_secret(secret)
    return Endpoint(url=parts.geturl(), host=parts.hostname or "", secrets=tuple(given))


def checked_url(url: Any, *, allow_private: bool) -> SplitResult:
    """Return the parts of a URL for webhooks. The host's name is not resolved.

    Args:
        url: The URL.
        allow_private: Whether the URL may lead into private networks, by http, to any port.

    Raises:
        UnusableEndpoint: When the URL is none, or may not be called.
    """
    if not isinstance(url, str) or not CHARACTERS.fullmatch(url):
        is_foreign = isinstance(url, str) and not url.isascii()
        raise UnusableEndpoint("the URL is no web address", PUNYCODE if is_foreign else "")
    if len(url) > LONGEST_URL:
        raise UnusableEndpoint(f"the URL has more than {LONGEST_URL} characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise UnusableEndpoint("the URL is no web address") from None
    schemes = {"https", "http"} if allow_private else {"https"}
    if parts.scheme not in schemes or not host:
        is_http = parts.scheme == "http" and host
        raise UnusableEndpoint(
            "the URL does not begin with https:// and a host", ALLOW_PRIVATE if is_http else ""
        )
    if not _is_address(host) and not _is_name(host.removesuffix(".")):
        raise UnusableEndpoint("the URL's host is neither a name nor an IP address")
    if parts.username is not None or parts.password is not None:
        raise UnusableEndpoint("the URL has a login; the signature takes its place")
    if not allow_private:
        if port is not None and port not in PORTS:
            raise UnusableEndpoint("the URL has another port than 443 and 8443", ALLOW_PRIVATE)
        if _is_private(host):
            raise UnusableEndpoint(
                "the URL leads into a private network or to this machine", ALLOW_PRIVATE
            )
    return parts._replace(fragment="")


def make_secret() -> str:
    """Return a new secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_LENGTH)).decode()


def check_secret(secret: Any) -> None:
    """Refuse a secret that is none.

    Args:
        secret: The secret, with its prefix.

    Raises:
        UnusableEndpoint: When the secret is none.
    """
    if isinstance(secret, str) and secret.startswith(PREFIX):
        try:
            decoded = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            decoded = b""
        if FEWEST_BYTES <= len(decoded) <= MOST_BYTES:
            return
    raise UnusableEndpoint(
        f"a secret does not begin with {PREFIX}, or has not {FEWEST_BYTES} to {MOST_BYTES} bytes in"
        " base64"
    )


def _is_private(host: str) -> bool:
    """Tell whether a host is private by its name or address; other names are resolved later."""
    host = host.rstrip(".")
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    return _is_address(host) and not is_public(host)


def _is_address(host: str) -> bool:
    try:
        ip_address(host.removesuffix("."))
    except ValueError:
        return False
    return True


def _is_name(host: str) -> bool:
    return len(host) <= LONGEST_NAME and NAME.fullmatch(host) is not None
