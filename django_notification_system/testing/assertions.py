"""Assertions about notified users; a failure lists the messages that went out or did not."""

from collections.abc import Mapping
from typing import Any

from ..message_types.declaration import MessageType
from .explanation import explain
from .outbox import Outbox, require_target
from .outbox_message import OutboxMessage, Text
from .switch import outbox_in_use

#: unittest leaves this module's frames out of a failure's traceback.
__unittest = True


def assert_notified(
    user: Any,
    *,
    target: str | None = None,
    recipient: str | None = None,
    title: Text | None = None,
    body: Text | None = None,
    type: type[MessageType] | None = None,  # noqa: A002 # the word of the field
    params: Mapping[str, Any] | None = None,
    count: int | None = None,
    outbox: Outbox | None = None,
    using: str | None = None,
) -> list[OutboxMessage]:
    """Assert that a user was notified, and return the user's messages.

    Only delivered notifications count: call ``outbox.deliver()`` or ``process_notifications``
    before.

    Args:
        user: An instance of the project's user model; or an address without a user.
        target: Only messages to this target, by the target's name or module name.
        recipient: Only messages to this address.
        title: The whole title, or a compiled pattern for a part of the title.
        body: The whole body, or a compiled pattern for a part of the body.
        type: Only messages of this type, a registered class.
        params: Only messages with these parameters of the type, such as ``{"order": order}``.
        count: The number of messages; by default at least one.
        outbox: The outbox; by default the one in use.
        using: The alias of the database for the failure's explanation; by default the router's
            choice.

    Raises:
        AssertionError: When the user was not notified. The text lists the messages that went out,
            and the others with the reasons.
        NotificationSystemError: When there is no such target.
        RuntimeError: When no outbox is switched on.
        TypeError: When no message could ever be of ``type`` with ``params``.
    """
    __tracebackhide__ = True
    wanted = {
        "target": target,
        "recipient": recipient,
        "title": title,
        "body": body,
        "type": type,
        "params": params,
    }
    outbox, messages = _found(user, wanted, outbox, using)
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
    type: type[MessageType] | None = None,  # noqa: A002 # the word of the field
    params: Mapping[str, Any] | None = None,
    outbox: Outbox | None = None,
    using: str | None = None,
) -> None:
    """Assert that a user was not notified.

    Notifications not yet delivered do not count.

    Args:
        user: An instance of the project's user model; or an address without a user.
        target: Only messages to this target, by the target's name or module name.
        recipient: Only messages to this address.
        title: The whole title, or a compiled pattern for a part of the title.
        body: The whole body, or a compiled pattern for a part of the body.
        type: Only messages of this type, a registered class.
        params: Only messages with these parameters of the type, such as ``{"order": order}``.
        outbox: The outbox; by default the one in use.
        using: The alias of the database for the failure's explanation; by default the router's
            choice.

    Raises:
        AssertionError: When the user was notified. The text lists the messages.
        NotificationSystemError: When there is no such target.
        RuntimeError: When no outbox is switched on.
        TypeError: When no message could ever be of ``type`` with ``params``.
    """
    __tracebackhide__ = True
    wanted = {
        "target": target,
        "recipient": recipient,
        "title": title,
        "body": body,
        "type": type,
        "params": params,
    }
    outbox, messages = _found(user, wanted, outbox, using)
    if messages:
        said = f"was notified {_times(len(messages))}"
        raise AssertionError(explain(user, said, wanted, outbox, using=using))


def _found(
    user: Any, wanted: dict[str, Any], outbox: Outbox | None, using: str | None
) -> tuple[Outbox, list[OutboxMessage]]:
    outbox = outbox_in_use() if outbox is None else outbox
    if wanted["target"] is not None:
        # An unknown target's name would find no message, ever.
        require_target(wanted["target"], using=using)
    return outbox, outbox.sent_to(user, **wanted)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
