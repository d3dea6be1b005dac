"""Making the row of a target. ``migrate`` makes rows for email, Twilio and Expo alone."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, router, transaction
from django.utils.translation import gettext as _

from ..exceptions import NotificationSystemError
from ..models import NotificationTarget
from ..modules import built_in_names
from ..setting_names import did_you_mean, modules_of_handlers, name_meant
from ..targets import describe, module_called, module_name_of

LONGEST_NAME: int = NotificationTarget._meta.get_field("name").max_length or 0


def add_target(
    module_name: str, *, name: str = "", using: str | None = None
) -> tuple[NotificationTarget, bool]:
    """Make the row of a target, unless the row is there.

    Args:
        module_name: The name of the handler's module, such as ``"webpush"``, or the target's key in
            ``NOTIFICATION_SYSTEM_TARGETS``.
        name: The target's name for people. By default a target of any name with this module counts
            as there, and a new target gets the name that its handler suggests.
        using: The database's alias; by default the router's choice for writing.

    Returns:
        The target, and whether it was made now.

    Raises:
        NotificationSystemError: When there is no such module, or another target has the name.
        TargetUnavailable: When the module cannot be imported.
    """
    using = using or router.db_for_write(NotificationTarget)
    module_name = module_name_of(module_name)
    suggested = _suggested_name(module_name)
    rows = NotificationTarget.objects.using(using)
    of_module = rows.filter(notification_module_name=module_name)
    there = (of_module.filter(name=name) if name else of_module).order_by("created_date").first()
    if there is not None:
        return there, False
    target = NotificationTarget(
        name=name or suggested[:LONGEST_NAME], notification_module_name=module_name
    )
    try:
        target.clean_fields()
        with transaction.atomic(using=using):
            target.save(using=using, force_insert=True)
    except ValidationError as error:
        raise NotificationSystemError(" ".join(error.messages)) from error
    except IntegrityError as error:
        # Another call was quicker, or another target has the name.
        there = of_module.filter(name=target.name).first()
        if there is not None:
            return there, False
        raise NotificationSystemError(
            _("Another target is called %r. Choose another name with --name.") % target.name
        ) from error
    return target, True


def _suggested_name(module_name: str) -> str:
    """Return the name that a handler suggests for its target.

    Raises:
        NotificationSystemError: When there is no such module.
    """
    known = sorted({*built_in_names(), *modules_of_handlers()})
    described = describe(module_name) if module_name in known else None
    if described is not None:
        return described.target_name
    said = _("There is no handler %r.") % module_name
    meant = module_called(module_name) or name_meant(module_name, known)
    question = f" {did_you_mean(meant)}" if meant else ""
    raise NotificationSystemError(
        f"{said}{question} {_('The handlers are: %s.') % ', '.join(known)}"
    )
