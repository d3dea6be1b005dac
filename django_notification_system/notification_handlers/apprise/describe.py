"""The Apprise target's description, without Apprise."""

from collections.abc import Iterator

from django.core.checks import CheckMessage
from django.utils.translation import gettext as _

from ...conf import TARGETS, target_values
from ...exceptions import TargetUnavailable
from ...models import Notification
from ...models.details import is_short_address
from ..checks import check_client, error
from ..preview import Preview, shown_part
from .faults import Problem
from .service_url import ServiceUrl, UnusableUrl, problem_of_trusted, schema_of
from .settings import KEY, apprise_settings

UNREADABLE = "is no URL of which the installed Apprise makes a service."


def check() -> Iterator[CheckMessage]:
    """Yield faults of the settings beyond the rules of single settings; URLs are not told."""
    if target_values(KEY) is None:
        return
    name = f"{TARGETS}[{KEY!r}]"
    try:
        settings = apprise_settings()
    except TargetUnavailable:  # the rules of single settings tell
        return
    for each, url in settings.urls_by_name.items():
        if problem_of_trusted(url, settings.schemas) is None:
            continue
        schema = schema_of(url)
        fault = (
            f"has the schema {schema!r}, which is not allowed here."
            if schema
            else "is no URL as Apprise writes it."
        )
        yield error(
            24,
            f"{name}['urls'][{each!r}] {fault}",
            hint=(
                "Schemas that reach this machine are never allowed. Name others in 'schemas'."
                if schema
                else "Begin it with a schema, such as slack://, without white space at the ends."
            ),
        )
    yield from check_client(name, "apprise", "apprise")


def check_deployed() -> Iterator[CheckMessage]:
    """Yield the URLs of the settings of which Apprise makes no service; loads Apprise."""
    values = target_values(KEY)
    if values is None:
        return
    settings = apprise_settings()
    try:
        # Here: Apprise takes long to load.
        from .client import load, open_service
    except ImportError:  # check() tells
        return
    load()
    for each, url in settings.urls_by_name.items():
        if problem_of_trusted(url, settings.schemas) is not None:
            continue  # check() tells
        try:
            open_service(ServiceUrl(url=url, is_trusted=True), settings)
        except UnusableUrl as unusable:
            is_refused = unusable.problem is Problem.NOT_ALLOWED
            yield error(
                24,
                f"{TARGETS}[{KEY!r}]['urls'][{each!r}] "
                + ("has a schema that is not allowed here." if is_refused else UNREADABLE),
                hint="https://appriseit.com/services/ says how a service's URL is written.",
            )


def destination() -> str:
    """Return where messages go: the names in the settings, for the URLs are secrets.

    Raises:
        TargetUnavailable: When a setting is wrong.
    """
    return ", ".join(apprise_settings().urls_by_name) or _("each record's own URL")


def fault_of_address(address: str) -> str:
    """Return why an address is none of an Apprise record, or an empty text.

    Args:
        address: The address.
    """
    try:
        names = apprise_settings().urls_by_name
    except TargetUnavailable:  # the system checks tell
        return ""
    if address in names or is_short_address(address):
        return ""
    return "is no name in the target's setting urls. Name the URL of a service there."


def preview(notification: Notification, *, may_render: bool, with_text: bool) -> Preview:
    """Return a message as a service gets it; see ``DescribesItself.preview()``."""
    text, notes = shown_part(notification.body)
    return Preview("message", notes=notes, text=text, title=notification.title)
