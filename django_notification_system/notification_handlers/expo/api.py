"""Requests to Expo's API: the session, and the meaning of failed requests."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import requests

from ..faults import NoAnswer
from ..http.session import REQUEST_FAILURES, open_session, said_of_no_answer, why_no_answer
from ..redaction import PUSH_TOKEN, redacted
from .faults import NOT_WRITTEN, Part, Trouble
from .settings import ExpoSettings

#: Source: https://docs.expo.dev/push-notifications/sending-notifications/
API_PATH = "/--/api/v2"
#: How many of an answer's errors a response names.
ERRORS_TOLD = 10


def open_expo_session(settings: ExpoSettings) -> requests.Session:
    """Return a session that carries the project's access token.

    Args:
        settings: The target's settings.
    """
    session = open_session(settings.connections)
    session.headers.update({"accept": "application/json", "content-type": "application/json"})
    if settings.access_token:
        session.headers["Authorization"] = f"Bearer {settings.access_token}"
    return session


def request_errors(error: Exception) -> list[dict[str, Any]]:
    """Return the errors in Expo's answer, from an error of the SDK.

    Args:
        error: The error.
    """
    return listed(getattr(error, "errors", None))


def listed(errors: Any) -> list[dict[str, Any]]:
    """Return the entries of an answer's ``errors`` as dictionaries, whatever Expo sent.

    Args:
        errors: The entry of the answer.
    """
    if not isinstance(errors, list):
        return []
    return [entry if isinstance(entry, dict) else {"message": str(entry)} for entry in errors]


def trouble_of_request(
    error: Exception | None, answer: requests.Response | None, errors: Sequence[dict[str, Any]]
) -> Trouble:
    """Return the trouble of a failed request, for the table of faults.

    Args:
        error: The exception, if any.
        answer: The answer, if any; its body may be unread.
        errors: The errors in the answer.
    """
    codes = frozenset(str(entry.get("code", "")) for entry in errors)
    if answer is not None:
        return Trouble(Part.REQUEST, codes, str(answer.status_code))
    if error is not None and (reason := _why_no_answer(error)) is not None:
        return Trouble(Part.REQUEST, codes, reason.value)
    # Nothing was sent: one of the messages cannot be written as JSON.
    return Trouble(Part.REQUEST, codes, "" if codes else NOT_WRITTEN)


def describe(
    error: Exception | None,
    answer: requests.Response | None,
    errors: Sequence[dict[str, Any]],
    secrets: Iterable[str | None],
    bodies: Collection[str] = (),
) -> str:
    """Return a line for people about a failed request, without secrets or quoted texts.

    Args:
        error: The exception, if any.
        answer: The answer, if any.
        errors: The errors in the answer.
        secrets: Texts that must not be stored or printed.
        bodies: Texts of the messages, which the answer may quote in part.
    """
    if answer is None and error is not None and _why_no_answer(error) is not None:
        return redacted(said_of_no_answer(error), secrets, bodies=bodies)
    parts = [] if error is None else [type(error).__name__]
    if answer is not None:
        parts.append(f"HTTP {answer.status_code}")
    response = ": ".join(parts)
    for entry in errors[:ERRORS_TOLD]:
        response += f", {entry.get('code', 'error')}: {entry.get('message', '')}"
    # PushServerError says why the answer makes no sense; texts of other errors may quote the
    # answer.
    if not errors and type(error).__name__ == "PushServerError":
        response += f", {error}"
    return redacted(response, secrets, bodies=bodies)


def token_to_hide(token: str) -> str:
    """Return a push token for ``redacted()`` to hide, unless ``redacted()`` knows the form.

    Args:
        token: The token.
    """
    return "" if PUSH_TOKEN.search(token) else token


def _why_no_answer(error: Exception) -> NoAnswer | None:
    if isinstance(error, UnicodeEncodeError):  # of a header, the access token's: JSON is in ASCII
        return NoAnswer.NO_REQUEST
    return why_no_answer(error) if isinstance(error, REQUEST_FAILURES) else None
