"""Assertions about who was notified, that say on failure what went out and what did not."""

from typing import Any

from .explanation import explain
from .outbox import Outbox, OutboxMessage, Text, require_target
from .switch import outbox_in_use

#: unittest leaves the frames of this module out of what it shows.
__unittest = True


def assert_notified(
    user: Any,
    *,
    target: str | None = None,
    recipient: str | None = None,
    title: Text | None = None,
    body: Text | None = None,
    count: int | None = None,
    outbox: Outbox | None = None,
    using: str | None = None,
) -> list[OutboxMessage]:
    """Assert that a user was notified, and return what went out.

    Only what was delivered counts: call ``outbox.deliver()`` or ``process_notifications`` before.

    Args:
        user: An instance of the project's user model.
        target: In this target only, by its name or its module's.
        recipient: At this address only.
        title: The whole title, or a compiled pattern that is found in it.
        body: Likewise.
        count: So many times; by default at least once.
        outbox: Where to look; by default in the one that is switched on.
        using: The alias of the database that the failure is explained from; by default the
            router's choice.

    Raises:
        AssertionError: When that is not so. It says what did go out, what did not, and why.
        NotificationSystemError: When there is no such target.
        RuntimeError: When no outbox is switched on.
    """
    __tracebackhide__ = True
    wanted = {"target": target, "recipient": recipient, "title": title, "body": body}
    outbox, messages = _look(user, wanted, outbox, using)
    if messages if count is None else len(messages) == count:
        return messages
    if count is None:
        said = "was not notified"
    else:
        said = f"was notified {_times(len(messages))} and not {_times(count)}"
    raise AssertionError(explain(user, said, wanted, outbox, using=using))


def assert_not_notified(
    user: Any,
    *,
    target: str | None = None,
    recipient: str | None = None,
    title: Text | None = None,
    body: Text | None = None,
    outbox: Outbox | None = None,
    using: str | None = None,
) -> None:
    """Assert that a user was not notified.

    What is still to be delivered does not count.

    Args:
        user: An instance of the project's user model.
        target: In this target, by its name or its module's.
        recipient: At this address.
        title: The whole title, or a compiled pattern that is found in it.
        body: Likewise.
        outbox: Where to look; by default in the one that is switched on.
        using: The alias of the database that the failure is explained from; by default the
            router's choice.

    Raises:
        AssertionError: When the user was. It says what went out.
        NotificationSystemError: When there is no such target.
        RuntimeError: When no outbox is switched on.
    """
    __tracebackhide__ = True
    wanted = {"target": target, "recipient": recipient, "title": title, "body": body}
    outbox, messages = _look(user, wanted, outbox, using)
    if messages:
        said = f"was notified {_times(len(messages))}"
        raise AssertionError(explain(user, said, wanted, outbox, using=using))


def _look(
    user: Any, wanted: dict[str, Any], outbox: Outbox | None, using: str | None
) -> tuple[Outbox, list[OutboxMessage]]:
    outbox = outbox_in_use() if outbox is None else outbox
    if wanted["target"] is not None:
        # Nobody is ever notified in a target that there is not.
        require_target(wanted["target"], using=using)
    return outbox, outbox.sent_to(user, **wanted)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
