"""The Web Push target's description, without the libraries for encryption."""

from collections.abc import Iterator
from importlib.util import find_spec

from django.core.checks import CheckMessage
from django.utils.translation import gettext as _

from ...conf import TARGETS, target_values
from ...draft import Draft
from ...exceptions import InvalidNotification
from ...models import Notification
from ...models.details import is_short_address
from ..checks import check_client, error
from ..preview import Preview, shown_part
from .message import LONGEST_PLAINTEXT, WrongExtra, check_extra, payload_of
from .settings import KEY, webpush_settings
from .vapid import NotAVapidKey, public_key_of

MAKE_KEYS = "Make one: python manage.py make_vapid_keys"
RIGHT_KEY = (
    "Give the private key as python manage.py make_vapid_keys printed it, or a PEM file's content."
    " With a new pair all browsers must subscribe again."
)


def check() -> Iterator[CheckMessage]:
    """Yield faults of the settings beyond the rules of single settings."""
    values = target_values(KEY)
    if values is None:
        return
    name = f"{TARGETS}[{KEY!r}]"
    private_key, subject = values.get("vapid_private_key"), values.get("subject")
    if not private_key:
        yield error(21, f"{name} has no vapid_private_key.", hint=f"{MAKE_KEYS}.")
    elif isinstance(private_key, str) and find_spec("cryptography") is not None:
        try:
            public_key_of(private_key)
        except NotAVapidKey as fault:
            yield error(21, f"{name}['vapid_private_key'] {fault}.", hint=RIGHT_KEY)
    if not subject:
        yield error(
            21,
            f"{name} has no subject, and push services refuse messages without one.",
            hint="Add one, such as 'mailto:admin@example.com'.",
        )
    yield from check_client(name, "pywebpush", "webpush")


def destination() -> str:
    """Return where messages go.

    Raises:
        TargetUnavailable: When a setting is wrong.
    """
    settings = webpush_settings()
    return settings.stand_in_url or ", ".join(settings.push_services)


def validate(draft: Draft) -> None:
    """Refuse a message that no push service takes; see ``DescribesItself.validate()``.

    Raises:
        InvalidNotification: When a key of ``extra`` is wrong, or the message is too long.
    """
    try:
        size = len(payload_of(draft.title, draft.body, draft.extra))
    except WrongExtra as fault:
        raise InvalidNotification(str(fault), argument="extra") from fault
    if size > LONGEST_PLAINTEXT:
        raise InvalidNotification(too_long(size), argument="body")


def too_long(size: int) -> str:
    """Return the complaint about a message that is too long.

    Args:
        size: The message's length as JSON, in bytes.
    """
    return (
        f"Title, body and the shown keys of extra have {size} bytes as JSON, and a push message"
        f" has at most {LONGEST_PLAINTEXT}. Shorten the body, and link to the rest with"
        " extra['url']."
    )


def fault_of_address(address: str) -> str:
    """Return why an address is none of a subscription, or an empty text.

    Args:
        address: The address.
    """
    if is_short_address(address):
        return ""
    return (
        "is no address of a subscription, which begins with sha256:. Subscribe with a browser, and"
        " take the address of the record."
    )


def preview(notification: Notification, *, may_render: bool, with_text: bool) -> Preview:
    """Return a push message as a browser shows it; see ``DescribesItself.preview()``."""
    extra = notification.extra if isinstance(notification.extra, dict) else {}
    text, notes = shown_part(notification.body)
    return Preview(
        "push",
        problem=_problem(notification, extra),
        notes=notes,
        text=text,
        title=notification.title,
    )


def _problem(notification: Notification, extra: dict[str, object]) -> str:
    try:
        check_extra(extra)
        size = len(payload_of(notification.title, notification.body, extra))
    except WrongExtra as fault:
        return str(fault)
    return _("The message is too long.") if size > LONGEST_PLAINTEXT else ""
