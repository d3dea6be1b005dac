"""Expo's push API: the part for sending and receipts.

Source: https://docs.expo.dev/push-notifications/sending-notifications/
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from .exchange import Answer, ReceivedMessage, ReceivedRequest

MESSAGES_IN_A_REQUEST = 100
#: A token that begins with an error's name gets a ticket with the error.
TICKET_ERRORS = (
    "DeviceNotRegistered",
    "MessageTooBig",
    "MessageRateExceeded",
    "MismatchSenderId",
    "InvalidCredentials",
)
#: A token that begins with ``Receipt`` and one of these errors gets a good ticket, and a receipt
#: with the error; ``ReceiptNever`` gets no receipt.
IN_RECEIPT = "Receipt"
RECEIPT_ERRORS = TICKET_ERRORS
NEVER = "Never"
MOST_RECEIPTS_ASKED = 1000
TOKEN = re.compile(r"Expo(?:nent)?PushToken\[(.+)\]|[a-z\d]{8}(?:-[a-z\d]{4}){3}-[a-z\d]{12}", re.I)
#: The fields that must be numbers, if present.
NUMBERS = ("ttl", "expiration", "badge")


def respond(request: ReceivedRequest) -> tuple[Answer, list[ReceivedMessage]]:
    """Return the answer to a request, and the accepted messages.

    Args:
        request: The request.
    """
    try:
        sent = request.json()
    except ValueError:
        return _error("API_ERROR", "The body is no JSON."), []
    messages = sent if isinstance(sent, list) else [sent]
    if len(messages) > MESSAGES_IN_A_REQUEST:
        return _error(
            "PUSH_TOO_MANY_NOTIFICATIONS",
            f"You can only send up to 100 push notifications at once, not {len(messages)}.",
        ), []
    for index, message in enumerate(messages):
        if (problem := _problem(message)) is not None:
            return _error("VALIDATION_ERROR", f'"[{index}]{problem}'), []
    tickets = [_ticket(message) for message in messages]
    taken = [
        _received(message, ticket["id"])
        for message, ticket in zip(messages, tickets, strict=True)
        if ticket["status"] == "ok"
    ]
    return Answer(status=200, json={"data": tickets}), taken


def respond_with_receipts(request: ReceivedRequest, tokens: Mapping[str, str]) -> Answer:
    """Return the answer to a request for receipts.

    Args:
        request: The request.
        tokens: The push token of each accepted message, by the ticket's id.
    """
    try:
        sent = request.json()
    except ValueError:
        return _error("API_ERROR", "The body is no JSON.")
    ids = sent.get("ids") if isinstance(sent, dict) else None
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        return _error("VALIDATION_ERROR", '"ids" must be an array of strings')
    if len(ids) > MOST_RECEIPTS_ASKED:
        return _error(
            "PUSH_TOO_MANY_RECEIPTS",
            f"You can only get up to 1000 push receipts at once, not {len(ids)}.",
        )
    receipts = {each: _receipt(tokens[each]) for each in ids if each in tokens}
    there = {each: receipt for each, receipt in receipts.items() if receipt is not None}
    return Answer(status=200, json={"data": there})


def _receipt(token: str) -> dict[str, Any] | None:
    found = TOKEN.fullmatch(token)
    text = (found[1] or "") if found else ""
    name = text.removeprefix(IN_RECEIPT)
    if name == text:
        return {"status": "ok"}
    if name.startswith(NEVER):
        return None
    for error in RECEIPT_ERRORS:
        if name.startswith(error):
            return _failed(f'The message to "{token}" was refused: {error}', error)
    return {"status": "ok"}


def _problem(message: Any) -> str | None:
    if not isinstance(message, dict):
        return '" must be an object'
    if not isinstance(message.get("to"), str):
        return '.to" must be a string'
    if not isinstance(message.get("data", {}), dict):
        return '.data" must be an object'
    for name in NUMBERS:
        value = message.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return f'.{name}" must be a number'
    return None


def _ticket(message: dict[str, Any]) -> dict[str, Any]:
    token = TOKEN.fullmatch(message["to"])
    if token is None:
        return _failed(f'"{message["to"]}" is not a valid Expo push token', "DeviceNotRegistered")
    for error in TICKET_ERRORS:
        if (token[1] or "").startswith(error):
            return _failed(f'The message to "{message["to"]}" was refused: {error}', error)
    return {"status": "ok", "id": str(uuid.uuid4())}


def _failed(message: str, error: str) -> dict[str, Any]:
    return {"status": "error", "message": message, "details": {"error": error}}


def _error(code: str, message: str) -> Answer:
    return Answer(
        status=400, json={"errors": [{"code": code, "message": message, "isTransient": False}]}
    )


def _received(message: dict[str, Any], message_id: str) -> ReceivedMessage:
    return ReceivedMessage(
        provider="expo",
        message_id=message_id,
        to=message["to"],
        title=message.get("title", ""),
        body=message.get("body", ""),
        fields=message,
    )
