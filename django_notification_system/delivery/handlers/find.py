"""Find a target's handler by the name of its module."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from ...conf import HANDLERS
from ...documentation import see
from ...exceptions import TargetUnavailable
from ...models import Notification, NotificationTarget
from ...modules import (
    BUILT_IN_HANDLERS,
    find_module,
    function_of,
    missing_function,
    searched_places,
)
from ...outcome import Outcome, Receipt
from .all_alike import stopping_when_all_alike
from .as_in_1_5_3 import deliver_one_by_one
from .outbox_hook import has_outbox_hook, through_outbox_hook
from .redirect import redirected

#: For a module without ``RECEIPTS_KEPT``.
RECEIPTS_KEPT = timedelta(days=1)


@dataclass(frozen=True)
class FoundHandler:
    """A target's handler.

    Attributes:
        deliver: See ``Handler.deliver()``.
        fetch_receipts: See ``FetchReceipts``; ``None`` where the module has no such function.
        receipts_kept: For how long the provider keeps a receipt; see ``FetchReceipts``.
        preview: See ``DescribesItself``; ``None`` where the module has no such function.
        destination: See ``DescribesItself``; ``None`` where the module has no such function.
        dry_run: See ``DryRun``; ``None`` where the module has no such function, or an outbox stands
            in for the provider.
        source: The module's file or dotted name.
        shadows_built_in: Whether the handler stands in for a handler of this app.
        is_built_in: Whether the handler is part of this app.
    """

    deliver: Callable[[Iterable[Notification]], Iterator[Outcome]]
    fetch_receipts: Callable[[Iterable[str]], Iterator[Receipt]] | None
    receipts_kept: timedelta
    preview: Callable[..., Any] | None
    destination: Callable[[], str] | None
    dry_run: Callable[[Iterable[Notification]], Iterator[Outcome]] | None
    source: str
    shadows_built_in: bool
    is_built_in: bool


def find_handler(target: NotificationTarget) -> FoundHandler:
    """Return the handler of a target, wrapped for the redirect and for a test's outbox.

    Where the first addresses of a run are all refused alike, the handler stops.

    Args:
        target: The target.

    Raises:
        TargetUnavailable: When no such module exists, the module cannot be imported or defines
            neither ``deliver()`` nor ``send_notification()``, or the redirect blocks the target.
    """
    name = target.notification_module_name
    found = find_module(name, HANDLERS, BUILT_IN_HANDLERS)
    if found is None:
        places = searched_places(HANDLERS, BUILT_IN_HANDLERS)
        said = _(
            "No handler for target %(target)r: there is no module %(module)r in %(places)s."
            " Add %(file)s to a folder or package that %(setting)s names."
        ) % {
            "target": target.name,
            "module": name,
            "places": places,
            "file": f"{name}.py",
            "setting": HANDLERS,
        }
        raise TargetUnavailable(f"{said} {see('howto/custom_targets')}")
    deliver = function_of(found, "deliver")
    if deliver is None:
        send = function_of(found, "send_notification")
        if send is None:
            raise missing_function(found, ["deliver", "send_notification"])
        deliver = deliver_one_by_one(send, found.source)
    # With an outbox no provider has taken a message, so no provider is asked.
    fetch_receipts = None if has_outbox_hook() else function_of(found, "fetch_receipts")
    dry_run = None if has_outbox_hook() else function_of(found, "dry_run")
    is_built_in = found.source == f"{BUILT_IN_HANDLERS}.{name}"
    deliver = stopping_when_all_alike(redirected(through_outbox_hook(deliver, target), target))
    return FoundHandler(
        deliver=deliver,
        fetch_receipts=fetch_receipts,
        receipts_kept=getattr(found.module, "RECEIPTS_KEPT", RECEIPTS_KEPT),
        preview=getattr(found.module, "preview", None),
        destination=getattr(found.module, "destination", None),
        dry_run=None if dry_run is None else redirected(dry_run, target),
        source=found.source,
        shadows_built_in=found.shadows_built_in,
        is_built_in=is_built_in,
    )
