"""Checks of ``NOTIFICATION_SYSTEM``: values, retries, redirect, task engine and lease."""

from collections.abc import Iterator, Mapping

from django.conf import settings
from django.core.checks import CheckMessage

from .. import conf
from ..exceptions import TargetUnavailable
from ..modules import import_dotted, is_module_name
from ..notification_handlers.checks import error, warning
from ..setting_names import check_option_names
from ..setting_rules import SECONDS_TO_WAIT, rules_of, shown
from ..targets import (
    built_in_keys,
    known_description,
    module_name_of,
    settings_class_of,
    target_key,
)
from .values import engine_values, wrong_values


def check_engine() -> Iterator[CheckMessage]:
    """Yield unknown names and wrong values among the engine's settings."""
    if not isinstance(getattr(settings, conf.ENGINE, None) or {}, Mapping):
        yield error(2, f"{conf.ENGINE} must be a dictionary, such as {{'BATCH_SIZE': 500}}.")
        return
    values = engine_values()
    rules = {name.upper(): rule for name, rule in rules_of(conf.EngineSettings).items()}
    yield from check_option_names(conf.ENGINE, values, rules)
    for said in wrong_values(conf.ENGINE, values, rules):
        yield error(3, said)


def check_retry() -> Iterator[CheckMessage]:
    """Yield what is wrong with the policy of retries."""
    values = engine_values().get("RETRY")
    if not isinstance(values, Mapping):
        return  # the other checks say so
    name = f"{conf.ENGINE}['RETRY']"
    rules = rules_of(conf.RetryPolicy)
    yield from check_option_names(name, values, rules)
    for said in wrong_values(name, values, rules):
        yield error(8, said)


def check_overrides() -> Iterator[CheckMessage]:
    """Yield what is wrong with the redirect of a staging site: its targets, its addresses."""
    values = engine_values().get("OVERRIDE_RECIPIENTS")
    if not isinstance(values, Mapping):
        return  # the other checks say so
    for key, address in values.items():
        name = f"{conf.ENGINE}['OVERRIDE_RECIPIENTS'][{shown(key)}]"
        if not isinstance(key, str):
            yield error(9, f"{name} names no target.")
        elif (right := target_key(key)) != key:
            yield error(9, f"{name} names a module and no target.", hint=f"Write {right!r}.")
        elif not isinstance(address, str) or not address.strip() or not address.isprintable():
            yield error(9, f"{name} must be an address.")
        elif fault := _fault_of_address(key, address.strip()):
            yield error(9, f"{name} {fault}")


def check_task_engine() -> Iterator[CheckMessage]:
    """Yield why no batch could be handed over to the task engine."""
    engine = engine_values()
    dotted = engine.get("ENGINE")
    if dotted is None and engine.get("DISPATCH") == "on_commit":
        yield error(
            11,
            f"{conf.ENGINE}['DISPATCH'] is set, but {conf.ENGINE}['ENGINE'] names no task engine:"
            " nothing is handed over.",
            hint="Add the ENGINE, such as 'django_notification_system.contrib.tasks', or leave"
            " DISPATCH out and let `process_notifications --watch` run.",
        )
    if not isinstance(dotted, str):
        return  # the other checks say so
    name = f"{conf.ENGINE}['ENGINE']"
    try:
        module = import_dotted(dotted)
    except TargetUnavailable as fault:
        yield error(10, f"{name}: {fault}")
        return
    if not callable(getattr(module, "enqueue", None)):
        yield error(
            10,
            f"{name} names a module without enqueue(): {dotted}",
            hint="Correct it, or add the function, which takes a BatchMessage.",
        )
    elif callable(problems := getattr(module, "problems", None)):
        for message, hint in problems():
            yield error(12, message, hint=hint)


def check_lease() -> Iterator[CheckMessage]:
    """Compare the lease with the longest time of a single send."""
    targets = getattr(settings, conf.TARGETS, None) or {}
    if not isinstance(targets, Mapping):
        return  # the other checks say so
    lease = engine_values().get("LEASE_SECONDS", conf.EngineSettings.lease_seconds)
    keys = built_in_keys() | {key for key in targets if isinstance(key, str)}
    timeouts = [
        values.get("timeout", default)
        for key in sorted(keys)
        if (default := getattr(settings_class_of(key), "timeout", None)) is not None
        and isinstance(values := targets.get(key, {}), Mapping)
    ]
    rules = rules_of(conf.EngineSettings)["lease_seconds"], SECONDS_TO_WAIT
    if not rules[0].allows(lease) or not all(map(rules[1].allows, timeouts)):
        return  # the other checks say so
    if lease > max(timeouts, default=0):
        return
    yield warning(
        3,
        f"{conf.ENGINE}['LEASE_SECONDS'] is {lease}, and a send may take {max(timeouts)} seconds:"
        " another run would send what is still on its way.",
        hint="Make the lease several times as long as the longest timeout.",
    )


def _fault_of_address(key: str, address: str) -> str:
    described = known_description(module_name_of(key)) if is_module_name(key) else None
    if described is None or described.fault_of_address is None:
        return ""
    return described.fault_of_address(address)
