"""System checks of ``NOTIFICATION_SYSTEM_PROMETHEUS``."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage

from ...documentation import explained
from ...modules import is_folder
from ...setting_names import unknown_options
from ...setting_rules import cut, rules_of
from .conf import SETTING, PrometheusSettings

#: Characters; guessing such a token at a thousand tries a second takes longer than a life.
SHORTEST_TOKEN = 16
#: The rule for each value, by its key.
RULES = {name.upper(): rule for name, rule in rules_of(PrometheusSettings).items()}


@checks.register()
def check_prometheus(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Check the settings of the metrics.

    Args:
        app_configs: Ignored, like the following: the check reads settings.
        kwargs: Further arguments of Django's.

    Returns:
        The problems found.
    """
    values = getattr(settings, SETTING, None) or {}
    if not isinstance(values, Mapping):
        return [_error(1, f"{SETTING} must be a dictionary, such as {{'CACHE_SECONDS': 5}}.")]
    try:
        return list(_check_values(values))
    except Exception as error:
        # Without the error's own text, which may repeat the token.
        return [_error(4, f"{SETTING} cannot be checked: {type(error).__name__}.")]


def _check_values(values: Mapping[Any, Any]) -> Iterator[CheckMessage]:
    for unknown, hint in unknown_options(values, RULES):
        yield _warning(1, f"{SETTING} has no option {unknown}; it is ignored.", hint)
    for option, rule in RULES.items():
        if option in values and not rule.allows(values[option]):
            yield _error(2, f"{SETTING}[{option!r}] must be {rule.expected}.")
    token, file = values.get("TOKEN"), values.get("FILE")
    if token is not None and RULES["TOKEN"].allows(token) and len(token) < SHORTEST_TOKEN:
        yield _warning(
            2,
            f"{SETTING}['TOKEN'] has fewer than {SHORTEST_TOKEN} characters: it can be guessed.",
            hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe())'",
        )
    if isinstance(file, str | Path) and not is_folder(Path(file).parent):
        yield _error(
            3,
            f"{SETTING}['FILE'] is in a folder that does not exist: {cut(str(Path(file).parent))}",
            hint="Correct it, or create the folder.",
        )


def _error(number: int, message: str, hint: str | None = None) -> CheckMessage:
    return explained(
        checks.Error(message, hint=hint, id=f"django_notification_system_prometheus.E{number:03}")
    )


def _warning(number: int, message: str, hint: str | None = None) -> CheckMessage:
    return explained(
        checks.Warning(message, hint=hint, id=f"django_notification_system_prometheus.W{number:03}")
    )
