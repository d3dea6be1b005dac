"""The settings of the email target."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...conf import TargetSettings, read_settings
from ...setting_rules import (
    CONNECTIONS,
    MINUTES,
    SECONDS_TO_WAIT,
    TEXT,
    YES_OR_NO,
    Rule,
    one_of,
    or_none,
    setting,
)

#: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
KEY = "email"


def _are_names(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and all(isinstance(each, str) and "." in each.strip(".") for each in value)
    )


@dataclass(frozen=True, kw_only=True)
class EmailSettings(TargetSettings):
    """The entry ``email``; Django's own mail settings say how to reach the server."""

    from_email: str | None = setting(
        None,
        or_none(TEXT),
        "The sender. By default Django's ``DEFAULT_FROM_EMAIL``. One that cannot be used "
        "stops the target.",
    )
    backend: str | None = setting(
        None,
        or_none(TEXT, "the dotted name of a mail backend, or None"),
        "The mail backend that delivers, by its dotted name; the ``EMAIL_`` settings count. By "
        "default the project's. Set ``backend`` or ``mailer`` where the project's backend queues "
        "(:doc:`../howto/queue_every_mail`).",
    )
    mailer: str | None = setting(
        None,
        or_none(TEXT, "the name of an entry of MAILERS, or None"),
        "The entry of ``MAILERS`` that delivers, from Django 6.1 on.",
    )
    connections: int = setting(
        20,
        CONNECTIONS,
        "How many connections to the mail server are open at once, at the most. A run finds out "
        "how many the server likes (:doc:`../howto/email_speed`).",
    )
    pipelining: bool = setting(
        True,
        YES_OR_NO,
        "Whether a mail takes two round trips in place of four, where the backend is Django's own "
        "for SMTP and the server offers PIPELINING (:doc:`../howto/email_speed`).",
    )
    timeout: float = setting(
        10,
        SECONDS_TO_WAIT,
        "Seconds to wait for each reply of the mail server, where Django's mail settings name"
        " no time; four times as long for all replies to one message.",
    )
    transient_interval: float | None = setting(
        30,
        or_none(MINUTES),
        "Minutes after which a mail is tried again that the server refuses for now at its "
        "first attempt (an answer 4xx: mostly greylisting), where the notification's own "
        "``retry_time_interval`` is longer. ``None``: its own counts. What follows ``RETRY`` "
        "is tried sooner anyway.",
    )
    content_subtype: Literal["plain", "html"] | None = setting(
        None,
        or_none(one_of("plain", "html")),
        'What bodies are, ``"plain"`` or ``"html"``, where ``extra`` does not say. By default'
        ' it is told from each text. Set ``"plain"`` where bodies hold what users have '
        "written: no text of theirs is then sent as HTML.",
    )
    html_filters: Sequence[str] = setting(
        (),
        Rule(
            _are_names,
            'a list of dotted names, such as ["django_notification_system.contrib.css.inline"]',
        ),
        "Functions that take a mail's HTML and return other HTML, by their dotted names, in order "
        "(:ref:`html-filters`).",
    )


def email_settings() -> EmailSettings:
    """Return the settings of the email target.

    Raises:
        TargetUnavailable: When a setting is wrong.
    """
    return read_settings(EmailSettings, KEY)
