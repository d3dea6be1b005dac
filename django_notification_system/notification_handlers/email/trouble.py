"""The trouble with an email that was not sent: the error, and what the server answered."""

import re
import smtplib
from dataclasses import dataclass

from ...models.address import comparable
from ...outcome import one_line
from ..pipelining import SERVICE_CLOSING
from .api_errors import NO_API_ANSWER, ApiAnswer, answer_of_api
from .connection import Stage
from .transaction import Refused

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
    def has_answer(self) -> bool:
        """Whether the server itself has answered to the sender, or to the message."""
        return isinstance(self.error, smtplib.SMTPResponseException)

    @property
    def leaves_connection_usable(self) -> bool:
        """Whether the next message can go over the same connection."""
        error = self.error
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            codes = [code for code, _said in error.recipients.values()]
        elif isinstance(error, smtplib.SMTPSenderRefused):
            codes = [error.smtp_code]
        else:
            # The server was told nothing where Django itself refuses an address or a header.
            is_of_server = isinstance(error, OSError | smtplib.SMTPException)
            return self.stage is Stage.START and not is_of_server
        # smtplib has reset the conversation, unless the server closes it or speaks nonsense.
        return not any(code == SERVICE_CLOSING or code < 400 for code in codes)

    @property
    def words(self) -> str:
        """The trouble for people: the server's own words where the server has answered.

        Secrets and quoted texts of the message are still in the words.
        """
        if isinstance(self.error, smtplib.SMTPRecipientsRefused):
            return words_to(self.error.recipients)
        if isinstance(self.error, smtplib.SMTPResponseException):
            return _reply(self.error.smtp_code, self.error.smtp_error)
        return one_line(self.error)

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


def words_to(refused: Refused) -> str:
    """Return a server's words to refused recipients, for people.

    Args:
        refused: By recipient, the reply code and the words.
    """
    return ", ".join(
        f"{recipient}: {_reply(code, said)}" for recipient, (code, said) in refused.items()
    )


def _reply(code: int, said: bytes | str) -> str:
    return " ".join(f"{code} {_text(said)}".split())


def _text(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said
