"""The keys of the setting ``NOTIFICATION_SYSTEM``, by their purpose: type, default, rule, sentence.

``conf.EngineSettings`` has the keys of all groups.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from .setting_rules import (
    COUNT,
    SECONDS,
    TEXT,
    YEAR,
    YES_OR_NO,
    Rule,
    can_be_called,
    dictionary_such_as,
    is_email_address,
    number,
    one_of,
    or_none,
    setting,
    whole_number,
)

History = Literal["failed", "all", "none"]
Dispatch = Literal["on_commit"]


@dataclass(frozen=True, kw_only=True)
class DeliverySettings:
    """The keys of delivery: batches, leases, pauses, retries, engines."""

    batch_size: int = setting(
        500,
        COUNT,
        "How many notifications of a target a run claims at a time.",
    )
    lease_seconds: int = setting(
        300,
        SECONDS,
        "After how many seconds without progress another run may take them. It must be longer"
        " than a handler's longest call.",
    )
    record_every: int = setting(
        50,
        COUNT,
        "After how many outcomes, at the latest, they are written down; usually after a tenth"
        " of a second. While so many wait to be written down, a handler sends nothing more "
        "(:doc:`../explanation/promises`).",
    )
    pause_after: int = setting(
        10,
        COUNT,
        "After how many failures in a row to reach a provider a run tries no more of what is "
        "due. Where fewer are due, it tries all of them. The target is paused in either case.",
    )
    pause_seconds: int = setting(
        60,
        SECONDS,
        "For how long it is paused, where the provider names no time. Then a single "
        "notification is tried first.",
    )
    history: History = setting(
        "failed",
        one_of("failed", "all", "none"),
        'Which attempts are kept as ``NotificationAttempt``: ``"failed"`` keeps those that '
        'did not deliver, and messages that a provider later reports as failed; ``"all"`` '
        'keeps deliveries and confirmations too; ``"none"`` keeps none.',
    )
    hard_bounces: int = setting(
        1,
        whole_number(32_767),
        "After how many answers that there is no such address (an email's ``550 5.1.1``) its "
        "record is switched off.",
    )  # the largest number in the column
    retry: Mapping[str, float] | None = setting(
        None,
        dictionary_such_as("{'first_interval': 1, 'factor': 5, 'attempts': 7}"),
        "When, and how often, what ``notify()`` made and failed is tried again: a dictionary,"
        " see `when it is tried again`_.",
    )
    override_recipients: Mapping[str, str] | None = setting(
        None,
        dictionary_such_as("{'email': 'staging@example.com'}"),
        "Where all messages go on a site for trials, by the target's key in "
        "``NOTIFICATION_SYSTEM_TARGETS``. A target that a non-empty dictionary does not name "
        "is blocked. See :doc:`../howto/staging`.",
    )
    dispatch: Dispatch | None = setting(
        None,
        one_of("on_commit", None),
        '``"on_commit"`` hands what is due at once to the ``ENGINE`` when the transaction '
        "that creates it commits (:doc:`../howto/on_commit`). ``None``: it waits for the next"
        " run.",
    )
    engine: str | None = setting(
        None,
        or_none(TEXT, "the dotted name of a module, or None"),
        "The dotted name of the module whose ``enqueue()`` hands a batch to a task engine "
        "(:doc:`engines`).",
    )
    task_backend: str = setting(
        "default",
        Rule(TEXT.test, "the name of a backend in TASKS"),
        "Which backend of Django's ``TASKS`` delivers, where ``ENGINE`` is "
        "``django_notification_system.contrib.tasks`` (:doc:`../howto/tasks`).",
    )
    task_queues: Mapping[str, str] | None = setting(
        None,
        dictionary_such_as("{'email': 'mail'}"),
        "Which of that backend's queues each target's batches go to, by the target's key in "
        '``NOTIFICATION_SYSTEM_TARGETS``, such as ``{"email": "mail"}``. The others go to '
        '``"default"`` or, where the backend has no such queue, to the first by name.',
    )
    in_flight: int = setting(
        20,
        COUNT,
        "How many batches of a target a task engine is given before it has delivered one of "
        "them. Have at least as many as processes deliver to the target, and no more than "
        "they deliver within ``LEASE_SECONDS``. More may be in flight while more than "
        "``IN_FLIGHT`` times ``BATCH_SIZE`` are due (:doc:`engines`).",
    )
    priority_aging: float = setting(
        600,
        number(
            lambda value: 0 <= value <= YEAR,
            f"a number of seconds from 0 to {YEAR}, which is a year",
        ),
        "How long a wait a step of a notification's ``priority`` is worth, in seconds. A "
        "smaller number lets what has waited catch up sooner; with 0 priorities count for "
        "nothing.",
    )
    # With 1, a single death would end all rows of the claim, guilty or not.
    max_interruptions: int = setting(
        3,
        Rule(
            lambda value: COUNT.test(value) and 2 <= value <= 1000, "a whole number from 2 to 1000"
        ),
        "After how many runs in a row that took a notification and died before they recorded "
        "its outcome it is given up. From 2 to 1000 (:doc:`../explanation/promises`).",
    )


@dataclass(frozen=True, kw_only=True)
class ContentSettings:
    """The keys of a notification's content, and of the user it is written for."""

    max_attachments_mb: float = setting(
        10,
        number(lambda value: 0 < value <= 1024, "a number of MiB above 0, at most 1024"),
        "How large the attachments of a notification may be together, in MiB. Mail servers often "
        "take no more than 10 or 25.",
    )
    keep_bodies: float | None = setting(
        None,
        or_none(
            number(lambda value: 0 <= value <= 36_500, "a number of days from 0 to 36500"),
            "a number of days from 0 to 36500, or None",
        ),
        "For how many days after its delivery a notification keeps body, ``extra`` and "
        "attachments: ``purge_notifications`` removes those of older ones (:doc:`../howto/purge`)."
        " ``None``: as long as its row.",
    )
    user_language: str | None = setting(
        None,
        or_none(TEXT, "a path over fields of the user, the dotted name of a function, or None"),
        "Where a user's language is: a path over fields of the user, such as "
        '``"profile.language"``, or the dotted name of a function that takes users\' keys and '
        "returns codes by key (:doc:`../howto/types`). ``None``, and a user without one: "
        "``LANGUAGE_CODE``.",
    )
    user_time_zone: str | None = setting(
        None,
        or_none(TEXT, "a path over fields of the user, the dotted name of a function, or None"),
        "Where a user's time zone is, likewise: a name such as ``Europe/Berlin``. ``None``, and a "
        "user without one: ``TIME_ZONE``.",
    )


@dataclass(frozen=True, kw_only=True)
class ConsentSettings:
    """The keys of links to unsubscribe, of the log of consent and of suppressions."""

    base_url: str | None = setting(
        None,
        or_none(
            Rule(
                lambda value: (
                    can_be_called(value)
                    and value.isascii()  # mail programs read no encoded List-Unsubscribe
                    and urlsplit(value).path in ("", "/")
                    and not urlsplit(value).query
                    and not urlsplit(value).fragment
                ),
                "a URL",
            ),
            "the site's scheme and host in ASCII, such as 'https://www.example.com' or "
            "'https://xn--bcher-kva.example', or None",
        ),
        "The site's scheme and host, such as ``https://www.example.com``, for links in messages: a "
        "command has no request. With it, emails of a category with ``one_click`` get headers and "
        "links to unsubscribe (:doc:`../howto/unsubscribe`).",
    )
    unsubscribe_mailto: str | None = setting(
        None,
        or_none(
            Rule(
                lambda value: is_email_address(value) and value.isascii(),
                "an email address in ASCII",
            ),
            "an email address in ASCII, or None",
        ),
        "The address that takes unsubscriptions by mail (:doc:`../howto/unsubscribe`).",
    )
    unsubscribe_footer: bool = setting(
        True,
        YES_OR_NO,
        "Whether an email of a category with ``one_click`` ends with links to unsubscribe, where "
        "its own text has none.",
    )
    keep_ip: bool = setting(
        False,
        YES_OR_NO,
        "Whether the log of consent keeps the IP address of a yes (:doc:`preferences`).",
    )
    suppression_key: str | None = setting(
        None,
        or_none(
            Rule(lambda value: isinstance(value, str) and len(value) >= 16, "a text"),
            "a text of at least 16 characters, or None",
        ),
        "The secret key of the hashes of suppressed addresses. Set it before the first "
        "suppression, and never change it: with another key the hashes fit no address. "
        "``None``: ``SECRET_KEY``, which is rotated at times.",
        repr=False,
    )


@dataclass(frozen=True, kw_only=True)
class InboxSettings:
    """The keys of the inbox on the project's site."""

    inbox_poll_seconds: float = setting(
        30,
        number(lambda value: 1 <= value <= 86_400, "a number of seconds from 1 to 86400"),
        "Seconds after which an open page asks for the number of unread notifications again, where "
        "the server sends no events (:doc:`../howto/inbox_pages`).",
    )
    sse_connections: int = setting(
        1000,
        Rule(
            lambda value: type(value) is int and 0 <= value <= 1_000_000,
            "a whole number from 0 to 1000000",
        ),
        "How many open pages a process under ASGI sends the inbox's events to. Further pages ask "
        "every ``INBOX_POLL_SECONDS``. 0: there are no events.",
    )
