"""Where the documentation explains an error: the one place that builds an address of a page."""

from collections.abc import Mapping

from django.core.checks import CheckMessage
from django.utils import translation
from django.utils.translation import gettext as _

#: The pages' folder in the project's source. The address of a site takes its place in one line.
PAGES = "docs/{}.rst"

#: The page that explains a system check, by the check's id.
PAGES_OF_CHECKS: Mapping[str, str] = {
    "django_notification_system.E001": "reference/settings",
    "django_notification_system.E002": "reference/settings",
    "django_notification_system.E003": "reference/settings",
    "django_notification_system.E004": "howto/text_messages",
    "django_notification_system.E005": "howto/custom_targets",
    "django_notification_system.E006": "howto/custom_targets",
    "django_notification_system.E007": "howto/custom_targets",
    "django_notification_system.E008": "reference/settings",
    "django_notification_system.E009": "howto/staging",
    "django_notification_system.E010": "reference/engines",
    "django_notification_system.E011": "howto/on_commit",
    "django_notification_system.E012": "howto/tasks",
    "django_notification_system.E013": "reference/settings",
    "django_notification_system.E014": "howto/email",
    "django_notification_system.E015": "howto/types",
    "django_notification_system.E017": "howto/types",
    "django_notification_system.E018": "howto/queue_every_mail",
    "django_notification_system.E019": "howto/unsubscribe",
    "django_notification_system.E020": "howto/types",
    "django_notification_system.E021": "howto/target_webpush",
    "django_notification_system.E022": "howto/email",
    "django_notification_system.E023": "howto/target_fcm",
    "django_notification_system.E024": "howto/target_apprise",
    "django_notification_system.W001": "reference/settings",
    "django_notification_system.W002": "howto/installation",
    "django_notification_system.W003": "reference/settings",
    "django_notification_system.W004": "reference/settings",
    "django_notification_system.W005": "reference/settings",
    "django_notification_system.W006": "howto/custom_targets",
    "django_notification_system.W007": "reference/settings",
    "django_notification_system.W008": "howto/unsubscribe",
    "django_notification_system.W009": "howto/types",
    "django_notification_system.W010": "reference/models",
    "django_notification_system_anymail.W001": "howto/bounces",
    "django_notification_system_inbox.W001": "howto/inbox",
    "django_notification_system_inbox.W002": "howto/inbox",
    "django_notification_system_webpush.W001": "howto/target_webpush",
    "django_notification_system_prometheus.E001": "howto/metrics",
    "django_notification_system_prometheus.E002": "howto/metrics",
    "django_notification_system_prometheus.E003": "howto/metrics",
    "django_notification_system_prometheus.E004": "howto/metrics",
    "django_notification_system_prometheus.W001": "howto/metrics",
    "django_notification_system_prometheus.W002": "howto/metrics",
}


def see(page: str) -> str:
    """Return the sentence that names a page.

    Args:
        page: The path of the page within the documentation, such as ``"howto/staging"``.
    """
    return _("See %s") % PAGES.format(page)


def explained(message: CheckMessage) -> CheckMessage:
    """Return a system check's message whose hint ends with the page that explains the check.

    Args:
        message: The message.
    """
    page = PAGES_OF_CHECKS.get(message.id or "")
    if page is not None:
        with translation.override(None):  # system checks speak English
            message.hint = " ".join(filter(None, (message.hint, see(page))))
    return message
