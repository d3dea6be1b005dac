"""Checks of the links to unsubscribe: would a mail have them, and would they work?"""

import inspect
from collections.abc import Iterator
from types import ModuleType

from django.conf import settings
from django.core.checks import CheckMessage
from django.urls import NoReverseMatch, reverse
from django.utils import translation

from .. import conf
from ..categories import all_categories
from ..exceptions import TargetUnavailable
from ..modules import BUILT_IN_HANDLERS, built_in_names, find_module, import_dotted
from ..notification_handlers.checks import error, warning
from ..preferences.links import APP_NAME
from ..setting_rules import rules_of
from ..targets import describe_built_in
from .values import engine_values

#: A handler's functions that send.
SENDING = ("deliver", "send_notification")


def check_links() -> Iterator[CheckMessage]:
    """Yield why links to unsubscribe would not work; without BASE_URL there are no links."""
    base_url = _base_url_of_links()
    if not base_url:
        return
    yield from _check_own_handlers()
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


def _base_url_of_links() -> str:
    """Return the address that links to unsubscribe begin with; empty where mails have no links."""
    base_url = engine_values().get("BASE_URL")
    rule = rules_of(conf.EngineSettings)["base_url"]
    if not isinstance(base_url, str) or not rule.allows(base_url):
        return ""  # another check says so
    return base_url if any(category.one_click for category in all_categories()) else ""


def _check_own_handlers() -> Iterator[CheckMessage]:
    """Warn where a project's module stands in for a handler with headers, and adds none."""
    for name in sorted(built_in_names()):
        if describe_built_in(name).list_headers is None:
            continue
        try:
            found = find_module(name, conf.HANDLERS, BUILT_IN_HANDLERS)
        except TargetUnavailable:
            continue  # another check says so
        if found is None or not found.shadows_built_in:
            continue
        built_in = f"{BUILT_IN_HANDLERS}.{name}"
        if _uses_list_headers(found.module, import_dotted(built_in)):
            continue
        yield warning(
            8,
            f"{found.source} stands in for the handler {name!r}, and messages of categories with"
            " one_click have no headers to unsubscribe.",
            hint=f"Add the headers that list_headers(notification) returns, of {built_in}.",
        )


def _uses_list_headers(module: ModuleType, built_in: ModuleType) -> bool:
    """Tell whether a module names the function, or has taken over what calls the function."""
    calling = [built_in, *(getattr(built_in, name, None) for name in SENDING)]
    if any(value is each for value in vars(module).values() for each in calling):
        return True
    try:
        return "list_headers" in inspect.getsource(module)
    except (OSError, TypeError):
        return True  # without its source, nobody knows
