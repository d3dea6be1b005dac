"""The keys of ``extra`` that only superusers may set in the admin, as the targets describe them.

The keys of all targets count for every notification: a notification may get another record later.
"""

from dataclasses import dataclass
from typing import Any

from ..models import NotificationTarget
from ..modules import built_in_names
from ..targets import describe_built_in, known_description


@dataclass(frozen=True, kw_only=True)
class SuperusersKeys:
    """Keys of ``extra`` for superusers alone.

    Attributes:
        files: The keys that bring the project's files into a message.
        directions: The keys that set further recipients, the sender, or the recipients of answers.
    """

    files: frozenset[str]
    directions: frozenset[str]

    def bring_files(self, extra: Any) -> bool:
        """Tell whether a notification's ``extra`` names a file.

        Args:
            extra: The notification's ``extra``, of any type.
        """
        return isinstance(extra, dict) and any(extra.get(name) for name in self.files)

    def refused(
        self, extra: dict[str, Any], before: dict[str, Any], *, has_files: bool = False
    ) -> str | None:
        """Return a key that only a superuser may have set, changed or removed; else ``None``.

        Others may remove a key, but for a direction while the message has files: a superuser's
        files go to the recipients of the superuser's choice.

        Args:
            extra: The new ``extra``.
            before: The ``extra`` before.
            has_files: Whether the notification has stored attachments.
        """
        has_files = has_files or self.bring_files(extra)
        for name in (*sorted(self.files), *sorted(self.directions)):
            if name in extra:
                if name not in before or extra[name] != before[name]:
                    return name
            elif name in before and name in self.directions and has_files:
                return name
        return None


def superusers_keys() -> SuperusersKeys:
    """Return the keys of this app's own targets and of all targets in the database."""
    built_in = built_in_names()
    names = NotificationTarget.objects.values_list("notification_module_name", flat=True)
    described = [
        *map(describe_built_in, sorted(built_in)),
        *map(known_description, sorted(set(names))),
    ]
    known = [description for description in described if description is not None]
    return SuperusersKeys(
        files=frozenset().union(*(description.files_in_extra for description in known)),
        directions=frozenset().union(*(description.directions_in_extra for description in known)),
    )
