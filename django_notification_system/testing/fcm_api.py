"""Firebase Cloud Messaging: Google's access tokens, and the HTTP v1 API for sending.

Sources: https://developers.google.com/identity/protocols/oauth2/service-account and
https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send
"""

import threading
import uuid
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from .exchange import Answer, ReceivedMessage, ReceivedRequest

PROJECT = "breakfast-club"
EMAIL = f"sender@{PROJECT}.iam.gserviceaccount.com"
KEY_ID = "2f0c1a5d"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: Google's audience, whatever the place that the key names.
AUDIENCE = "https://oauth2.googleapis.com/token"
LIFETIME_SECONDS = 3599
LARGEST_MESSAGE = 4096
LONGEST_TTL = 2_419_200
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
QUOTA_FAILURE = "type.googleapis.com/google.rpc.QuotaFailure"

#: A registration token that begins with an error's name gets the error. Source:
#: https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
ERRORS = {
    "UNREGISTERED": (404, "NOT_FOUND", "Requested entity was not found."),
    "SENDER_ID_MISMATCH": (403, "PERMISSION_DENIED", "SenderId mismatch"),
    "THIRD_PARTY_AUTH_ERROR": (401, "UNAUTHENTICATED", "Auth error from APNS or Web Push Service"),
    "QUOTA_EXCEEDED": (429, "RESOURCE_EXHAUSTED", "Messaging service quota exceeded."),
    "UNAVAILABLE": (503, "UNAVAILABLE", "The service is currently unavailable."),
    "INTERNAL": (500, "INTERNAL", "Internal error encountered."),
}
#: The beginning of a token that FCM does not understand.
INVALID_TOKEN = "INVALID"  # noqa: S105 # no password


class AccessTokens:
    """The access tokens that the stand-in has given, from any thread.

    Attributes:
        lifetime: Seconds that a new token lives.
        for_any_key: Whether a token is given for any service account's key, not only for a key of
            ``service_account()``: settings outlive the process of a stand-in.
    """

    def __init__(self) -> None:
        self.lifetime = LIFETIME_SECONDS
        self.for_any_key = False
        self._lock = threading.Lock()
        self._valid: set[str] = set()

    def give(self) -> str:
        """Return a new token."""
        token = f"ya29.{uuid.uuid4().hex}"
        with self._lock:
            self._valid.add(token)
        return token

    def revoke(self) -> None:
        """Let all tokens end at once."""
        with self._lock:
            self._valid.clear()

    def has(self, header: str) -> bool:
        """Return whether a header ``Authorization`` carries a valid token.

        Args:
            header: The header's value.
        """
        kind, _, token = header.partition(" ")
        with self._lock:
            return kind.lower() == "bearer" and token in self._valid


def service_account(url: str) -> dict[str, str]:
    """Return a service account's key in Google's form, made for this process.

    Args:
        url: The stand-in's address, where access tokens are.
    """
    private_key, _ = _key_pair()
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": KEY_ID,
        "private_key": private_key,
        "client_email": EMAIL,
        "client_id": "100000000000000000000",
        "token_uri": f"{url}/token",
    }


def respond_with_token(request: ReceivedRequest, tokens: AccessTokens) -> Answer:
    """Return the answer to a request for an access token.

    Args:
        request: The request.
        tokens: The tokens given so far.
    """
    form = parse_qs(request.body.decode(errors="replace"))
    if form.get("grant_type") != [GRANT]:
        return _refused("unsupported_grant_type", "Invalid grant_type.")
    try:
        claims = _claims(form.get("assertion", [""])[0], is_signed=not tokens.for_any_key)
    except ValueError as error:
        return _refused("invalid_grant", f"Invalid JWT: {error}")
    if claims.get("iss") != EMAIL:
        return _refused("invalid_grant", "Invalid grant: account not found")
    if claims.get("scope") != SCOPE:
        return _refused("invalid_scope", "Not a scope of this stand-in.")
    return Answer(
        status=200,
        json={
            "access_token": tokens.give(),
            "expires_in": tokens.lifetime,
            "token_type": "Bearer",
        },
    )


def respond(
    project: str, request: ReceivedRequest, tokens: AccessTokens
) -> tuple[Answer, list[ReceivedMessage]]:
    """Return the answer to a request to send a message, and the message if accepted.

    Args:
        project: The project in the request's path.
        request: The request.
        tokens: The tokens given so far.
    """
    if not tokens.has(request.headers.get("authorization", "")):
        said = "Request had invalid authentication credentials."
        return _error(401, "UNAUTHENTICATED", said), []
    if project != PROJECT:
        return _error(404, "NOT_FOUND", "Requested entity was not found."), []
    try:
        sent = request.json()
    except ValueError:
        return _error(400, "INVALID_ARGUMENT", "Invalid JSON payload received."), []
    message = sent.get("message") if isinstance(sent, dict) else None
    if not isinstance(message, dict):
        return _bad_field("message", "Recipient of the message is not set."), []
    if (refusal := _refusal(message)) is not None:
        return refusal, []
    if sent.get("validate_only"):
        return Answer(status=200, json={"name": f"projects/{PROJECT}/messages/fake_message_id"}), []
    received = _received(message)
    return Answer(status=200, json={"name": received.message_id}), [received]


def _refusal(message: dict[str, Any]) -> Answer | None:
    token = message.get("token")
    if not isinstance(token, str) or not token:
        return _bad_field("message", "Recipient of the message is not set.")
    for code, (status, name, said) in ERRORS.items():
        if token.startswith(code):
            return error_answer(status, name, said, code)
    if token.startswith(INVALID_TOKEN) or not token.isascii() or len(token.split()) != 1:
        said = "The registration token is not a valid FCM registration token"
        return error_answer(400, "INVALID_ARGUMENT", said, "INVALID_ARGUMENT")
    data = message.get("data", {})
    for index, value in enumerate(data.values()):
        if not isinstance(value, str):
            field = f"message.data[{index}].value"
            return _bad_field(field, f"Invalid value at '{field}' (TYPE_STRING), {value}")
    ttl = message.get("android", {}).get("ttl", "0s")
    if not (ttl[:-1].isdigit() and ttl.endswith("s") and int(ttl[:-1]) <= LONGEST_TTL):
        return _bad_field("message.android.ttl", "Invalid time to live duration")
    parts = (message.get("notification", {}), data)
    if sum(len(f"{name}{value}".encode()) for part in parts for name, value in part.items()) > (
        LARGEST_MESSAGE
    ):
        said = "Android message is too big"
        return error_answer(400, "INVALID_ARGUMENT", said, "INVALID_ARGUMENT")
    return None


def error_answer(
    status: int, name: str, message: str, code: str, *further: dict[str, Any]
) -> Answer:
    """Return an error in FCM's form.

    Args:
        status: The HTTP status.
        name: Google's name for the status.
        message: The words.
        code: FCM's name of the error.
        further: Further details.
    """
    return _error(status, name, message, {"@type": FCM_ERROR, "errorCode": code}, *further)


def _bad_field(field: str, said: str) -> Answer:
    violations = [{"field": field, "description": said}]
    return _error(
        400, "INVALID_ARGUMENT", said, {"@type": BAD_REQUEST, "fieldViolations": violations}
    )


def _error(status: int, name: str, message: str, *details: dict[str, Any]) -> Answer:
    error = {"code": status, "message": message, "status": name}
    return Answer(status=status, json={"error": error | ({"details": details} if details else {})})


def _refused(error: str, description: str) -> Answer:
    """Return an error of the place for access tokens. Source: RFC 6749, section 5.2."""
    return Answer(status=400, json={"error": error, "error_description": description})


def _received(message: dict[str, Any]) -> ReceivedMessage:
    shown = message.get("notification", {})
    return ReceivedMessage(
        provider="fcm",
        message_id=f"projects/{PROJECT}/messages/{uuid.uuid4().hex}",
        to=message["token"],
        title=shown.get("title", ""),
        body=shown.get("body", ""),
        fields=message,
    )


def _claims(assertion: str, *, is_signed: bool) -> dict[str, Any]:
    """Return the claims of an assertion; ``is_signed``: the signature is checked.

    Raises:
        ValueError: When signature, time or audience is wrong.
    """
    # Here: the other stand-ins need no Google library.
    from google.auth import jwt

    _, public_key = _key_pair()
    claims: dict[str, Any] = jwt.decode(
        assertion, certs=public_key, audience=AUDIENCE, verify=is_signed
    )
    return claims


@cache
def _key_pair() -> tuple[str, str]:
    """Return a private and a public key, in PEM form."""
    # Google's library brings it.
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()
