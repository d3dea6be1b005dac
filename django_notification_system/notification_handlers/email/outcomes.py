"""Outcomes of emails that could not be sent, by the table of faults."""

import logging
import re
import smtplib
from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import gettext as _

from ...exceptions import TargetUnavailable
from ...models import Notification
from ...models.address import comparable
from ...observing.log import log_fields
from ..base import Outcome
from ..http.retry_after import not_before
from .api_errors import NO_API_ANSWER, ApiAnswer, answer_of_api
from .connection import Stage
from .faults import ANY_ANSWER, FAULTS, NO_ANSWER, NOT_SMTP, Fault, Verdict
from .sender_address import correct_sender
from .settings import email_settings

logger = logging.getLogger("django_notification_system")

NOT_SENT = "Email could not be sent"
NOBODY_KNOWS = (
    "(The message was handed over and the answer did not come: it went out, or it did not.)"
)

#: RFC 2034, section 4: an enhanced status code opens the reply's text. qmail writes the code at the
#: end.
ENHANCED_STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?=\s|$)")
ENHANCED_STATUS_OF_QMAIL = re.compile(r"\(#([245]\.\d{1,3}\.\d{1,3})\)")


@dataclass(frozen=True)
class Trouble:
    """Why a message was not sent.

    Attributes:
        error: The backend's error.
        stage: How far the message had come.
        code: The server's reply code, if any.
        text: The words of the reply.
        of_recipient: Whether the reply was about the record's own address.
        api: A provider's answer to another package's backend.
    """

    error: Exception
    stage: Stage
    code: int | None = None
    text: str = ""
    of_recipient: bool = False
    api: ApiAnswer = NO_API_ANSWER

    @property
    def error_names(self) -> frozenset[str]:
        """The dotted names of the error's classes, and of the causes inside errors of requests."""
        cause = self.error.__cause__
        inner = cause.args[0] if cause is not None and cause.args else None
        found = (self.error, cause, inner, getattr(inner, "reason", None))
        classes = {each for error in found for each in type(error).__mro__}
        return frozenset(f"{each.__module__}.{each.__qualname__}" for each in classes)

    @property
    def answer(self) -> str:
        """The reply code, or a word where there is none."""
        if self.api.status is not None:
            return f"HTTP {self.api.status}"
        if self.code is None:
            return NO_ANSWER
        # RFC 5321, section 4.2.1: from 2yz to 5yz. smtplib's code is -1 for lines that are no
        # reply.
        return str(self.code) if 200 <= self.code <= 599 else NOT_SMTP

    @property
    def status(self) -> str:
        """The enhanced status code (RFC 3463), or an empty text."""
        found = ENHANCED_STATUS.match(self.text) or ENHANCED_STATUS_OF_QMAIL.search(self.text)
        return found[1] if found else ""


def classify(trouble: Trouble) -> Fault:
    """Return the table's first row that describes a trouble."""
    return next(fault for fault in FAULTS if _fits(fault, trouble))


def outcome(
    notification: Notification, trouble: Trouble, reason: str, message_id: str = ""
) -> Outcome:
    """Return the outcome of a message that could not be sent.

    Args:
        notification: The attempted notification.
        trouble: The trouble.
        reason: The trouble for people.
        message_id: The message's own name, by which a provider may still report on the message.

    Raises:
        TargetUnavailable: When the server refuses the project, and not the message.
    """
    response = f"{NOT_SENT}: {reason}"
    fault = classify(trouble)
    logger.debug(
        "Email of notification %s: %s.",
        notification.pk,
        fault.name,
        extra=log_fields(notification=notification, fault=fault.name),
    )
    verdict = fault.verdict
    if verdict is Verdict.STOPS:
        raise TargetUnavailable(f"{response}. {_advice(fault, trouble)}") from trouble.error
    wait_until = not_before(trouble.api.retry_after)
    if verdict is Verdict.BUSY or (verdict is Verdict.OUT_OF_ORDER and wait_until is not None):
        return Outcome.busy(notification, response, not_before=wait_until)
    if verdict is Verdict.UNKNOWN:
        response = f"{reason} {NOBODY_KNOWS}"
        return Outcome.unknown(
            notification, response, unreachable=True, provider_message_id=message_id
        )
    if verdict in (Verdict.FAILED, Verdict.HARD_BOUNCE, Verdict.SENDER_DOUBTED):
        is_hard_bounce = verdict is Verdict.HARD_BOUNCE
        return Outcome.failed(notification, response, hard_bounce=is_hard_bounce)
    return Outcome.retry(
        notification,
        response,
        within=_transient_interval(trouble),
        unreachable=verdict is Verdict.UNREACHABLE,
        out_of_order=verdict is Verdict.OUT_OF_ORDER,
    )


def trouble_of_error(error: Exception, stage: Stage, recipient: str) -> Trouble:
    """Return the trouble of an error.

    Args:
        error: The backend's error.
        stage: How far the message had come.
        recipient: The record's address.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused) and error.recipients:
        # The record's address decides the outcome; people in copy have no say.
        own = comparable(recipient)
        answers = {comparable(each): answer for each, answer in error.recipients.items()}
        answer = answers.get(own, [*answers.values()][-1])
        return Trouble(error, stage, answer[0], _text(answer[1]), of_recipient=own in answers)
    if not isinstance(error, smtplib.SMTPResponseException):
        of_backend = stage in (Stage.CONNECTING, Stage.OPAQUE)
        return Trouble(error, stage, api=answer_of_api(error) if of_backend else NO_API_ANSWER)
    # For a line that smtplib cannot read, smtplib makes up an answer: 500, in its own words.
    code = -1 if isinstance(error.smtp_error, str) else error.smtp_code
    return Trouble(error, stage, code, _text(error.smtp_error))


def trouble_of_recipient(recipient: str, answer: tuple[int, bytes]) -> Trouble:
    """Return the trouble of a record whose address was refused while others were taken."""
    error = smtplib.SMTPRecipientsRefused({recipient: answer})
    return trouble_of_error(error, Stage.ENVELOPE, recipient)


def _transient_interval(trouble: Trouble) -> timedelta | None:
    """Return the time to the next attempt after a refusal for now, such as greylisting's.

    Source: RFC 5321, section 4.5.4.1, advises thirty minutes.
    """
    minutes = email_settings().transient_interval
    is_transient = trouble.code is not None and 400 <= trouble.code < 500
    return timedelta(minutes=minutes) if is_transient and minutes is not None else None


def _advice(fault: Fault, trouble: Trouble) -> str:
    if fault.is_of_sender:
        return correct_sender()
    if trouble.stage is Stage.OPAQUE or trouble.api.code:
        return _("Correct the provider's key in the settings of its mail backend.")
    return _("Correct the user, the password or TLS in Django's mail settings.")


def _text(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said


def _fits(fault: Fault, trouble: Trouble) -> bool:
    return (
        trouble.stage in fault.stages
        and isinstance(trouble.error, fault.errors)
        and (not fault.error_names or not trouble.error_names.isdisjoint(fault.error_names))
        and any(_fits_code(pattern, trouble.answer) for pattern in fault.answers)
        and (
            not fault.statuses
            or any(_fits_status(pattern, trouble.status) for pattern in fault.statuses)
        )
        and (trouble.of_recipient or not fault.of_recipient)
        and (not fault.codes or trouble.api.code in fault.codes)
        and (not fault.words or re.search(fault.words, trouble.text, re.IGNORECASE) is not None)
    )


def _fits_code(pattern: str, answer: str) -> bool:
    if pattern == ANY_ANSWER:
        return True
    return answer.startswith(pattern[:-2]) if pattern.endswith("yz") else answer == pattern


def _fits_status(pattern: str, status: str) -> bool:
    return status.startswith(pattern[:-1]) if pattern.endswith(".x") else status == pattern
