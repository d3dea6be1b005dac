"""Checks of the targets: their settings, and what their modules check."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage

from .. import conf
from ..exceptions import TargetUnavailable
from ..notification_handlers.checks import error, warning
from ..setting_names import check_option_names
from ..setting_rules import rules_of, shown
from ..targets import describe, known_description, settings_class_of, targets_to_ask
from .locations import check_locations
from .values import wrong_values


def check_targets() -> Iterator[CheckMessage]:
    """Yield wrong values, and unknown options, among the targets' settings."""
    targets = getattr(settings, conf.TARGETS, None) or {}
    if not isinstance(targets, Mapping):
        yield error(1, f"{conf.TARGETS} must be a dictionary, such as {{'email': {{}}}}.")
        return
    for key, values in targets.items():
        name = f"{conf.TARGETS}[{shown(key)}]"
        if not isinstance(values, Mapping):
            yield error(1, f"{name} must be a dictionary.")
            continue
        yield from _check_target(name, key, values)


def ask_targets() -> Iterator[CheckMessage]:
    """Ask the targets' modules: this app's own, and the project's modules with settings."""
    has_wrong_place = any(True for _ in check_locations(conf.HANDLERS))
    for module_name in targets_to_ask():
        try:
            described = describe(module_name)
        except TargetUnavailable as fault:
            if not has_wrong_place:
                yield warning(6, f"Target {module_name!r} cannot be checked: {fault}")
            described = known_description(module_name)
        if described is not None and described.check is not None:
            yield from _asked(described.check, described.source)


def ask_deployed_targets() -> Iterator[CheckMessage]:
    """Ask the modules of the targets with settings; what cannot be asked, other checks tell."""
    for module_name in targets_to_ask():
        described = known_description(module_name)
        if described is not None and described.check_deployed is not None:
            yield from _asked(described.check_deployed, described.source)


def _check_target(name: str, key: Any, values: Mapping[Any, Any]) -> Iterator[CheckMessage]:
    settings_class = settings_class_of(key)
    rules = rules_of(settings_class)
    for said in wrong_values(name, values, rules):
        yield error(3, said)
    # Without declared settings, any other option is for the target's handler.
    may_have_others = settings_class is conf.TargetSettings
    yield from check_option_names(name, values, rules, may_have_others=may_have_others)


def _asked(check: Callable[[], Iterable[CheckMessage]], source: str) -> Iterator[CheckMessage]:
    """Yield the messages of a module's own check; its fault keeps no project from starting."""
    try:
        yield from check() or ()
    except TargetUnavailable:
        return  # a setting is wrong, as another check says
    except Exception as fault:
        # Without the error's own text, which may repeat a secret.
        yield warning(
            6,
            f"{check.__name__}() in {source} raised {type(fault).__name__}.",
            hint="Let it yield system checks. Whatever its name, it is called at start.",
        )
