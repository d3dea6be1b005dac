"""System checks of the inbox: a project's own target must not have the inbox's name."""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.core import checks
from django.core.checks import CheckMessage
from django.db import router
from django.db.models import Q

from ...conf import HANDLERS
from ...documentation import explained
from ...exceptions import TargetUnavailable
from ...models import NotificationTarget
from ...modules import BUILT_IN_HANDLERS, find_module
from ...on_site import INBOX, INBOX_APP


@checks.register()
def check_handler(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Warn of a handler with the inbox's name: people's words on both would be the same words.

    Args:
        app_configs: Ignored: the check reads settings.
        kwargs: Further arguments of Django's.
    """
    # Django keeps a registered check, although tests install an app for a while only.
    if not apps.is_installed(INBOX_APP):
        return []
    try:
        found = find_module(INBOX, HANDLERS, BUILT_IN_HANDLERS)
    except TargetUnavailable:
        return []  # another check says so
    if found is None:
        return []
    message = checks.Warning(
        f"{found.source} is a handler named {INBOX!r}, and {INBOX!r} is the inbox on the site: no"
        " call can name the handler's target, and preferences do not tell the two apart.",
        hint="Rename the module, and notification_module_name of its target.",
        id="django_notification_system_inbox.W001",
    )
    return [explained(message)]


@checks.register(checks.Tags.database)
def check_targets(
    app_configs: Any = None, databases: Iterable[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn of a target with the inbox's name: a call that names the inbox could mean both.

    Args:
        app_configs: Ignored: the check reads a table.
        databases: The aliases of the databases to ask; none without ``check --database``.
        kwargs: Further arguments of Django's.
    """
    using = router.db_for_read(NotificationTarget)
    if not apps.is_installed(INBOX_APP) or using not in (databases or ()):
        return []
    rows = NotificationTarget.objects.using(using).filter(
        Q(name__iexact=INBOX) | Q(notification_module_name__iexact=INBOX)
    )
    try:
        targets = list(rows.order_by("name"))
    except Exception:
        return []  # the table is still to be made, or another check says so
    return [
        explained(
            checks.Warning(
                f"The target {target.name!r} (module {target.notification_module_name!r}) has the"
                f" name of the inbox on the site: notify(…, target={INBOX!r}) is refused.",
                hint="Rename the target in the admin, and its module, if that is what has the name."
                " Or pass the target itself in place of the name.",
                id="django_notification_system_inbox.W002",
            )
        )
        for target in targets
    ]
