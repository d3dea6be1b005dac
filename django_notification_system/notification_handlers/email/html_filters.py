"""A project's functions that change the HTML part of each mail, such as one that inlines CSS."""

from collections.abc import Callable, Sequence
from functools import lru_cache

from django.db import DatabaseError, InterfaceError
from django.utils.module_loading import import_string

from ...exceptions import TargetUnavailable
from ..base import one_line
from .cannot_build_message import CannotBuildMessage
from .settings import email_settings

Filter = Callable[[str], str]


def filtered(html: str) -> str:
    """Return HTML as the project's filters leave it.

    Args:
        html: The HTML of a body or a template.

    Raises:
        CannotBuildMessage: When a filter raises, or returns no text.
        TargetUnavailable: When an entry of ``html_filters`` names no function.
    """
    for name in email_settings().html_filters:
        html = _passed_through(name, find_filter(name), html)
    return html


def require_filters() -> None:
    """Refuse to deliver where an entry names no function: each mail would go out unfiltered.

    Raises:
        TargetUnavailable: When an entry of ``html_filters`` names no function.
    """
    for name in email_settings().html_filters:
        find_filter(name)


@lru_cache(maxsize=32)
def find_filter(name: str) -> Filter:
    """Return the function with a dotted name.

    Args:
        name: The name, such as ``django_notification_system.contrib.css.inline``.

    Raises:
        TargetUnavailable: When there is no such function.
    """
    entry = f"NOTIFICATION_SYSTEM_TARGETS['email']['html_filters'] names {name!r}"
    try:
        function: Filter = import_string(name)
    except Exception as error:  # a module of the project's may raise anything
        raise TargetUnavailable(
            f"{entry}, which cannot be imported ({one_line(error)}). Write module and function with"
            " a dot between, such as 'django_notification_system.contrib.css.inline'."
        ) from error
    if not callable(function):
        raise TargetUnavailable(
            f"{entry}, a {type(function).__name__}. Name a function that takes HTML and returns"
            " HTML."
        )
    return function


def faults_of_filters(names: Sequence[str]) -> list[str]:
    """Return what is wrong with the entries of ``html_filters``.

    Args:
        names: The entries.
    """
    found = []
    for name in names:
        try:
            find_filter(name)
        except TargetUnavailable as fault:
            found.append(str(fault))
    return found


def _passed_through(name: str, function: Filter, html: str) -> str:
    try:
        result = function(html)
    except Exception as error:
        # Without the error's own text, which may repeat the mail's.
        raise CannotBuildMessage(
            f"the filter {name!r} of html_filters raised {type(error).__name__}. Mend the filter,"
            " or the HTML.",
            temporary=isinstance(error, DatabaseError | InterfaceError),
        ) from error
    if not isinstance(result, str):
        raise CannotBuildMessage(
            f"the filter {name!r} of html_filters returned {type(result).__name__}. It must return"
            " the HTML as a str."
        )
    return result
