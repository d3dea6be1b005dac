"""System checks of the settings: problems are reported at start, with the setting's name."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from django.db import router
from django.urls import NoReverseMatch, reverse
from django.utils import translation

from . import conf
from .categories import all_categories
from .documentation import explained
from .exceptions import TargetUnavailable
from .modules import as_folder, import_dotted, is_folder, is_importable, is_module_name
from .notification_handlers.checks import error, warning
from .preferences.links import APP_NAME
from .setting_names import check_option_names, check_setting_names, check_target_keys
from .setting_rules import SECONDS_TO_WAIT, Rule, cut, rules_of, shown
from .targets import (
    built_in_keys,
    describe,
    known_description,
    module_name_of,
    settings_class_of,
    target_key,
    targets_to_ask,
)

_OUT_OF_THE_ORDINARY = "Use plain dictionaries, lists, texts and numbers."


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
        (conf.TARGETS, _check_targets),
        (conf.TARGETS, check_target_keys),
        (conf.HANDLERS, _ask_targets),
        (conf.ENGINE, _check_engine),
        (conf.ENGINE, _check_retry),
        (conf.ENGINE, _check_overrides),
        (conf.ENGINE, _check_task_engine),
        (conf.ENGINE, _check_lease),
        (conf.ENGINE, _check_links),
        (conf.HANDLERS, partial(_check_locations, conf.HANDLERS)),
        (conf.CREATORS, partial(_check_locations, conf.CREATORS)),
    )
    return [explained(message) for name, part in parts for message in _reported(name, part)]


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
    from .models import Suppression

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


def _check_links() -> Iterator[CheckMessage]:
    """Yield why links to unsubscribe would not work; without BASE_URL there are no links."""
    options = getattr(settings, conf.ENGINE, None)
    base_url = options.get("BASE_URL") if isinstance(options, Mapping) else None
    rule = rules_of(conf.EngineSettings)["base_url"]
    if not isinstance(base_url, str) or not base_url or not rule.allows(base_url):
        return  # another check says so
    if not any(category.one_click for category in all_categories()):
        return
    name = f"{conf.ENGINE}['BASE_URL']"
    if not settings.DEBUG and not base_url.startswith("https://"):
        yield error(
            19,
            f"{name} begins with http://, and mail programs post an unsubscription only by https.",
            hint=f"Set {name} to an address that begins with https://.",
        )
    paths = set()
    for language in (settings.LANGUAGE_CODE, *(code for code, _ in settings.LANGUAGES)):
        with translation.override(language):
            try:
                paths.add(reverse(f"{APP_NAME}:unsubscribe", args=["token"]))
            except NoReverseMatch:
                yield error(
                    19,
                    f"{name} is set, and the pages to unsubscribe are not among the project's URLs,"
                    " so that mails have no link to them.",
                    hint='Add path("n/", include("django_notification_system.preferences.urls")).',
                )
                return
    if len(paths) > 1:
        yield error(
            19,
            "The pages to unsubscribe stand under i18n_patterns(): a mail's link would redirect,"
            " and mail programs follow no redirect.",
            hint="Include django_notification_system.preferences.urls outside i18n_patterns().",
        )


def _reported(name: str, part: Callable[[], Iterable[CheckMessage]]) -> Iterator[CheckMessage]:
    """Yield the messages of a part of the checks; an unreadable setting is an error too."""
    try:
        yield from part()
    except Exception as fault:
        # Without the error's own text, which may repeat a secret.
        yield error(13, f"{name} cannot be checked: {type(fault).__name__}.", _OUT_OF_THE_ORDINARY)


def _check_targets() -> Iterator[CheckMessage]:
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


def _check_target(name: str, key: Any, values: Mapping[Any, Any]) -> Iterator[CheckMessage]:
    settings_class = settings_class_of(key)
    rules = rules_of(settings_class)
    for said in _wrong_values(name, values, rules):
        yield error(3, said)
    # Without declared settings, any other option is for the target's handler.
    may_have_others = settings_class is conf.TargetSettings
    yield from check_option_names(name, values, rules, may_have_others=may_have_others)


def _ask_targets() -> Iterator[CheckMessage]:
    """Ask the targets' modules: this app's own, and the project's modules with settings."""
    has_wrong_place = any(True for _ in _check_locations(conf.HANDLERS))
    for module_name in targets_to_ask():
        try:
            described = describe(module_name)
        except TargetUnavailable as fault:
            if not has_wrong_place:
                yield warning(6, f"Target {module_name!r} cannot be checked: {fault}")
            described = known_description(module_name)
        if described is not None and described.check is not None:
            yield from _asked(described.check, described.source)


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
            f"check() in {source} raised {type(fault).__name__}.",
            hint="Let it yield system checks. Whatever its name, it is called at start.",
        )


def _check_engine() -> Iterator[CheckMessage]:
    values = getattr(settings, conf.ENGINE, None) or {}
    if not isinstance(values, Mapping):
        yield error(2, f"{conf.ENGINE} must be a dictionary, such as {{'BATCH_SIZE': 500}}.")
        return
    rules = {name.upper(): rule for name, rule in rules_of(conf.EngineSettings).items()}
    yield from check_option_names(conf.ENGINE, values, rules)
    for said in _wrong_values(conf.ENGINE, values, rules):
        yield error(3, said)


def _check_retry() -> Iterator[CheckMessage]:
    engine = getattr(settings, conf.ENGINE, None) or {}
    values = engine.get("RETRY") if isinstance(engine, Mapping) else None
    if not isinstance(values, Mapping):
        return  # the other checks say so
    name = f"{conf.ENGINE}['RETRY']"
    rules = rules_of(conf.RetryPolicy)
    yield from check_option_names(name, values, rules)
    for said in _wrong_values(name, values, rules):
        yield error(8, said)


def _check_overrides() -> Iterator[CheckMessage]:
    engine = getattr(settings, conf.ENGINE, None) or {}
    values = engine.get("OVERRIDE_RECIPIENTS") if isinstance(engine, Mapping) else None
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


def _fault_of_address(key: str, address: str) -> str:
    described = known_description(module_name_of(key)) if is_module_name(key) else None
    if described is None or described.fault_of_address is None:
        return ""
    return described.fault_of_address(address)


def _check_task_engine() -> Iterator[CheckMessage]:
    engine = getattr(settings, conf.ENGINE, None) or {}
    dotted = engine.get("ENGINE") if isinstance(engine, Mapping) else None
    if dotted is None and isinstance(engine, Mapping) and engine.get("DISPATCH") == "on_commit":
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


def _check_lease() -> Iterator[CheckMessage]:
    """Compare the lease with the longest time of a single send."""
    engine = getattr(settings, conf.ENGINE, None) or {}
    targets = getattr(settings, conf.TARGETS, None) or {}
    if not isinstance(engine, Mapping) or not isinstance(targets, Mapping):
        return  # the other checks say so
    lease = engine.get("LEASE_SECONDS", conf.EngineSettings.lease_seconds)
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


def _wrong_values(name: str, values: Mapping[Any, Any], rules: Mapping[str, Rule]) -> Iterator[str]:
    """Yield a line for each wrong value."""
    for option, rule in sorted(rules.items()):
        if option in values and not rule.allows(values[option]):
            yield f"{name}[{option!r}] must be {rule.expected}."


def _check_locations(setting: str) -> Iterator[CheckMessage]:
    locations = getattr(settings, setting, None) or []
    if isinstance(locations, str) or not isinstance(locations, list | tuple):
        yield error(5, f"{setting} must be a list of folders and dotted package names.")
        return
    for index, location in enumerate(locations):
        yield from _check_location(f"{setting}[{index}]", location)


def _check_location(name: str, location: Any) -> Iterator[CheckMessage]:
    if not location or not isinstance(location, str | Path):
        yield error(5, f"{name} must be a folder or a dotted package name.")
        return
    try:
        folder = as_folder(location)
    except TargetUnavailable as fault:
        yield error(7, f"{name}: {fault}")
        return
    if folder is not None:
        if not is_folder(folder):
            yield error(
                6,
                f"{name} names a folder that does not exist: {cut(str(folder))}",
                hint="Correct it, or create the folder.",
            )
        return
    try:
        if is_importable(str(location)):
            import_dotted(str(location))
            return
    except TargetUnavailable as fault:
        yield error(7, f"{name}: {fault}")
        return
    yield error(
        7,
        f"{name} names a package that does not exist: {cut(str(location))}",
        hint="Correct it; a folder is written with a slash, such as './handlers'.",
    )
