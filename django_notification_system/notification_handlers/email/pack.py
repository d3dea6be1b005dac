"""A message of Django's kind, taken apart into texts, JSON and attachments for storing.

The parts are exact: the message made of them again is written byte for byte as the first. What the
parts cannot carry is stored as the bytes that the message makes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from email.charset import Charset
from email.message import Message, MIMEPart
from email.mime.base import MIMEBase
from typing import Any

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from ...exceptions import InvalidNotification
from ...models import NotificationAttachment
from ...models.attached import Attached
from ...storable import json_object
from .delivering_backend import takes_bytes
from .mime_parts import packed_part
from .queued_mail import bytes_of

Kind = NotificationAttachment.Kind

#: Methods that make a message. A class with its own makes its own bytes.
MAKING = frozenset(
    {
        *{"message", "recipients", "_create_message", "_create_alternatives"},
        *{"_create_attachment", "_create_attachments", "_create_mime_attachment"},
        *{"_set_list_header_if_not_empty", "_add_bodies", "_add_attachments", "_add_attachment"},
        *{"_add_alternatives", "_idna_encode_address_header_domains"},
    }
)
DJANGO_MESSAGES = frozenset({EmailMessage, EmailMultiAlternatives, object})
#: Attributes with a place of their own.
STORED_APART = frozenset(
    {
        *{"subject", "body", "from_email", "to", "cc", "bcc", "reply_to", "attachments"},
        *{"alternatives", "extra_headers", "connection", "_connection", "encoding"},
        *{"content_subtype", "mixed_subtype", "alternative_subtype", "notification"},
        "anymail_status",
    }
)
#: django-anymail's. https://anymail.dev/en/stable/sending/anymail_additions/
ANYMAIL = (
    *("esp_extra", "envelope_sender", "metadata", "merge_data", "merge_global_data"),
    *("merge_headers", "merge_metadata", "send_at", "tags", "template_id", "track_clicks"),
    "track_opens",
)
SUBTYPES: Mapping[str, str] = {
    "content_subtype": "plain",
    "mixed_subtype": "mixed",
    "alternative_subtype": "alternative",
}
LINE_ENDS = ("\n", "\r")
LONGEST_TITLE = 100
NO_SUBJECT = "(no subject)"
LONGEST_MEDIA_TYPE = 255


class NotExact(Exception):
    """The parts cannot carry the message."""


@dataclass(frozen=True)
class PackedMail:
    """A message for storing.

    Attributes:
        title: The subject for lists: on one line, at most 100 characters.
        body: The text.
        mail: The rest, as JSON.
        attachments: The attachments.
        recipients: All recipients; the first stands for the mail in lists.
    """

    title: str
    body: str
    mail: dict[str, Any]
    attachments: tuple[Attached, ...]
    recipients: list[str]

    def texts(self) -> Iterator[str]:
        """Yield the texts that may be long."""
        yield self.body
        for content, _mimetype in self.mail.get("alternatives", ()):
            yield content
        for _name, value in self.mail.get("headers", ()):
            yield str(value)
        for value in self.mail.get("attributes", {}).values():
            yield str(value)


def pack(message: Any) -> PackedMail:
    """Return a message for storing.

    Args:
        message: A message with recipients.

    Raises:
        InvalidNotification: When neither parts nor bytes can carry the message to the delivering
            backend.
        Exception: Django's own, for a message that Django could not write, such as
            ``BadHeaderError``.
    """
    recipients = [str(each) for each in message.recipients()]
    if _is_suspicious(message):
        bytes_of(message)  # raises what the delivering backend would raise
    try:
        if _makes_itself(message):
            raise NotExact("its class makes the message")
        mail = _mail(message)
        attachments = tuple(_attached(each) for each in message.attachments)
        return PackedMail(_title(message), _text(message.body), mail, attachments, recipients)
    except NotExact as reason:
        return _as_bytes(message, recipients, reason)


def _as_bytes(message: Any, recipients: list[str], reason: NotExact) -> PackedMail:
    backend, is_able = takes_bytes()
    if not is_able:
        raise InvalidNotification(
            _(
                "The message cannot be stored in parts (%(reason)s), and %(backend)s does not take"
                " the bytes that the message makes. Send it with a backend of its own:"
                " message.connection = get_connection(…), or mailers[…] from Django 6.1. Where the"
                " backend does send what message.message() makes, let a subclass of it say so:"
                " sends_message_bytes = True."
            )
            % {"reason": reason, "backend": backend},
            argument="message",
        )
    content = Attached(
        name="", content=bytes_of(message), mimetype="message/rfc822", kind=Kind.MESSAGE
    )
    mail = {
        "bytes": True,
        "recipients": [_storable(each) for each in recipients],
        "from": _storable(str(message.from_email)),
        "encoding": None if message.encoding is None else str(message.encoding),
    }
    return PackedMail(_title(message), "", mail, (content,), recipients)


def _makes_itself(message: Any) -> bool:
    """Tell whether a message's class, or the message, has a method of its own for its bytes."""
    if not isinstance(message, EmailMessage) or not MAKING.isdisjoint(vars(message)):
        return True
    own = [each for each in type(message).__mro__ if each not in DJANGO_MESSAGES]
    return any(not MAKING.isdisjoint(vars(each)) for each in own)


def _is_suspicious(message: Any) -> bool:
    """Tell whether Django may refuse a header, so that the caller must hear of the refusal."""
    headers = getattr(message, "extra_headers", {})
    texts = [
        message.subject,
        message.from_email,
        *(each for name in ("to", "cc", "reply_to") for each in getattr(message, name, ())),
        *headers,
        *headers.values(),
    ]
    return any(end in str(text) for text in texts for end in LINE_ENDS) or any(
        str(name).lower() == "bcc" or not isinstance(value, str | Promise)
        for name, value in headers.items()
    )


def _mail(message: Any) -> dict[str, Any]:
    mail: dict[str, Any] = {
        "subject": _text(message.subject),
        "from": _text(message.from_email),
        "to": [_text(each) for each in message.to],
    }
    for name in ("cc", "bcc", "reply_to"):
        if values := getattr(message, name):
            mail[name] = [_text(each) for each in values]
    if message.extra_headers:
        # As pairs: PostgreSQL keeps no order of keys.
        mail["headers"] = [
            [_text(name), _header(value)] for name, value in message.extra_headers.items()
        ]
    if alternatives := getattr(message, "alternatives", None):
        mail["alternatives"] = [_alternative(each) for each in alternatives]
    for name, default in SUBTYPES.items():
        value = getattr(message, name, default)
        if value != default:
            mail[name] = _text(value)
    if message.encoding is not None:
        mail["encoding"] = _encoding(message.encoding)
    if attributes := dict(_attributes(message)):
        mail["attributes"] = attributes
    return mail


def _attributes(message: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes that django-anymail and other packages add, where they are JSON."""
    names = {*vars(message), *(name for name in ANYMAIL if hasattr(message, name))} - STORED_APART
    for name in sorted(names):
        value = getattr(message, name)
        if getattr(value, "__name__", "") == "UNSET":  # django-anymail's word for nothing
            continue
        try:
            yield name, json_object({name: _as_json(value)})[name]
        except InvalidNotification as error:
            if name in ANYMAIL:
                raise InvalidNotification(
                    _(
                        "The message's attribute %(name)s cannot be stored: %(error)s Give it"
                        " values that JSON has."
                    )
                    % {"name": name, "error": error},
                    argument="message",
                ) from error
            # Of another package's own use: a request, say. No backend of Django's reads it.


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    if isinstance(value, Mapping):
        return {key: _as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_as_json(each) for each in value]
    return value


def _alternative(alternative: Any) -> list[Any]:
    content, mimetype = alternative
    return [_text(content), _text(mimetype)]


def _encoding(encoding: Any) -> Any:
    if isinstance(encoding, Charset):
        return [encoding.input_charset, encoding.header_encoding, encoding.body_encoding]
    return _text(encoding)


def _attached(attachment: Any) -> Attached:
    if isinstance(attachment, MIMEPart | MIMEBase):
        return _attached_part(attachment)
    name, content, mimetype = attachment
    kind = Kind.TEXT if isinstance(content, str) else Kind.BYTES
    if isinstance(content, str):
        content = _text(content).encode()
    if not isinstance(content, bytes) or not isinstance(mimetype, str):
        raise NotExact("an attachment is a message")
    if len(mimetype) > LONGEST_MEDIA_TYPE or name == "":
        raise NotExact("an attachment's name or type is odd")
    return Attached(name=_text(name or ""), content=content, mimetype=_text(mimetype), kind=kind)


def _attached_part(part: Message) -> Attached:
    packed = packed_part(part)
    if packed is None:
        raise NotExact("an attachment is a MIME part that cannot be made again")
    return Attached(
        name=_storable(part.get_filename() or ""),
        content=packed.content,
        mimetype=part.get_content_type()[:LONGEST_MEDIA_TYPE],
        kind=Kind.WHOLE_PART if packed.is_whole else Kind.PART,
        headers=dict(packed.headers),
    )


def _header(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _text(value)
    return value


def _text(value: Any) -> str:
    """Return a text that every database stores.

    Raises:
        NotExact: When there is no such text.
    """
    if isinstance(value, Promise):
        value = str(value)
    if not isinstance(value, str):
        raise NotExact(f"a text is a {type(value).__name__}")
    if "\x00" in value or not _is_encodable(value):
        raise NotExact("a text has characters that databases cannot store")
    return str(value)


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _storable(text: str) -> str:
    return text.replace("\x00", "").encode(errors="replace").decode()


def _title(message: Any) -> str:
    title = " ".join(_storable(str(message.subject)).split()) or NO_SUBJECT
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"
