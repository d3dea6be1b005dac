"""FCM's answers to messages, read with care: a proxy may answer in FCM's place."""

from collections.abc import Iterator, Mapping
from typing import Any

import requests

from .faults import BLAMES_DEVICE, BLAMES_TOKEN, Part, Trouble

#: The types of an error's details. Source:
#: https://firebase.google.com/docs/cloud-messaging/error-codes
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
QUOTA_FAILURE = "type.googleapis.com/google.rpc.QuotaFailure"
#: The field that a wrong registration token is in.
TOKEN_FIELD = "message.token"  # noqa: S105 # no password
#: FCM's words about a wrong registration token; the answer names no field.
#: Source: the same page, example 2
TOKEN_WORDS = "registration token"  # noqa: S105 # no password
INVALID_ARGUMENT = "INVALID_ARGUMENT"


def message_name(answer: requests.Response) -> str:
    """Return FCM's name for an accepted message; an empty text where the answer has none.

    Source: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message

    Args:
        answer: The answer.
    """
    name = _parsed(answer).get("name")
    return name if isinstance(name, str) else ""


def trouble_of(answer: requests.Response) -> Trouble:
    """Return the trouble in an answer that accepts no message.

    Args:
        answer: The answer.
    """
    error = _error(answer)
    details = list(_details(error))
    codes = {each["errorCode"] for each in details if isinstance(each.get("errorCode"), str)}
    if _blames_token(error, details, codes):
        codes.add(BLAMES_TOKEN)
    if any(_is_of_device(each) for each in _entries(details, QUOTA_FAILURE, "violations")):
        codes.add(BLAMES_DEVICE)
    return Trouble(Part.MESSAGE, frozenset(codes), str(answer.status_code))


def words_of(answer: requests.Response) -> str:
    """Return an answer's words for people, secrets included; hide those before anybody reads.

    Args:
        answer: The answer.
    """
    error = _error(answer)
    said = [f"HTTP {answer.status_code}"]
    for each in _details(error):
        if isinstance(each.get("errorCode"), str):
            said.append(each["errorCode"])
    if isinstance(error.get("message"), str):
        said.append(error["message"])
    return ": ".join(said)


def _blames_token(
    error: Mapping[str, Any], details: list[Mapping[str, Any]], codes: set[str]
) -> bool:
    fields = _entries(details, BAD_REQUEST, "fieldViolations")
    if any(each.get("field") == TOKEN_FIELD for each in fields):
        return True
    of_fcm = any(
        each.get("@type") == FCM_ERROR and each.get("errorCode") == INVALID_ARGUMENT
        for each in details
    )
    said = error.get("message")
    return of_fcm and isinstance(said, str) and TOKEN_WORDS in said.lower()


def _is_of_device(violation: Mapping[str, Any]) -> bool:
    """Tell whether a quota is for one device, and not for the project or a topic."""
    words = (violation.get("subject"), violation.get("description"))
    return any("device" in word.lower() for word in words if isinstance(word, str))


def _entries(details: list[Mapping[str, Any]], kind: str, name: str) -> Iterator[Mapping[str, Any]]:
    for each in details:
        listed = each.get(name)
        if each.get("@type") == kind and isinstance(listed, list):
            yield from (entry for entry in listed if isinstance(entry, dict))


def _details(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    listed = error.get("details")
    if isinstance(listed, list):
        yield from (each for each in listed if isinstance(each, dict))


def _error(answer: requests.Response) -> Mapping[str, Any]:
    error = _parsed(answer).get("error")
    return error if isinstance(error, dict) else {}


def _parsed(answer: requests.Response) -> Mapping[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    except RecursionError:  # thousands of brackets
        return {}
    return said if isinstance(said, dict) else {}
