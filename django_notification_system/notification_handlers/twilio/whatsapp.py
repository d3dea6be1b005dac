"""WhatsApp by Twilio: addresses with the channel's prefix, and WhatsApp's templates.

Outside a conversation of 24 hours that the person has begun, WhatsApp takes only templates that it
has approved. Twilio's name for a template is a content SID.

Sources: https://www.twilio.com/docs/whatsapp/api and
https://www.twilio.com/docs/content/send-templates-created-with-the-content-template-builder
"""

import json
import re
from collections.abc import Mapping
from typing import Any

#: Before a telephone number: the message goes by WhatsApp.
PREFIX = "whatsapp:"
#: A telephone number in E.164 form, behind the prefix.
NUMBER = re.compile(r"\+[1-9][0-9]{4,14}", re.ASCII)
#: Source: https://www.twilio.com/docs/content/content-api-resources
CONTENT_SID = re.compile(r"HX[0-9a-fA-F]{32}", re.ASCII)
#: Source: the page about sending templates.
MOST_VARIABLES = 100


class WrongTemplate(ValueError):
    """A template in ``extra`` that Twilio would not take."""


def is_whatsapp(address: Any) -> bool:
    """Tell whether messages to an address go by WhatsApp.

    Args:
        address: The record's address.
    """
    return isinstance(address, str) and address.lower().startswith(PREFIX)


def is_whatsapp_sender(value: Any) -> bool:
    """Tell whether a setting names a sender for WhatsApp, or is empty.

    Args:
        value: The value, perhaps with the prefix.
    """
    return value == "" or NUMBER.fullmatch(value.removeprefix(PREFIX)) is not None


def sender_for(address: Any, sender: str, whatsapp_sender: str) -> str:
    """Return the sender of a message to an address, with the prefix where the message needs one.

    Args:
        address: The record's address.
        sender: The number of the settings; may be empty.
        whatsapp_sender: The number for WhatsApp alone; empty: ``sender``.
    """
    if not is_whatsapp(address):
        return sender
    sender = whatsapp_sender or sender
    return sender if not sender or is_whatsapp(sender) else f"{PREFIX}{sender}"


def fault_of_number(address: str) -> str:
    """Return why an address with the prefix is none, or an empty text.

    Args:
        address: The address; other addresses have no fault here.
    """
    if not is_whatsapp(address) or NUMBER.fullmatch(address[len(PREFIX) :]):
        return ""
    return f"is no address for WhatsApp, which looks like {PREFIX}+15005550006."


def template_parameters(extra: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of Twilio's for a template; none without ``content_sid``.

    Args:
        extra: The notification's ``extra``.

    Raises:
        WrongTemplate: When ``content_sid`` or ``content_variables`` is wrong.
    """
    content_sid, variables = extra.get("content_sid"), extra.get("content_variables")
    if not content_sid:
        if variables:
            raise WrongTemplate("extra['content_variables'] needs extra['content_sid'].")
        return {}
    if not isinstance(content_sid, str) or not CONTENT_SID.fullmatch(content_sid):
        raise WrongTemplate(
            "extra['content_sid'] is no name of a template, which begins with HX and has 34"
            " characters."
        )
    parameters = {"content_sid": content_sid}
    if variables:
        parameters["content_variables"] = json.dumps(_checked(variables), ensure_ascii=False)
    return parameters


def _checked(variables: Any) -> dict[str, str]:
    if isinstance(variables, str):
        try:
            variables = json.loads(variables)
        except (ValueError, RecursionError):  # the errors quote the text
            variables = None
    if not isinstance(variables, dict) or not all(
        isinstance(value, str | int | float) and not isinstance(value, bool)
        for value in variables.values()
    ):
        raise WrongTemplate(
            "extra['content_variables'] must be a dict from the names of the template's variables"
            " to texts, such as {'1': 'Tuesday'}."
        )
    if len(variables) > MOST_VARIABLES:
        raise WrongTemplate(
            f"extra['content_variables'] has {len(variables)} variables, and Twilio takes"
            f" {MOST_VARIABLES}."
        )
    return {str(name): str(value) for name, value in variables.items()}
