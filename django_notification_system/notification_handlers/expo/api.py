"""Requests to Expo's API: the session, and what one means that did not bring what was asked for."""

from collections.abc import Iterable, Sequence
from typing import Any

import requests
from urllib3.exceptions import LocationValueError

from ...conf import ExpoSettings
from ..base import one_line
from ..http.session import NoAnswer, open_session, why_no_answer
from ..redaction import PUSH_TOKEN, redacted
from .faults import NOT_WRITTEN, Part, Trouble

#: Source: https://docs.expo.dev/push-notifications/sending-notifications/
API_PATH = "/--/api/v2"
#: Of an answer that lists more errors, the first say enough.
ERRORS_TOLD = 10
#: What a request may raise.
REQUEST_FAILURES = (requests.RequestException, LocationValueError)


def open_expo_session(settings: ExpoSettings) -> requests.Session:
    """Return a session that says who the project is."""
    session = open_session(settings.connections)
    session.headers.update({"accept": "application/json", "content-type": "application/json"})
    if settings.access_token:
        session.headers["Authorization"] = f"Bearer {settings.access_token}"
        # Or a .netrc file's entry for the host would replace the header.
        session.auth = lambda request: request
    return session


def request_errors(error: Exception) -> list[dict[str, Any]]:
    """Return the errors that Expo's answer lists, as an error of its client brings them."""
    return listed(getattr(error, "errors", None))


def listed(errors: Any) -> list[dict[str, Any]]:
    """Return the entries of an answer's ``errors``, whatever stands there."""
    if not isinstance(errors, list):
        return []
    return [entry if isinstance(entry, dict) else {"message": str(entry)} for entry in errors]


def trouble_of_request(
    error: Exception | None, answer: requests.Response | None, errors: Sequence[dict[str, Any]]
) -> Trouble:
    """Return what a request's failure says.

    Args:
        error: What was raised, if anything was.
        answer: What was answered, its body perhaps unread.
        errors: The errors that the answer lists.
    """
    codes = frozenset(str(entry.get("code", "")) for entry in errors)
    if answer is not None:
        return Trouble(Part.REQUEST, codes, str(answer.status_code))
    if error is not None and (reason := _why_no_answer(error)) is not None:
        return Trouble(Part.REQUEST, codes, reason.value)
    # Without an answer nothing was sent: one of the messages cannot even be written down.
    return Trouble(Part.REQUEST, codes, "" if codes else NOT_WRITTEN)


def describe(
    error: Exception | None,
    answer: requests.Response | None,
    errors: Sequence[dict[str, Any]],
    secrets: Iterable[str | None],
) -> str:
    """Return a line for people on why a request failed, without what it may repeat.

    Args:
        error: What was raised, if anything was.
        answer: What was answered.
        errors: The errors that the answer lists.
        secrets: Texts that must not be stored or printed.
    """
    if answer is None and error is not None and (reason := _why_no_answer(error)) is not None:
        if reason is NoAnswer.NO_REQUEST:
            # Its text may repeat what it complains of, a header with the token included.
            return f"{type(error).__name__}: no request can be made."
        return redacted(one_line(error), secrets)
    parts = [] if error is None else [type(error).__name__]
    if answer is not None:
        parts.append(f"HTTP {answer.status_code}")
    response = ": ".join(parts)
    for entry in errors[:ERRORS_TOLD]:
        response += f", {entry.get('code', 'error')}: {entry.get('message', '')}"
    # An error of the client itself says what is wrong with the answer; others may repeat it.
    if not errors and type(error).__name__ == "PushServerError":
        response += f", {error}"
    return redacted(response, secrets)


def token_to_hide(token: str) -> str:
    """Return a push token that ``redacted()`` is to hide and does not know by its form."""
    return "" if PUSH_TOKEN.search(token) else token


def _why_no_answer(error: Exception) -> NoAnswer | None:
    if isinstance(error, LocationValueError):  # which requests lets through
        return NoAnswer.NO_REQUEST
    return why_no_answer(error) if isinstance(error, requests.RequestException) else None
