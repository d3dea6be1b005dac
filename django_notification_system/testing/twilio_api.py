"""Twilio's Messages API: the part for sending.

Source: https://www.twilio.com/docs/messaging/api/message-resource
"""

import binascii
import uuid
from base64 import b64decode
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

from .exchange import Answer, ReceivedMessage, ReceivedRequest

#: The numbers that Twilio's own test credentials refuse, with the errors. Source:
#: https://www.twilio.com/docs/iam/test-credentials
MAGIC_RECEIVERS = {
    "+15005550001": (21211, "The 'To' number +15005550001 is not a valid phone number."),
    "+15005550002": (21612, "The message cannot be routed to this number."),
    "+15005550003": (21408, "Permission to send to this region has not been enabled."),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": (21614, "'To' number is not a valid mobile number"),
}
MAGIC_SENDERS = {
    "+15005550001": (21212, "The 'From' number +15005550001 is not a valid phone number."),
    "+15005550007": (21606, "The 'From' number is not a number of this account."),
    "+15005550008": (21611, "This 'From' number has exceeded the maximum number of messages."),
}
LONGEST_BODY = 1600
#: Before the numbers of a message by WhatsApp. Source: https://www.twilio.com/docs/whatsapp/api
WHATSAPP = "whatsapp:"


def respond(account_sid: str, request: ReceivedRequest) -> tuple[Answer, list[ReceivedMessage]]:
    """Return the answer to a request for a message, and the message if accepted.

    Args:
        account_sid: The account in the request's path.
        request: The request.
    """
    if _username(request) != account_sid:
        return _error(401, 20003, "Authenticate"), []
    try:
        fields = parse_qs(request.body.decode(), keep_blank_values=True)
    except UnicodeDecodeError:
        return _error(400, 20001, "The body is no UTF-8."), []
    form: dict[str, Any] = {
        name: values if len(values) > 1 else values[0] for name, values in fields.items()
    }
    if (refusal := _refusal(form)) is not None:
        return refusal, []
    message = ReceivedMessage(
        provider="twilio",
        message_id=f"SM{uuid.uuid4().hex}",
        to=form["To"],
        title="",
        body=form.get("Body", ""),
        fields=form,
    )
    return Answer(status=201, json=_resource(account_sid, message)), [message]


def _username(request: ReceivedRequest) -> str:
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return b64decode(encoded).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _refusal(form: dict[str, Any]) -> Answer | None:
    if not form.get("To"):
        return _error(400, 21604, "A 'To' phone number is required.")
    if not form.get("From") and not form.get("MessagingServiceSid"):
        return _error(400, 21603, "A 'From' phone number is required.")
    if form.get("ContentVariables") and not form.get("ContentSid"):
        return _error(400, 92005, "ContentSid Required")
    if not form.get("Body") and not form.get("MediaUrl") and not form.get("ContentSid"):
        return _error(400, 21602, "Message body is required.")
    is_whatsapp = form["To"].startswith(WHATSAPP)
    if form.get("From") and form["From"].startswith(WHATSAPP) is not is_whatsapp:
        said = "Twilio could not find a Channel with the specified From address"
        return _error(400, 63007, said)
    if len(form.get("Body", "")) > LONGEST_BODY:
        return _error(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
    magic = MAGIC_SENDERS.get(form.get("From", "")) or MAGIC_RECEIVERS.get(form["To"])
    return _error(400, *magic) if magic else None


def _error(status: int, code: int, message: str) -> Answer:
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    return Answer(
        status=status,
        json={"code": code, "message": message, "more_info": more_info, "status": status},
    )


def _resource(account_sid: str, message: ReceivedMessage) -> dict[str, Any]:
    service = message.fields.get("MessagingServiceSid")
    path = f"/2010-04-01/Accounts/{account_sid}/Messages/{message.message_id}"
    now = format_datetime(datetime.now(UTC))
    media = message.fields.get("MediaUrl", [])
    return {
        "account_sid": account_sid,
        "api_version": "2010-04-01",
        "body": message.body,
        "date_created": now,
        "date_sent": None,
        "date_updated": now,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": message.fields.get("From"),
        "messaging_service_sid": service,
        "num_media": str(1 if isinstance(media, str) else len(media)),
        "num_segments": "0" if service else "1",
        "price": None,
        "price_unit": "USD",
        "sid": message.message_id,
        "status": "accepted" if service else "queued",
        "subresource_uris": {"media": f"{path}/Media.json"},
        "to": message.to,
        "uri": f"{path}.json",
    }
