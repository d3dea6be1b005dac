"""What all tables of faults keep, whatever the provider."""

from collections.abc import Iterator
from importlib import import_module

from django.utils.translation import gettext, override

from django_notification_system.modules import BUILT_IN_HANDLERS, built_in_names
from django_notification_system.notification_handlers.faults import Row, Verdict

#: What a wrong setting cannot give to every address: each record has a server of its own, which
#: answers for itself; and nobody's settings make people answer STOP.
OF_THE_RECORD_ALONE = {
    ("webhook", "receiver gone"),
    ("apprise", "record's secret refused"),
}
ENDS_RECORDS = (Verdict.ADDRESS_GONE, Verdict.HARD_BOUNCE)


def tables() -> Iterator[tuple[str, tuple[Row[object], ...]]]:
    for name in built_in_names():
        yield name, import_module(f"{BUILT_IN_HANDLERS}.{name}.faults").FAULTS


def texts_of_people(name: str, table: tuple[Row[object], ...]) -> Iterator[str]:
    module = import_module(f"{BUILT_IN_HANDLERS}.{name}")
    yield from (getattr(module, f"HOW_TO_{verb}", "") for verb in ("ADD_RECORDS", "RETURN"))
    for row in table:
        yield row.if_all_alike
        if row.verdict is Verdict.STOPS:
            yield row.hint


def test_what_stops_a_target_or_is_of_its_records_is_told_in_the_readers_language() -> None:
    with override("de"):
        in_english = {
            (name, text)
            for name, table in tables()
            for text in texts_of_people(name, table)
            if text and gettext(text) == text
        }
    assert in_english == set()


def test_a_fault_that_ends_records_stops_the_target_where_all_have_it() -> None:
    ends_alone = {
        (name, row.name)
        for name, table in tables()
        for row in table
        if row.verdict in ENDS_RECORDS and not row.if_all_alike
    }
    assert ends_alone == OF_THE_RECORD_ALONE
