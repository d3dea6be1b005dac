"""System checks of the settings: problems are reported at start, with the setting's name."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage
from django.db import router

from .. import conf
from ..documentation import explained
from ..error_pages import FILTER, shown_secrets
from ..notification_handlers.checks import warning
from ..setting_names import check_setting_names, check_target_keys
from .engine import (
    check_engine,
    check_lease,
    check_overrides,
    check_retry,
    check_task_engine,
)
from .links import check_links
from .locations import check_locations
from .targets import ask_deployed_targets, ask_targets, check_targets
from .values import reported


@checks.register()
def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Check all settings of this app; whatever the values, a check reports and never raises.

    Args:
        app_configs: Ignored, like the following: the check reads settings.
        kwargs: Further arguments of Django's.

    Returns:
        The problems found.
    """
    parts: Sequence[tuple[str, Callable[[], Iterable[CheckMessage]]]] = (
        ("The settings", check_setting_names),
        (conf.TARGETS, check_targets),
        (conf.TARGETS, check_target_keys),
        (conf.HANDLERS, ask_targets),
        (conf.ENGINE, check_engine),
        (conf.ENGINE, check_retry),
        (conf.ENGINE, check_overrides),
        (conf.ENGINE, check_task_engine),
        (conf.ENGINE, check_lease),
        (conf.ENGINE, check_links),
        (conf.HANDLERS, partial(check_locations, conf.HANDLERS)),
        (conf.CREATORS, partial(check_locations, conf.CREATORS)),
    )
    return [explained(message) for name, part in parts for message in reported(name, part)]


@checks.register(deploy=True)
def check_deployed_targets(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Check what only the targets' clients know; with ``check --deploy``, as clients load slowly.

    Args:
        app_configs: Ignored, like the following: the check reads settings.
        kwargs: Further arguments of Django's.
    """
    return [explained(message) for message in reported(conf.TARGETS, ask_deployed_targets)]


@checks.register(checks.Tags.database)
def check_suppression_key(
    app_configs: Any = None, databases: Iterable[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn where addresses are suppressed, and the key of their hashes is ``SECRET_KEY``.

    Args:
        app_configs: Ignored: the check reads settings and a table.
        databases: The aliases of the databases to ask; none without ``check --database``.
        kwargs: Further arguments of Django's.

    Returns:
        The problem, if any.
    """
    # Here: this module may be imported before the models are ready.
    from ..models import Suppression

    using = router.db_for_read(Suppression)
    try:
        if using not in (databases or ()) or conf.engine_settings().suppression_key:
            return []
        if not Suppression.objects.using(using).exists():
            return []
    except Exception:
        return []  # the table is still to be made, or another check says so
    return [
        explained(
            warning(
                7,
                f"Addresses are suppressed, and {conf.ENGINE}['SUPPRESSION_KEY'] is not set: when"
                " SECRET_KEY is rotated, all of them are forgotten.",
                hint="Set it to the present SECRET_KEY, and keep it when SECRET_KEY changes.",
            )
        )
    ]


@checks.register(checks.Tags.security, deploy=True)
def check_error_pages(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Warn of secrets in the targets' settings that Django's error mails and error pages show.

    Args:
        app_configs: Ignored: the check reads settings.
        kwargs: Further arguments of Django's.

    Returns:
        The problem, if any.
    """
    found = reported("DEFAULT_EXCEPTION_REPORTER_FILTER", _warn_of_shown_secrets)
    return [explained(message) for message in found]


def _warn_of_shown_secrets() -> Iterator[CheckMessage]:
    if names := shown_secrets():
        yield warning(
            10,
            f"Django's error mails and error pages show the secrets in {', '.join(names)}.",
            hint=f"Hide them: DEFAULT_EXCEPTION_REPORTER_FILTER = {FILTER!r}.",
        )
