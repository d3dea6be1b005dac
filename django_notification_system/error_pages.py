"""Django's error pages and error mails without the secrets in the targets' settings.

Django shows all settings there, and hides those whose names sound like a secret: ``auth_token``,
but not the URLs of services, which have their secrets in them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from django.views.debug import SafeExceptionReporterFilter

from .conf import TARGETS
from .printable import without_password
from .targets import settings_class_of

#: The value for ``DEFAULT_EXCEPTION_REPORTER_FILTER``.
FILTER = "django_notification_system.error_pages.ErrorPageFilter"


class ErrorPageFilter(SafeExceptionReporterFilter):
    """Hides the secrets in the targets' settings, too."""

    def cleanse_setting(self, key: Any, value: Any) -> Any:
        """Return a setting's value for people.

        Args:
            key: The setting's name, or a key within a setting.
            value: The value.

        Returns:
            The value, with the secrets of targets masked.
        """
        if key == TARGETS and isinstance(value, Mapping):
            value = {each: self._cleansed(each, values) for each, values in value.items()}
        return super().cleanse_setting(key, value)

    def _cleansed(self, key: Any, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        hidden = dict.fromkeys(_secrets(key, values), self.cleansed_substitute)
        return {**values, **hidden}


def shown_secrets() -> list[str]:
    """Return the targets' settings whose secrets are on Django's error pages, as people name them.

    Without those that Django's own filter hides, and URLs without a password.
    """
    targets = getattr(settings, TARGETS, None)
    if not isinstance(targets, Mapping):
        return []
    used = import_string(settings.DEFAULT_EXCEPTION_REPORTER_FILTER)()
    cleanse: Any = getattr(used, "cleanse_setting", None)  # Django asks for less than that
    shown = targets if cleanse is None else cleanse(TARGETS, targets)
    return [
        f"{TARGETS}[{key!r}][{name!r}]"
        for key, values in targets.items()
        if isinstance(values, Mapping)
        for name in _secrets(key, values)
        if _is_shown(values[name], shown[key][name])
    ]


def _secrets(key: Any, values: Mapping[Any, Any]) -> Iterator[str]:
    """Yield the names of a target's settings that no representation shows, where they are set."""
    for each in fields(settings_class_of(key)):
        if not each.repr and values.get(each.name):
            yield each.name


def _is_shown(value: Any, shown: Any) -> bool:
    has_secret = without_password(value) != value if isinstance(value, str) else True
    return has_secret and shown == value
