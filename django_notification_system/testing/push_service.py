"""A local push service for Web Push, and browsers that subscribe to it.

With the push service's ``url`` as ``stand_in_url`` of the target, nothing leaves the machine::

    with PushServiceStandIn() as push_service:
        browser = push_service.subscribe()
        ...
        assert browser.messages == [{"title": "Hello", "body": "Breakfast is ready."}]

The push service checks what a real push service checks, and decrypts each message with the
browser's keys. Needs the extra ``webpush``.
"""

import base64
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from py_vapid import jwt
    from pywebpush import http_ece
except ImportError as error:
    raise ImportError(
        f"The push service needs the client for Web Push ({error}):"
        " pip install 'django-notification-system[webpush]'"
    ) from error

from ..models.details import short_address
from .exchange import Answer, ReceivedMessage, ReceivedRequest
from .providers import ProviderStandIn

__all__ = ["Browser", "PushServiceStandIn"]

#: The host in the endpoints, as the handler's ``push_services`` allow it.
HOST = "updates.push.services.mozilla.com"
#: The longest message, in bytes. Source: RFC 8030, section 7.2.
LONGEST_MESSAGE = 4096
#: The longest time for which a push service accepts credentials, in seconds. Source: RFC 8292,
#: section 2.
LONGEST_VALID = 86_400


class Browser:
    """A browser that has subscribed: its endpoint, its keys, and the messages it has read.

    Args:
        answer: The status with which the push service answers a message to this browser, such as
            410; by default the message is taken.
        host: The host of the push service.

    Attributes:
        answer: The status, as given; may be changed.
        messages: The messages that came, as the service worker gets them.
    """

    def __init__(self, answer: int | None = None, *, host: str = HOST) -> None:
        self.answer = answer
        self.messages: list[dict[str, Any]] = []
        self.endpoint = f"https://{host}/wpush/v2/{secrets.token_urlsafe(48)}"
        self._private_key = ec.generate_private_key(ec.SECP256R1())
        self._auth = secrets.token_bytes(16)

    @property
    def subscription(self) -> dict[str, Any]:
        """The subscription, as ``PushSubscription.toJSON()`` returns it."""
        public = self._private_key.public_key()
        point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": _base64url(point), "auth": _base64url(self._auth)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    @property
    def details(self) -> dict[str, Any]:
        """The subscription as a record's ``details``."""
        return {name: self.subscription[name] for name in ("endpoint", "keys")}

    @property
    def address(self) -> str:
        """The record's ``target_user_id``."""
        return short_address(self.endpoint)

    def read(self, encrypted: bytes) -> dict[str, Any]:
        """Return an encrypted message as the service worker gets it.

        Args:
            encrypted: The body of the request to the push service, in octets.

        Raises:
            ValueError: When the message is not encrypted for this browser, or is no JSON object.
        """
        try:
            plain = http_ece.decrypt(
                encrypted, private_key=self._private_key, auth_secret=self._auth
            )
        except Exception as error:  # of http_ece, or of cryptography
            raise ValueError("The message is not encrypted for this browser.") from error
        message: dict[str, Any] = json.loads(plain)
        return message


class PushServiceStandIn(ProviderStandIn):
    """Takes push messages for its browsers on a local port, from any thread.

    Prepared ``answers``, ``on_request``, ``limit_messages()`` and the other attributes are those of
    ``ProviderStandIn``. ``received`` has the decrypted messages.

    Args:
        browsers: Browsers that have subscribed already.
        arguments: Further arguments, as for ``ProviderStandIn``.

    Attributes:
        public_key: The site's public key, in base64url; messages of other sites are refused. Empty:
            messages of all sites are taken.
    """

    def __init__(self, browsers: list[Browser] | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.public_key = ""
        self._browsers = {urlsplit(each.endpoint).path: each for each in browsers or ()}
        self._readers = {each.address: each for each in browsers or ()}

    def subscribe(self, answer: int | None = None, *, host: str = HOST) -> Browser:
        """Return a new browser that has subscribed here.

        Args:
            answer: The status with which messages to the browser are answered; by default messages
                are taken.
            host: The host in the browser's endpoint.
        """
        browser = Browser(answer, host=host)
        self._browsers[urlsplit(browser.endpoint).path] = browser
        self._readers[browser.address] = browser
        return browser

    def usual_answer(self, request: ReceivedRequest) -> tuple[Answer, list[ReceivedMessage]]:
        """Return a push service's answer, and the message as the browser reads it; see the base."""
        browser = self._browsers.get(request.path)
        if browser is None:
            return _refusal(404, 102, "Not Found"), []
        if browser.answer is not None and browser.answer not in (200, 201, 202):
            return _refusal(browser.answer, 999, "As prepared"), []
        if fault := self._fault_of_credentials(request.headers):
            return _refusal(401, 109, fault), []
        if fault := _fault_of_headers(request.headers):
            return _refusal(400, 110, fault), []
        if len(request.body) > LONGEST_MESSAGE:
            return _refusal(413, 104, "Payload Too Large"), []
        try:
            message = browser.read(request.body)
        except ValueError as error:
            return _refusal(400, 110, str(error)), []
        message_id = secrets.token_urlsafe(16)
        received = ReceivedMessage(
            provider="webpush",
            message_id=message_id,
            to=browser.address,
            title=message.get("title", ""),
            body=message.get("body", ""),
            fields=message,
        )
        location = f"https://{request.headers['host']}/m/{message_id}"
        return Answer(status=browser.answer or 201, text="", headers={"Location": location}), [
            received
        ]

    def _keep(self, messages: Sequence[ReceivedMessage]) -> None:
        for message in messages:
            self._readers[message.to].messages.append(dict(message.fields))
        super()._keep(messages)

    def _fault_of_credentials(self, headers: Mapping[str, str]) -> str:
        """Return what is wrong with the site's credentials, by RFC 8292, or an empty text."""
        scheme, _, parameters = headers.get("authorization", "").partition(" ")
        parts = dict(each.strip().partition("=")[::2] for each in parameters.split(","))
        if scheme.lower() != "vapid" or not parts.get("t") or not parts.get("k"):
            return "There are no VAPID credentials."
        if self.public_key and parts["k"] != self.public_key:
            return "The browser has subscribed with another VAPID key."
        try:
            claims = jwt.decode(parts["t"], parts["k"])
        except InvalidSignature:
            return "The VAPID signature is wrong."
        if claims.get("aud") != f"https://{headers.get('host')}":
            return "The VAPID aud is another push service's."
        if not str(claims.get("sub", "")).startswith(("mailto:", "https://")):
            return "The VAPID sub is missing."
        if not 0 < claims.get("exp", 0) - time.time() <= LONGEST_VALID:
            return "The VAPID exp is past, or more than a day ahead."
        return ""


def _fault_of_headers(headers: Mapping[str, str]) -> str:
    """Return what is wrong with a message's headers, by RFC 8030, or an empty text."""
    if not headers.get("ttl", "").isdigit():
        return "TTL is missing."
    if headers.get("content-encoding") != "aes128gcm":
        return "The encoding is not aes128gcm."
    if headers.get("urgency", "normal") not in ("very-low", "low", "normal", "high"):
        return "The urgency is unknown."
    if len(headers.get("topic", "")) > 32:
        return "The topic is too long."
    return ""


def _refusal(status: int, errno: int, message: str) -> Answer:
    """Return an answer as Mozilla's push service gives it."""
    return Answer(
        status=status,
        json={"code": status, "errno": errno, "error": "Refused", "message": message},
    )


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")
