"""Find a project's own creator by the name of its target's module.

A target's creator is a function ``create_notification`` in a module of the target's
``notification_module_name``, in a folder or package named in ``NOTIFICATION_SYSTEM_CREATORS``::

    def create_notification(
        user, title, body, scheduled_delivery=None, retry_time_interval=60, max_retries=3,
        quiet=False, extra=None,
    ) -> None: ...

``notify()`` calls the creator once for every user. Creators are optional: for a target without a
creator, ``notify()`` makes a notification for each of the user's active records.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..conf import CREATORS
from ..models import NotificationTarget
from ..modules import built_in_names, find_module, missing_function

BUILT_IN_PACKAGE = "django_notification_system.notification_creators"


@dataclass(frozen=True)
class FoundCreator:
    """A project's own creator for a target.

    Attributes:
        create_notification: The function.
        source: The module's file or dotted name.
    """

    create_notification: Callable[..., Any]
    source: str

    def takes(self, argument: str) -> bool:
        """Return whether the function has a parameter of this name.

        Args:
            argument: The parameter's name.
        """
        parameters = inspect.signature(self.create_notification).parameters
        return argument in parameters or any(
            parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
        )


def find_creator(target: NotificationTarget) -> FoundCreator | None:
    """Return the project's own creator for a target, or ``None`` without a creator.

    Args:
        target: The target.

    Raises:
        TargetUnavailable: When the module cannot be imported, or defines no
            ``create_notification()``.
    """
    name = target.notification_module_name
    found = find_module(name, CREATORS, BUILT_IN_PACKAGE)
    if found is None or (name in built_in_names() and not found.shadows_built_in):
        return None
    function = getattr(found.module, "create_notification", None)
    if function is None:
        raise missing_function(found, ["create_notification"])
    return FoundCreator(function, found.source)
