"""Delivers emails through the backend in Django's mail settings.

``process_notifications`` sends up to ``connections`` emails at once, as many as the server likes,
over connections that stay open for the next emails.
"""

from django.utils.translation import gettext_noop

from .appearance import preview
from .content import validate
from .describe import (
    DIRECTIONS_IN_EXTRA,
    FILES_IN_EXTRA,
    check,
    comparable_address,
    destination,
    fault_of_address,
    own_addresses,
    redirected_extra,
)
from .sending import MOST_TOGETHER, deliver, send_notification, sent_message_id, write_letter
from .settings import EmailSettings as Settings
from .unsubscribing import list_headers, template_context

__all__ = [
    "ALSO_CALLED",
    "DIRECTIONS_IN_EXTRA",
    "FILES_IN_EXTRA",
    "HOW_TO_ADD_RECORDS",
    "MOST_TOGETHER",
    "PAGE",
    "SAMPLE_ADDRESS",
    "Settings",
    "check",
    "comparable_address",
    "deliver",
    "destination",
    "fault_of_address",
    "list_headers",
    "own_addresses",
    "preview",
    "redirected_extra",
    "send_notification",
    "sent_message_id",
    "template_context",
    "validate",
    "write_letter",
]

ALSO_CALLED = ("mail", "mails", "smtp")
PAGE = "howto/email"
HOW_TO_ADD_RECORDS = gettext_noop(
    "The command create_email_target_user_records adds a record for each user with an email"
    " address."
)
SAMPLE_ADDRESS = "ann@example.com"
TAKES_ATTACHMENTS = True
TAKES_HTML = True
