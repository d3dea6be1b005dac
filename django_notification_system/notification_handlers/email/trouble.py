"""The trouble with an email that was not sent: the error, and what the server answered."""

import re
import smtplib
from dataclasses import dataclass

from ...models.address import comparable
from .api_errors import NO_API_ANSWER, ApiAnswer, answer_of_api
from .connection import Stage

#: In place of a reply code: no answer, or an answer that is no SMTP.
NO_ANSWER = "no answer"
NOT_SMTP = "not SMTP"

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
    """Return the trouble of a record whose address was refused while others were taken.

    Args:
        recipient: The record's address.
        answer: The server's reply code and words for the address.
    """
    error = smtplib.SMTPRecipientsRefused({recipient: answer})
    return trouble_of_error(error, Stage.ENVELOPE, recipient)


def _text(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said
