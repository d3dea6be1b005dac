"""The tables of outcomes on the channels' pages are those by which the handlers classify."""

from collections.abc import Iterator, Sequence

from django_notification_system.notification_handlers.apprise import faults as apprise_faults
from django_notification_system.notification_handlers.email.connection import Stage
from django_notification_system.notification_handlers.email.faults import FAULTS, Fault
from django_notification_system.notification_handlers.expo.faults import FAULTS as EXPO_FAULTS
from django_notification_system.notification_handlers.expo.faults import Fault as ExpoFault
from django_notification_system.notification_handlers.fcm.faults import FAULTS as FCM_FAULTS
from django_notification_system.notification_handlers.fcm.faults import Fault as FcmFault
from django_notification_system.notification_handlers.twilio import faults as twilio_faults
from django_notification_system.notification_handlers.webhook import faults as webhook_faults
from django_notification_system.notification_handlers.webpush import faults as webpush_faults
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
    if fault.of_setting:
        parts.append(f"of the settings' ``{fault.of_setting}``")
    return [fault.name, fault.what, "; ".join(parts), fault.consequence, fault.source]


def either(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]][len(words) < 2 :])


def row(fault: Fault) -> list[str]:
    return [fault.name, fault.what, "; ".join(answer(fault)), fault.consequence, fault.source]


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
    return [fault.name, fault.what, answer, fault.consequence, fault.source]


def test_the_table_of_webhooks_is_that_of_the_code() -> None:
    header = ["Name", "What it is", "Answer", "What comes of it", "Source"]
    assert_table("outcomes_webhook", [header, *map(row_of_webhook, webhook_faults.FAULTS)])
    assert "outcomes_webhook.csv" in (DOCS / "howto" / "target_webhook.rst").read_text()


def row_of_webhook(fault: webhook_faults.Fault) -> list[str]:
    is_status = bool(fault.answers) and fault.answers[0][0].isdigit()
    said = ("HTTP " if is_status else "") + (
        either(fault.answers) if fault.answers else "any other, or none"
    )
    return [fault.name, fault.what, said, fault.consequence, fault.source]


def test_the_table_of_web_push_is_that_of_the_code() -> None:
    header = ["Name", "What it is", "Answer", "What comes of it", "Source"]
    assert_table("outcomes_webpush", [header, *map(row_of_webpush, webpush_faults.FAULTS)])
    assert "outcomes_webpush.csv" in (DOCS / "howto" / "target_webpush.rst").read_text()


def row_of_webpush(fault: webpush_faults.Fault) -> list[str]:
    is_status = bool(fault.answers) and fault.answers[0][0].isdigit()
    said = ("HTTP " if is_status else "") + (
        either(fault.answers) if fault.answers else "any other"
    )
    if fault.of_windows:
        said += f" from ``*{webpush_faults.WINDOWS}``"
    if fault.about_vapid:
        said += " with the name of an error of VAPID"
    return [fault.name, fault.what, said, fault.consequence, fault.source]


def test_the_table_of_fcm_is_that_of_the_code() -> None:
    header = ["Name", "What it is", "Answer", "What comes of it", "Source"]
    assert_table("outcomes_fcm", [header, *map(row_of_fcm, FCM_FAULTS)])
    assert "outcomes_fcm.csv" in (DOCS / "howto" / "target_fcm.rst").read_text()


def row_of_fcm(fault: FcmFault) -> list[str]:
    answers = [", ".join(fault.codes), ", ".join(fault.answers)]
    said = "; ".join(each for each in answers if each) or "any other"
    return [fault.name, fault.what, f"{fault.part.value}: {said}", fault.consequence, fault.source]


def test_the_table_of_apprise_is_that_of_the_code() -> None:
    header = ["Name", "What it is", "Answer", "What comes of it", "Source"]
    assert_table("outcomes_apprise", [header, *map(row_of_apprise, apprise_faults.FAULTS)])
    assert "outcomes_apprise.csv" in (DOCS / "howto" / "target_apprise.rst").read_text()


def row_of_apprise(fault: apprise_faults.Fault) -> list[str]:
    is_status = bool(fault.answers) and fault.answers[0][0].isdigit()
    if fault.problems:
        said = "none: " + either([problem.value for problem in fault.problems])
    elif fault.answers:
        said = ("HTTP " if is_status else "") + either(fault.answers)
    else:
        said = "any other"
    if fault.of_settings:
        said += ", to the settings' URL"
    return [fault.name, fault.what, said, fault.consequence, fault.source]
