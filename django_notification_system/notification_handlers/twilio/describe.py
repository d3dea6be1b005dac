"""The Twilio target's description, without Twilio's client."""

import re
from collections.abc import Iterator

from django.core.checks import CheckMessage
from django.utils.translation import gettext_lazy

from ...conf import TARGETS, target_values
from ...draft import Draft
from ...exceptions import InvalidNotification
from ...models import Notification
from ..checks import check_client, error
from ..preview import Preview, shown_part
from .settings import KEY, twilio_settings
from .whatsapp import WrongTemplate, fault_of_number, template_parameters

IS_TEMPLATE = gettext_lazy(
    "The message is a template at Twilio; here are the template's name and its variables."
)

#: Between the digits of a telephone number, for people.
NOT_IN_NUMBERS = re.compile(r"[\s()./-]")


def check() -> Iterator[CheckMessage]:
    """Yield faults of the settings beyond the rules of single settings."""
    values = target_values(KEY) or {}
    # In release 1.5.3 people left Twilio unused by empty strings.
    if not values.get("account_sid"):
        return
    name = f"{TARGETS}[{KEY!r}]"
    if not values.get("auth_token"):
        yield error(4, f"{name} has an account_sid but no auth_token.", hint="Add the token.")
    if not values.get("sender") and not values.get("messaging_service_sid"):
        yield error(
            4,
            f"{name} names no sender.",
            hint="Add a 'sender' (a number such as +15005550006) or a 'messaging_service_sid'.",
        )
    yield from check_client(name, "twilio", "twilio")


def destination() -> str:
    """Return where text messages go.

    Raises:
        TargetUnavailable: When a setting is wrong.
    """
    return twilio_settings().base_url


def validate(draft: Draft) -> None:
    """Refuse a template that Twilio would not take; see ``DescribesItself.validate()``.

    Raises:
        InvalidNotification: When ``content_sid`` or ``content_variables`` in ``extra`` is wrong.
    """
    try:
        template_parameters(draft.extra)
    except WrongTemplate as fault:
        raise InvalidNotification(str(fault), argument="extra") from fault


def fault_of_address(address: str) -> str:
    """Return why an address is none of WhatsApp's, or an empty text; Twilio judges the others.

    Args:
        address: The address.
    """
    return fault_of_number(address)


def comparable_address(address: str) -> str:
    """Return a telephone number in E.164 form, with the channel's prefix such as ``whatsapp:``.

    Args:
        address: The number, perhaps with blanks, brackets and hyphens, or with ``00`` for ``+``.
    """
    channel, colon, number = address.rpartition(":")
    compact = NOT_IN_NUMBERS.sub("", number)
    if compact.startswith("00"):
        compact = f"+{compact[2:]}"
    return f"{channel.lower()}{colon}{compact}" if compact.strip("+").isdigit() else address


def preview(notification: Notification, *, may_render: bool, with_text: bool) -> Preview:
    """Return a text message as shown by a telephone; see ``DescribesItself.preview()``."""
    extra = notification.extra if isinstance(notification.extra, dict) else {}
    try:
        template = template_parameters(extra)
    except WrongTemplate as fault:
        return Preview("sms", problem=str(fault))
    if template:
        shown = [template["content_sid"], template.get("content_variables", "")]
        text, notes = shown_part("\n".join(filter(None, shown)))
        return Preview("sms", notes=[*notes, IS_TEMPLATE], text=text)
    text, notes = shown_part(notification.body)
    return Preview("sms", notes=notes, text=text or notification.title)
