"""The tables of outcomes on the channels' pages are those by which the handlers classify."""

from collections.abc import Iterator, Sequence

from django_notification_system.notification_handlers.email.connection import Stage
from django_notification_system.notification_handlers.email.faults import FAULTS, Fault
from django_notification_system.notification_handlers.expo.faults import FAULTS as EXPO_FAULTS
from django_notification_system.notification_handlers.expo.faults import Fault as ExpoFault
from django_notification_system.notification_handlers.twilio import faults as twilio_faults
from tests.support.documentation import DOCS, assert_table

STAGES = {
    Stage.CONNECTING: "while connecting",
    Stage.START: "before a message",
    Stage.ENVELOPE: "before the last dot",
    Stage.DATA_SENT: "after the last dot",
    Stage.OPAQUE: "in another's backend",
}


def test_the_table_of_email_is_that_of_the_code() -> None:
    header = ["Name", "What it is", "Answer", "What comes of it", "Source"]
    assert_table("outcomes_email", [header, *map(row, FAULTS)])
    assert "outcomes_email.csv" in (DOCS / "howto" / "email.rst").read_text()


def test_the_table_of_text_messages_is_that_of_the_code() -> None:
    header = ["Name", "What it is", "Answer", "What comes of it", "Source"]
    assert_table("outcomes_twilio", [header, *map(twilio_row, twilio_faults.FAULTS)])
    assert "outcomes_twilio.csv" in (DOCS / "howto" / "text_messages.rst").read_text()


def twilio_row(fault: twilio_faults.Fault) -> list[str]:
    codes = [
        f"{code[0]} to {code[-1]}" if isinstance(code, range) else str(code) for code in fault.codes
    ]
    parts = ["code " + either(codes)] if codes else []
    if not codes or fault.answers != (twilio_faults.ANY_ANSWER,):
        is_status = fault.answers[0][0].isdigit()
        parts.append(("HTTP " if is_status else "") + either(fault.answers))
    if fault.of_settings:
        parts.append("of the settings' ``callback_url``")
    return [fault.name, fault.what, "; ".join(parts), fault.verdict.value, fault.source]


def either(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]][len(words) < 2 :])


def row(fault: Fault) -> list[str]:
    return [fault.name, fault.what, "; ".join(answer(fault)), fault.verdict.value, fault.source]


def answer(fault: Fault) -> Iterator[str]:
    yield either(fault.answers)
    if fault.statuses:
        yield " or ".join(fault.statuses)
    if fault.of_recipient:
        yield "of the record's address"
    if fault.stages != tuple(Stage):
        yield " or ".join(STAGES[stage] for stage in fault.stages)
    if Exception not in fault.errors:
        yield ", ".join(f"``{error.__name__}``" for error in fault.errors)
    if fault.error_names:
        yield ", ".join(f"``{name.rpartition('.')[2]}``" for name in fault.error_names)


def test_the_table_of_expo_is_that_of_the_code() -> None:
    header = ["Name", "What it is", "Answer", "What comes of it", "Source"]
    assert_table("outcomes_expo", [header, *map(row_of_expo, EXPO_FAULTS)])
    assert "outcomes_expo.csv" in (DOCS / "howto" / "push.rst").read_text()


def row_of_expo(fault: ExpoFault) -> list[str]:
    answers = [", ".join(fault.errors), ", ".join(fault.answers)]
    said = "; ".join(each for each in answers if each) or "any other"
    answer = f"{fault.part.value}: {said}"
    return [fault.name, fault.what, answer, fault.verdict.value, fault.source]
