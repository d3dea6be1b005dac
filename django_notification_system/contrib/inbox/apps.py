"""The Django app of the inbox."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InboxConfig(AppConfig):
    """Brings the tables of the inbox, and lets the core write into the inbox."""

    name = "django_notification_system.contrib.inbox"
    label = "django_notification_system_inbox"
    verbose_name = _("Inbox")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let ``notify()`` write into the inbox from now on."""
        from ...on_site import install_inbox
        from . import checks  # noqa: F401
        from .site_inbox import SiteInbox

        install_inbox(SiteInbox())
