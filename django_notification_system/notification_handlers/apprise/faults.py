"""What becomes of a message that a service did not take: one table.

Apprise tells success and failure, and writes the rest into its log. Each record has a service of
its own, so no row stops or pauses the target. The documentation's page ``apprise_outcomes`` is made
from the same rows.
"""

from dataclasses import dataclass
from enum import Enum

from django.utils.translation import gettext_noop

from ...models import Notification
from ..faults import (
    Row,
    Verdict,
    classified,
    either,
    fits_status,
    no_answer,
    no_connection,
)

#: What plugins write: ``Failed to send Slack notification: …, error=429.``
#: https://github.com/caronc/apprise/tree/master/apprise/plugins
PLUGINS = "Apprise: plugins' warnings"
URLS = "Apprise: URLs"

OTHER_APPRISE = gettext_noop(
    "See that the Apprise installed here knows the services in the records' URLs, with all that"
    " their plugins import."
)


class Problem(Enum):
    """Why a URL cannot be used; the value is for people."""

    NO_URL = "no URL"
    UNREADABLE = "the record's URL"
    UNREADABLE_SETTING = "the settings' URL"
    NOT_ALLOWED = "a schema or an option that is not allowed"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What Apprise tells of a message that was not delivered.

    Attributes:
        problem: Why the URL could not be used, if so.
        answer: The HTTP status, one of the words above, or an empty text.
        of_settings: Whether the URL is one of the settings.
        has_several: Whether the URL names several recipients; some may have the message.
    """

    problem: Problem | None = None
    answer: str = ""
    of_settings: bool = False
    has_several: bool = False


@dataclass(frozen=True, kw_only=True)
class Fault(Row[Trouble]):
    """A row of the table.

    Attributes:
        problems: The problems of a URL; empty: the message was handed to Apprise.
        of_settings: Whether only URLs of the settings are meant.
        of_several: Whether only URLs with several recipients are meant.
    """

    problems: tuple[Problem, ...] = ()
    of_settings: bool = False
    of_several: bool = False

    @property
    def told_answer(self) -> str:
        """The answers that the row describes, for people; or why there is none."""
        if self.problems:
            return "none: " + either([problem.value for problem in self.problems])
        to = ", to the settings' URL" if self.of_settings else ""
        return f"{super().told_answer}{to}"

    def fits(self, trouble: Trouble) -> bool:
        """Return whether the row describes a trouble."""
        if self.problems or trouble.problem:
            return trouble.problem in self.problems
        return (
            (not self.of_settings or trouble.of_settings)
            and (not self.of_several or trouble.has_several)
            and (not self.answers or any(fits_status(a, trouble.answer) for a in self.answers))
        )


#: The first fitting row counts.
FAULTS = (
    Fault(
        name="no URL",
        what="The record has no URL, and the settings have none by its name.",
        problems=(Problem.NO_URL,),
        verdict=Verdict.FAILED,
        source=URLS,
        hint='Name the URL in "urls" of the target\'s settings.',
    ),
    Fault(
        name="schema not allowed",
        what="The URL's schema reaches this machine or any host, or the URL has an option that"
        " names files or hosts.",
        problems=(Problem.NOT_ALLOWED,),
        verdict=Verdict.FAILED,
        source=URLS,
        hint='Move the URL to "urls" of the target\'s settings, or name its schema in "schemas".',
    ),
    Fault(
        name="record's URL unreadable",
        what="Apprise makes no service of the record's URL.",
        problems=(Problem.UNREADABLE,),
        verdict=Verdict.ADDRESS_GONE,
        source=URLS,
        hint="Correct the URL in the record's details, and switch the record on.",
        if_all_alike=OTHER_APPRISE,
    ),
    Fault(
        name="settings' URL unreadable",
        what="Apprise makes no service of the URL in the settings.",
        problems=(Problem.UNREADABLE_SETTING,),
        verdict=Verdict.FAILED,
        source=URLS,
        hint='Correct the URL in "urls" of the target\'s settings.',
    ),
    Fault(
        name="several recipients",
        what="The URL names several recipients, and not all have the message.",
        of_several=True,
        verdict=Verdict.UNKNOWN,
        source=PLUGINS,
        hint="Make a URL, and a record, for each recipient.",
    ),
    Fault(
        name="too many messages",
        what="The service wants fewer at a time. Without a named time the message waits a minute.",
        answers=("429",),
        verdict=Verdict.RECORD_BUSY,
        source=PLUGINS,
    ),
    Fault(
        name="settings' secret refused",
        what="The service refuses the secret in the URL of the settings.",
        answers=("401", "403"),
        of_settings=True,
        verdict=Verdict.FAILED,
        source=PLUGINS,
        hint='Correct the URL in "urls" of the target\'s settings.',
    ),
    Fault(
        name="record's secret refused",
        what="The service refuses the secret in the record's URL.",
        answers=("401", "403"),
        verdict=Verdict.HARD_BOUNCE,
        source=PLUGINS,
    ),
    Fault(
        name="refused",
        what="The service does not take the message: malformed, too long, or no such channel.",
        answers=("400", "404", "410", "413", "422"),
        verdict=Verdict.FAILED,
        source=PLUGINS,
    ),
    Fault(
        name="service down",
        what="The service has a fault.",
        answers=("5xx",),
        verdict=Verdict.RECORD_DOWN,
        source=PLUGINS,
    ),
    no_connection(
        Fault,
        what="No connection comes about: no such host, refused, no route, no trusted certificate.",
        verdict=Verdict.RETRY,
        source=PLUGINS,
    ),
    no_answer(
        Fault,
        what="The message was sent, and no answer came in time.",
        source=PLUGINS,
    ),
    Fault(
        name="not told",
        what="The message was not delivered, and Apprise does not say why.",
        verdict=Verdict.RETRY,
        source=PLUGINS,
    ),
)


def classify(trouble: Trouble, notification: Notification | None = None) -> Fault:
    """Return the table's first row that describes a trouble.

    Args:
        trouble: The trouble.
        notification: The attempted notification, for the log; ``None`` for several, or a receipt.
    """
    return classified(FAULTS, trouble, "Apprise", notification)
