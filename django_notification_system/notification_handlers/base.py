"""The interface of a handler: a module with ``deliver()``, and optional parts about its target.

``deliver()`` is for handlers that send many messages at once or keep a connection open. A handler
that sends one message at a time defines ``send_notification(notification)`` and returns an
``Outcome``. ``FetchReceipts``, ``DryRun`` and all parts of ``DescribesItself`` are optional.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from typing import Any, ClassVar, Protocol

from django.core.checks import CheckMessage

from ..conf import TargetSettings, read_settings
from ..delivery.handlers.on_its_way import begin_sending
from ..draft import Draft
from ..exceptions import InvalidNotification, TargetUnavailable
from ..models import Notification
from ..observing.observers import provider_call
from ..outcome import Outcome, Receipt, ReceiptResult, one_line, shortened, with_next_step
from ..setting_rules import setting
from .preview import Preview

__all__ = [
    "DescribesItself",
    "Draft",
    "DryRun",
    "FetchReceipts",
    "Handler",
    "InvalidNotification",
    "Outcome",
    "Preview",
    "Receipt",
    "ReceiptResult",
    "TargetSettings",
    "TargetUnavailable",
    "begin_sending",
    "one_line",
    "provider_call",
    "read_settings",
    "setting",
    "shortened",
    "with_next_step",
]


class Handler(Protocol):
    """A module that delivers to a target."""

    def deliver(self, notifications: Iterable[Notification]) -> Iterator[Outcome]:
        """Send notifications, and yield each outcome as soon as the outcome is known.

        The engine records the outcomes; a handler leaves the database alone. Outcomes may come in
        any order. A call may get all due notifications of a target, so that a connection opened
        here serves for all of them; the engine claims batch by batch while the handler takes
        notifications. Where the run is to stop, ``notifications`` ends early: finish the
        notifications taken so far, and return.

        Args:
            notifications: Take the next notification only when its message can be sent: a taken
                notification without an outcome counts as unknown. Record, target and user are
                loaded. A handler that takes several notifications ahead calls ``begin_sending()``
                with a notification before sending it: a run that is to stop releases the others.

        Raises:
            TargetUnavailable: To give up on the whole target for this run, because a setting is
                missing or the provider refuses the project's credentials. Notifications without an
                outcome stay as they were.
        """
        ...


class FetchReceipts(Protocol):
    """A module that can also ask its provider for receipts; the function is optional."""

    def fetch_receipts(self, message_ids: Iterable[str]) -> Iterator[Receipt]:
        """Ask the provider about messages, and yield each receipt as soon as it is known.

        The engine asks about messages delivered with ``Outcome.delivered(…, awaits_receipt=True)``:
        for the first time after the target's ``receipts_after`` minutes, then, where no receipt
        came, at growing distances, until the provider forgets its receipts: after a day, or after
        the module's ``RECEIPTS_KEPT``, a ``timedelta``. Yield only final receipts: ``CONFIRMED`` or
        ``FAILED``. Leave out messages that the provider knows nothing of yet.

        Args:
            message_ids: The provider's names for the messages. Take the next name only when it can
                be asked about: taken names count as asked. The names end early where the run is to
                stop.

        Raises:
            TargetUnavailable: When the provider cannot be asked now. Yielded receipts are recorded;
                the other messages are asked about again in the next run.
        """
        ...


class DryRun(Protocol):
    """A module whose provider can check a message without sending; the function is optional."""

    def dry_run(self, notifications: Iterable[Notification]) -> Iterator[Outcome]:
        """Let the provider check messages, and send none; otherwise as ``Handler.deliver()``.

        ``send_test_notification --dry-run`` calls the function. ``Outcome.delivered()`` says that
        the provider would take the message.

        Args:
            notifications: The notifications to check.

        Raises:
            TargetUnavailable: When a setting is missing, or the provider refuses the project's
                credentials.
        """
        ...


class DescribesItself(Protocol):
    """A module that describes its target. Every part is optional.

    The names are reserved: a module must not use them for other things. Where a module takes the
    place of a built-in module, the built-in ``Settings``, ``check()``, ``validate()``,
    ``fault_of_address()``, ``redirected_extra()`` and ``comparable_address()`` count until the
    module has its own; the names in ``FILES_IN_EXTRA`` and ``DIRECTIONS_IN_EXTRA`` are added to the
    built-in names.

    Attributes:
        Settings: A frozen dataclass that inherits ``TargetSettings`` and declares with
            ``setting()`` the settings of the target's entry in ``NOTIFICATION_SYSTEM_TARGETS``. The
            system checks compare the entry with the class, names too; the handler reads the entry
            with ``read_settings()``. Of the settings common to all targets, a class may change only
            the default of ``receipts_after``.
        RETRY_TIME_INTERVAL: The minutes from a failed attempt to the next, for notifications made
            by ``notify()`` without an interval; by default the project's ``RETRY`` counts.
        RECEIPTS_KEPT: For how long the provider keeps a receipt; by default a day.
        FILES_IN_EXTRA: The keys of ``extra`` that bring the project's files into a message, such as
            attachments. In the admin only superusers may set them, for notifications of every
            target, and only superusers may give a notification with such a key another record.
        DIRECTIONS_IN_EXTRA: The keys of ``extra`` that set further recipients, the sender, or the
            recipients of answers. In the admin only superusers may set them, likewise.
        TAKES_ATTACHMENTS: Whether the module sends the files of ``notify(..., attachments=…)``; by
            default ``False``. The rows are in ``notification.attachments``, if
            ``notification.has_attachments``.
        TARGET_NAME: The name of the target's row as made by ``manage.py add_target``, at most 15
            characters; by default the module's name.
        HOW_TO_ADD_RECORDS: A sentence for people about where the target's records come from, shown
            where nobody has one.
        HOW_TO_RETURN: A sentence for people about how somebody who said no at the provider, as by a
            text STOP, says yes again.
        ADDRESS_IN_DETAILS: Whether no message can be sent without a record's ``details``; by
            default ``False``. Then ``OVERRIDE_RECIPIENTS`` and ``send_test_notification`` take the
            details of the target's active record with their address.
        TAKES_HTML: Whether the module sends HTML, so that of a type's templates ``KEY.html``
            counts, and ``notification.body`` is HTML then; by default ``False``. The text beside
            the HTML, if any, is ``notification.rendered.text``.
        TEXT_TEMPLATES: The names of a type's templates that count after ``KEY.txt``, such as
            ``("push.txt",)``; ``text.txt`` and the title come last, for every target.
        SAMPLE_ADDRESS: An address of nobody, such as ``ann@example.com``, for previews of types.
    """

    Settings: ClassVar[type[TargetSettings]]
    RETRY_TIME_INTERVAL: ClassVar[int]
    RECEIPTS_KEPT: ClassVar[timedelta]
    FILES_IN_EXTRA: ClassVar[Collection[str]]
    DIRECTIONS_IN_EXTRA: ClassVar[Collection[str]]
    TAKES_ATTACHMENTS: ClassVar[bool]
    TARGET_NAME: ClassVar[str]
    HOW_TO_ADD_RECORDS: ClassVar[str]
    HOW_TO_RETURN: ClassVar[str]
    ADDRESS_IN_DETAILS: ClassVar[bool]
    TAKES_HTML: ClassVar[bool]
    TEXT_TEMPLATES: ClassVar[tuple[str, ...]]
    SAMPLE_ADDRESS: ClassVar[str]

    def check(self) -> Iterable[CheckMessage]:
        """Return faults of the settings beyond the rules of single settings, as system checks.

        Called when Django starts: send nothing, and ask no database.
        """
        ...

    def check_deployed(self) -> Iterable[CheckMessage]:
        """Return faults that only the provider's client finds, as system checks.

        Called by ``check --deploy`` alone, so that the client may be imported; send nothing.
        """
        ...

    def destination(self) -> str:
        """Return the place where messages go, such as a server's address, for people and in a line.

        ``send_test_notification`` and the admin's page of the target show the place. A password in
        a URL is left out.

        Raises:
            TargetUnavailable: When a setting is wrong, so that nothing could be sent.
        """
        ...

    def preview(self, notification: Notification, *, may_render: bool, with_text: bool) -> Preview:
        """Return a message as its recipient would see it, for the admin. Send and save nothing.

        Args:
            notification: The notification, with record, target and user loaded.
            may_render: Whether the person may see the output of the project's code for the
                notification, such as a template's.
            with_text: Whether the text part made of an email's HTML part is wanted.
        """
        ...

    def template_context(self, notification: Notification, *, is_live: bool) -> dict[str, Any]:
        """Return further variables for a type's templates, such as links.

        Called in the run's thread, right before the notification is sent.

        Args:
            notification: The notification, with record and user loaded.
            is_live: Whether links shall work; in a preview a click of another person must change
                nothing.
        """
        ...

    def validate(self, draft: Draft) -> None:
        """Refuse a notification that could never be delivered.

        ``notify()``, the creators and the admin's form call this function before making a
        notification, so that the caller learns of a fault in time. Where the target has a creator
        of the project's own, only that creator is called.

        Args:
            draft: The notification's content.

        Raises:
            InvalidNotification: With the fault and the next step. ``argument`` names the argument
                to blame.
        """
        ...

    def fault_of_address(self, address: str) -> str:
        """Return why an address is no address, such as "is no loft", or an empty text.

        The system checks call this function for ``OVERRIDE_RECIPIENTS``.

        Args:
            address: The address, without white space around it.
        """
        ...

    def redirected_extra(self, extra: dict[str, Any], address: str) -> dict[str, Any]:
        """Return ``extra`` without names of people, where ``OVERRIDE_RECIPIENTS`` is set.

        By default ``cc`` and ``bcc`` are left out.

        Args:
            extra: The notification's ``extra``. Leave the dictionary unchanged, and return another.
            address: The record's own address; the message does not go there.
        """
        ...

    def comparable_address(self, address: str) -> str:
        """Return an equal text for all spellings of one address, for suppressed addresses.

        By default spellings differ in every character. Suppressions are found by a hash of the
        text: every process must be able to import the module, web servers too. So import a
        provider's client inside ``deliver()``.

        Args:
            address: The address in Unicode's composed form (NFC), without white space around it.
        """
        ...

    def own_addresses(self, user: Any) -> Iterable[str]:
        """Return a user's addresses that the project keeps itself, as in a field of the user.

        What is exported or erased of a person includes the suppressions of these addresses, and the
        records without a user that have one.

        Args:
            user: The user.
        """
        ...

    def list_headers(self, notification: Notification) -> dict[str, str]:
        """Return the headers by which the reader's program unsubscribes.

        ``send_test_notification --category`` prints the headers.

        Args:
            notification: The notification, with the record loaded.
        """
        ...
