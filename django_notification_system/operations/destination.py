"""Where the settings make a target's messages go, for people, and without any secret."""

from django.utils.translation import gettext as _

from ..conf import expo_settings, twilio_settings
from ..delivery.handlers.find import FoundHandler
from ..exceptions import TargetUnavailable
from ..models import NotificationTarget
from ..notification_handlers.email.connection import ConnectionPool
from ..printable import without_password


def destination(target: NotificationTarget, handler: FoundHandler) -> str:
    """Return the destination of the target's messages; empty where only the handler knows."""
    if not handler.is_built_in:
        return ""
    if target.notification_module_name == "twilio":
        return without_password(twilio_settings().base_url)
    if target.notification_module_name == "expo":
        return without_password(expo_settings().base_url)
    return _mail_server() if target.notification_module_name == "email" else ""


def _mail_server() -> str:
    try:
        pool = ConnectionPool(timeout=1)
    except TargetUnavailable:
        return ""  # the handler says so
    with pool, pool.borrow() as connection:
        if pool.is_local:
            return _("%(backend)s, which sends no mail") % {"backend": connection.backend_name}
        return connection.server or connection.backend_name
