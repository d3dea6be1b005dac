"""The targets named on the command line."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from ...database import patiently
from ...exceptions import NotificationSystemError
from ...models import NotificationTarget


def targets_named(names: Sequence[str], *, using: str) -> list[NotificationTarget]:
    """Return the targets with these names or module names, or all, in the order of creation.

    Args:
        names: Names or module names, in any case; empty: all targets.
        using: The database's alias.

    Raises:
        NotificationSystemError: When a name is unknown.
        OperationalError: When the database is out of reach for longer than a run waits.
    """
    rows = NotificationTarget.objects.using(using).order_by("created_date", "name")
    targets = patiently(lambda: list(rows), using=using)
    if not names:
        return targets
    wanted = {name.casefold() for name in names}
    chosen = [
        target
        for target in targets
        if {target.name.casefold(), target.notification_module_name.casefold()} & wanted
    ]
    known = {target.name.casefold() for target in targets} | {
        target.notification_module_name.casefold() for target in targets
    }
    if unknown := [name for name in names if name.casefold() not in known]:
        raise NotificationSystemError(
            _("There is no target %(name)r. The targets are: %(targets)s.")
            % {"name": unknown[0], "targets": ", ".join(target.name for target in targets)}
        )
    return chosen
