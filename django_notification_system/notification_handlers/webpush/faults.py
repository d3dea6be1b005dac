"""The faults of push services and their outcomes: one table classifies all answers.

The documentation's page ``webpush_outcomes`` is made from the same rows.
"""

from dataclasses import dataclass

from django.utils.translation import gettext_noop

from ...models import Notification
from ..faults import (
    NO_REQUEST,
    NOT_TRUSTED,
    Row,
    Verdict,
    classified,
    fits_status,
    no_answer_behind_gateway,
    no_connection,
)

#: The statuses of a message that was taken. Source: RFC 8030, section 5; Pushpad.
TAKEN = frozenset({200, 201, 202})

#: The hosts of Windows's push service end so.
WINDOWS = ".notify.windows.com"

PUSHPAD = "Pushpad: Web Push errors explained"
#: https://mozilla-services.github.io/autopush-rs/errors.html
AUTOPUSH = "Mozilla autopush: Error Codes"
#: https://github.com/MicrosoftDocs/windows-dev-docs/issues/4166
WINDOWS_DOCS = "MicrosoftDocs/windows-dev-docs, issue 4166"

OTHER_KEY = (
    "The browser has subscribed with another key than vapid_private_key, or subject is refused:"
    " Apple refuses addresses without a real domain."
)
#: One text, so that browsers of several push services are alike.
NO_BROWSER_IN_REACH = gettext_noop(
    "See that the browsers have subscribed with the vapid_private_key of the settings, that subject"
    " has a real domain, and that no proxy answers in place of the push services."
)
TRUST = "Have the machine trust this certificate (REQUESTS_CA_BUNDLE), or ask who is between."


@dataclass(frozen=True, kw_only=True)
class Fault(Row["Trouble"]):
    """A row of the table.

    Attributes:
        of_windows: Whether the row is for Windows's push service alone.
        about_vapid: Whether the answer must name the site's credentials.
    """

    of_windows: bool = False
    about_vapid: bool = False

    @property
    def told_answer(self) -> str:
        """The answers that the row describes, for people, and whose answers they must be."""
        host = f" from ``*{WINDOWS}``" if self.of_windows else ""
        words = " with the name of an error of VAPID" if self.about_vapid else ""
        return f"{super().told_answer}{host}{words}"

    def fits(self, trouble: "Trouble") -> bool:
        """Return whether the row describes a trouble."""
        return (
            (not self.answers or any(fits_status(each, trouble.answer) for each in self.answers))
            and (not self.of_windows or trouble.host.endswith(WINDOWS))
            and (not self.about_vapid or trouble.is_about_vapid)
        )


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A push service's complaint, or its silence.

    Attributes:
        answer: The HTTP status, or one of the words above.
        host: The push service's host.
        is_about_vapid: Whether the answer names the site's credentials.
    """

    answer: str
    host: str = ""
    is_about_vapid: bool = False


#: The first fitting row counts.
FAULTS = (
    Fault(
        name="subscription gone",
        what="The person withdrew the permission, or the browser has another subscription.",
        answers=("404", "410"),
        verdict=Verdict.ADDRESS_GONE,
        source=f"RFC 8030, section 7.3; {AUTOPUSH}; {PUSHPAD}",
        if_all_alike=NO_BROWSER_IN_REACH,
    ),
    Fault(
        name="credentials refused",
        what="The site is not the site for which the browser has subscribed, or its credentials"
        " are wrong.",
        answers=("401", "403"),
        verdict=Verdict.FAILED,
        source=f"RFC 8292, section 4.2; {PUSHPAD}; {AUTOPUSH}",
        hint=OTHER_KEY,
        if_all_alike=NO_BROWSER_IN_REACH,
    ),
    Fault(
        name="credentials named in a bad request",
        what="The same as Google and Apple say: UnauthorizedRegistration, VapidPkHashMismatch.",
        answers=("400",),
        about_vapid=True,
        verdict=Verdict.FAILED,
        source=PUSHPAD,
        hint=OTHER_KEY,
        if_all_alike=NO_BROWSER_IN_REACH,
    ),
    Fault(
        name="throttled by Windows",
        what="Windows's push service says so that it takes no more for now.",
        answers=("406",),
        of_windows=True,
        verdict=Verdict.RECORD_BUSY,
        source=WINDOWS_DOCS,
    ),
    Fault(
        name="message too large",
        what="More than 4,096 bytes encrypted. The record stays on.",
        answers=("413",),
        verdict=Verdict.FAILED,
        source=f"RFC 8030, section 7.2; {PUSHPAD}",
    ),
    Fault(
        name="too many messages",
        what="More messages than the push service takes for this browser or from this site."
        " Messages to other push services go on.",
        answers=("429",),
        verdict=Verdict.RECORD_BUSY,
        source=f"RFC 8030, section 8.4; {PUSHPAD}",
    ),
    Fault(
        name="request not in time",
        what="The request did not reach the push service in time.",
        answers=("408",),
        verdict=Verdict.RETRY,
        source="RFC 9110, section 15.5.9",
    ),
    Fault(
        name="message refused",
        what="Something in the request is wrong.",
        answers=("4xx",),
        verdict=Verdict.FAILED,
        source=f"{AUTOPUSH}; {PUSHPAD}",
    ),
    Fault(
        name="redirect",
        what="The push service is elsewhere. Messages go to the hosts in push_services alone, and"
        " a redirect could lead anywhere.",
        answers=("3xx",),
        verdict=Verdict.FAILED,
        source="RFC 9110, section 15.4",
    ),
    no_answer_behind_gateway(Fault),
    Fault(
        name="push service down",
        what="The push service has a fault, or is being mended.",
        answers=("5xx",),
        verdict=Verdict.OUT_OF_ORDER,
        source=f"{PUSHPAD}; {AUTOPUSH}",
    ),
    no_connection(
        Fault,
        source="RFC 9110, section 9.2.2",
    ),
    Fault(
        name="not the push service's certificate",
        what="The server's certificate is not to be trusted, or is another host's.",
        answers=(NOT_TRUSTED,),
        verdict=Verdict.UNREACHABLE,
        source="RFC 9110, section 4.3.4",
        hint=TRUST,
    ),
    Fault(
        name="no request",
        what="The subscription makes no request.",
        answers=(NO_REQUEST,),
        verdict=Verdict.FAILED,
        source="requests: exceptions",
    ),
    Fault(
        name="no answer",
        what="The request was sent, and no answer came, or none that was whole in time; or the"
        " answer makes no sense.",
        verdict=Verdict.UNKNOWN,
        source="RFC 9110, section 9.2.2",
    ),
)


def classify(trouble: Trouble, notification: Notification | None = None) -> Fault:
    """Return the table's first row that describes a trouble.

    Args:
        trouble: The trouble.
        notification: The attempted notification, for the log; ``None`` for several, or a receipt.
    """
    return classified(FAULTS, trouble, "Web Push", notification)
