"""A queued mail, made again from the notification and its attachments."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from email.charset import Charset
from email.utils import formataddr, getaddresses
from typing import Any

from django.core.mail import EmailAttachment

from ...models import Notification, NotificationAttachment
from ...models.address import comparable
from ...models.reserved import QUEUED_MAIL
from ...preferences.queued_recipients import address_in
from .cannot_build_message import CannotBuildMessage
from .message import message_id
from .mime_parts import unpacked_part
from .people_in_headers import redirected_bytes
from .queued_mail import QueuedBytes, QueuedMail
from .stored_attachments import StoredAttachment, StoredAttachments

Kind = NotificationAttachment.Kind

#: Headers for which Django takes a text of the project's in place of the recipients.
NAMES_RECIPIENTS = frozenset({"to", "cc"})
#: A group of nobody (RFC 5322, section 3.4): without the header, Django would write the recipients.
NOBODY = "undisclosed-recipients:;"


def unpack(notification: Notification, stored: StoredAttachments | None = None) -> QueuedMail:
    """Return the message of a queued mail.

    Args:
        notification: The notification, with record loaded.
        stored: Reads attachments that the database keeps; ``None``: the message has none, as for a
            preview.

    Raises:
        CannotBuildMessage: When the notification has lost its message.
    """
    mail = mail_of(notification)
    files = stored.of(notification) if stored else []
    if mail.get("bytes"):
        if stored and not files:
            raise CannotBuildMessage("the stored message is gone. Send the mail anew.")
        return _of_bytes(notification, mail, files)
    recipients = recipients_of(notification)
    message = QueuedMail(
        subject=mail["subject"],
        body=notification.body,
        from_email=mail["from"],
        to=recipients["to"],
        cc=recipients["cc"],
        bcc=recipients["bcc"],
        reply_to=mail.get("reply_to"),
        headers=_headers(mail, notification),
    )
    message.from_email = mail["from"]
    for content, mimetype in mail.get("alternatives", ()):
        message.attach_alternative(content, mimetype)
    message.attachments = [_attachment(file) for file in files]
    for name in ("content_subtype", "mixed_subtype", "alternative_subtype"):
        if name in mail:
            setattr(message, name, mail[name])
    message.encoding = _encoding(mail.get("encoding"))
    for name, value in mail.get("attributes", {}).items():
        setattr(message, name, _from_json(value))
    return message


def mail_of(notification: Notification) -> Mapping[str, Any]:
    """Return the message's stored parts.

    Args:
        notification: The notification.

    Raises:
        CannotBuildMessage: When the notification has lost them.
    """
    extra = notification.extra if isinstance(notification.extra, dict) else {}
    mail = extra.get(QUEUED_MAIL)
    if not isinstance(mail, dict):
        raise CannotBuildMessage(
            f"extra[{QUEUED_MAIL!r}], the rest of the queued mail, is gone. Send the mail anew."
        )
    return mail


def recipients_of(notification: Notification) -> dict[str, list[str]]:
    """Return a queued mail's recipients by ``to``, ``cc`` and ``bcc``.

    On a staging site, all mail goes to the record's address. Suppressed recipients are left out.

    Args:
        notification: The notification.
    """
    mail = mail_of(notification)
    if mail.get("to", mail.get("recipients")) is None:
        return {"to": [notification.target_user_record.target_user_id], "cc": [], "bcc": []}
    if mail.get("bytes"):
        return {"to": _wanted(notification, mail["recipients"]), "cc": [], "bcc": []}
    return {name: _wanted(notification, mail.get(name, ())) for name in ("to", "cc", "bcc")}


def _wanted(notification: Notification, recipients: Iterable[str]) -> list[str]:
    left_out = notification.suppressed_recipients
    return [each for each in recipients if not left_out or address_in(each) not in left_out]


def _of_bytes(
    notification: Notification, mail: Mapping[str, Any], files: Sequence[StoredAttachment]
) -> QueuedMail:
    recipients = recipients_of(notification)["to"]
    message = QueuedBytes(subject=notification.title, from_email=mail["from"], to=recipients)
    message.content = files[0].content if files else b""
    if mail["recipients"] is None and files:  # on a staging site
        message.content = redirected_bytes(message.content, recipients[0], mail.get("original", ""))
    message.encoding = mail.get("encoding")
    given = str(message.message().get("Message-ID", "")).strip()
    message.extra_headers = {"Message-ID": given or message_id(notification, mail["from"])}
    return message


def _headers(mail: Mapping[str, Any], notification: Notification) -> dict[str, Any]:
    headers = dict(mail.get("headers", ()))
    if left_out := notification.suppressed_recipients:
        headers = {name: _heading(name, value, left_out) for name, value in headers.items()}
    if any(name.lower() == "message-id" for name in headers):
        return headers
    # First, where Django puts a Message-ID.
    return {"Message-ID": message_id(notification, mail["from"]), **headers}


def _heading(name: str, value: Any, left_out: Collection[str]) -> Any:
    """Return a header of the project's own without suppressed addresses.

    Whoever answers to all would write to them, and some providers take recipients from headers.
    """
    if name.lower() not in NAMES_RECIPIENTS:
        return value
    unwanted = {comparable(each) for each in left_out}
    named = getaddresses([str(value)])
    kept = [each for each in named if comparable(each[1]) not in unwanted]
    if len(kept) == len(named):
        return value
    return ", ".join(map(formataddr, kept)) or NOBODY


def _attachment(file: StoredAttachment) -> Any:
    if file.kind in (Kind.PART, Kind.WHOLE_PART):
        return unpacked_part(file.content, file.headers)
    content = file.content.decode() if file.kind == Kind.TEXT else file.content
    return EmailAttachment(file.name or None, content, file.mimetype)


def _encoding(stored: Any) -> Any:
    if not isinstance(stored, list):
        return stored
    charset = Charset(stored[0])
    charset.header_encoding, charset.body_encoding = stored[1], stored[2]
    return charset


def _from_json(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"$datetime"}:
            return datetime.fromisoformat(value["$datetime"])
        if value.keys() == {"$date"}:
            return date.fromisoformat(value["$date"])
        return {key: _from_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_from_json(each) for each in value]
    return value
