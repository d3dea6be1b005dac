"""Shared by the tests that prove each row of a table of faults."""

import logging
from collections.abc import Callable, Iterable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest

from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_handlers.faults import Row, Verdict

#: What a row makes of a notification that may be tried again, where unknown means no and one hard
#: bounce is enough.
STATUS = {
    Verdict.RETRY: "RETRY",
    Verdict.UNREACHABLE: "SCHEDULED",
    Verdict.OUT_OF_ORDER: "SCHEDULED",
    Verdict.BUSY: "SCHEDULED",
    Verdict.RECORD_BUSY: "SCHEDULED",
    Verdict.RECORD_DOWN: "RETRY",
    Verdict.UNKNOWN: "DELIVERY FAILURE",
    Verdict.SPLIT: "DELIVERY FAILURE",
    Verdict.SPLIT_RETRY: "RETRY",
    Verdict.FAILED: "DELIVERY FAILURE",
    Verdict.ADDRESS_GONE: "INACTIVE DEVICE",
    Verdict.HARD_BOUNCE: "INACTIVE DEVICE",
    Verdict.OPTED_OUT: "OPTED OUT",
    Verdict.SENDER_DOUBTED: "SCHEDULED",
    Verdict.STOPS: "SCHEDULED",
}


#: Concern one message: the target goes on.
OF_RECORD = (Verdict.RECORD_BUSY, Verdict.RECORD_DOWN)


class Proofs:
    """The rows of a table that tests prove, noted where the tests are defined.

    Args:
        faults: The table.
        package: The package of the tests, where several modules ``test_outcomes*`` prove rows.
    """

    def __init__(self, faults: Iterable[Row[Any]], package: str = "") -> None:
        self._package = package
        self._rows = list(faults)
        self._names = {row.name for row in self._rows}
        self._proved: set[str] = set()

    def __call__(self, *names: str) -> Callable[[Any], Any]:
        """Note the rows that a test proves; a decorator.

        Args:
            names: The rows' names.
        """
        self._proved.update(names)
        return lambda test: test

    def row(self, name: str) -> Row[Any]:
        """Return the row of a name."""
        [row] = [row for row in self._rows if row.name == name]
        return row

    def check(self) -> None:
        """Fail where a row has no test, or a test names no row."""
        if self._package:  # a run of one module has not loaded the others
            package = import_module(self._package)
            for module in iter_modules(package.__path__):
                if module.name.startswith("test_outcomes"):
                    import_module(f"{self._package}.{module.name}")
        unproved, unknown = self._names - self._proved, self._proved - self._names
        assert not unproved, f"Rows that no test proves: {sorted(unproved)}."
        assert not unknown, f"Proofs of rows that are none: {sorted(unknown)}."


def rows_counted(caplog: pytest.LogCaptureFixture, target: str) -> list[Any]:
    """Return the names of the rows by which a target has judged, as the log has them.

    Args:
        caplog: The log.
        target: The target's name in the log.
    """
    return [entry.args[1] for entry in _entries(caplog, target)]


def _entries(caplog: pytest.LogCaptureFixture, target: str) -> list[Any]:
    return [
        entry
        for entry in caplog.records
        if entry.msg == "%s: %s." and isinstance(entry.args, tuple) and entry.args[0] == target
    ]


def prove_row(
    row: Row[Any],
    target: str,
    notification: Notification,
    caplog: pytest.LogCaptureFixture,
    *,
    secrets: Iterable[str],
) -> None:
    """Send a notification, and check which row has counted and what came of it.

    Args:
        row: The row that must count.
        target: The target's name, in the log and in problems of a run.
        notification: The notification, due.
        caplog: The log.
        secrets: What must be neither told nor logged.
    """
    with caplog.at_level(logging.DEBUG, logger="django_notification_system"):
        this = Run()
        list(this)
    assert rows_counted(caplog, target) == [row.name]
    [entry] = _entries(caplog, target)
    assert vars(entry)["fault"] == row.name
    assert vars(entry)["notification_id"] == str(notification.pk)
    notification.refresh_from_db()
    record = TargetUserRecord.objects.get(pk=notification.target_user_record_id)
    assert notification.status == STATUS[row.verdict]
    ends_record = notification.status == "INACTIVE DEVICE"
    assert record.active is not ends_record
    waits = notification.status == "SCHEDULED"
    stopped = waits and row.verdict not in OF_RECORD
    # That a device is gone is no failed attempt: see the reference of statuses.
    assert notification.retry_attempts == (0 if waits or ends_record else 1)
    assert bool(this.problems) is stopped
    said = this.problems[target] if stopped else notification.response
    assert said
    assert row.hint in said
    for secret in secrets:
        assert secret not in said + caplog.text
