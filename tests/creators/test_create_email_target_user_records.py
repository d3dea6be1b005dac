"""``create_email_target_user_records``: which records it makes, changes and leaves alone."""

import io
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_notification_system.email_records.rules import is_address
from django_notification_system.email_records.store import COLUMNS
from django_notification_system.models import NotificationTarget, TargetUserRecord

COMMAND = "create_email_target_user_records"
Origin = TargetUserRecord.Origin
NOTHING = "0 created, 0 updated, 0 unchanged, 0 without an address, 0 invalid"


def run(**options: Any) -> str:
    """Run the command and return what it wrote on standard output."""
    output = io.StringIO()
    call_command(COMMAND, stdout=output, **options)
    return output.getvalue().strip()


def closing_line(**counts: int) -> str:
    line = NOTHING
    for name, count in counts.items():
        line = line.replace(f"0 {name}", f"{count} {name}")
    return line


def make_users(count: int, **fields: Any) -> list[Any]:
    users = get_user_model().objects
    return users.bulk_create(
        users.model(**{"username": f"user{n}", "email": f"user{n}@example.com", **fields})
        for n in range(count)
    )


@pytest.fixture
def email_target(db: None) -> NotificationTarget:
    return NotificationTarget.objects.get(name="Email")


@pytest.fixture
def make_record(user: Any, email_target: NotificationTarget) -> Callable[..., TargetUserRecord]:
    """A function that makes an email record of Eggs Benedict's, by hand unless told otherwise."""

    def make(address: str, **fields: Any) -> TargetUserRecord:
        values = {"target": email_target, "description": "by hand", **fields}
        return TargetUserRecord.objects.create(user=user, target_user_id=address, **values)

    return make


def snapshot() -> list[tuple[Any, ...]]:
    return list(TargetUserRecord.objects.order_by("pk").values_list())


def state(user: Any) -> dict[str, tuple[str, bool]]:
    """Return origin and activity of a user's email records, by address."""
    return {
        record.target_user_id: (record.origin, record.active)
        for record in TargetUserRecord.objects.filter(user=user)
    }


def move(user: Any, address: str) -> None:
    user.email = address
    user.save()


IN_USE = (Origin.USER_EMAIL, True)
SWITCHED_OFF = (Origin.USER_EMAIL, False)
FORMER = (Origin.FORMER_USER_EMAIL, False)
BY_HAND = (Origin.MANUAL, True)
TOMBSTONE = (Origin.MANUAL, False)


def test_each_user_with_an_address_gets_one_record(user: Any) -> None:
    make_users(1, first_name="", last_name="", username="plain")
    make_users(1, email="", username="nobody")
    assert run() == closing_line(created=2, without=1)
    record = TargetUserRecord.objects.get(user=user)
    assert record.target.name == "Email"
    assert record.description == "Eggs Benedict's Email"
    assert state(user) == {"eggs@example.com": IN_USE}
    assert TargetUserRecord.objects.get(user__username="plain").description == "plain's Email"
    assert not TargetUserRecord.objects.filter(user__username="nobody").exists()


def test_a_second_run_changes_nothing(user: Any, make_record: Any) -> None:
    make_users(3)
    make_record("by-hand@example.com")
    run()
    before = snapshot()
    assert run() == closing_line(unchanged=4)
    assert snapshot() == before


def test_the_record_follows_when_the_address_changes(user: Any) -> None:
    run()
    TargetUserRecord.objects.update(hard_bounces=2)
    record = TargetUserRecord.objects.get()
    move(user, "  new@example.com ")
    assert run() == closing_line(updated=1)
    followed = TargetUserRecord.objects.get()
    assert followed.hard_bounces == 0
    assert followed.pk == record.pk
    assert state(user) == {"new@example.com": IN_USE}
    assert followed.modified_date > record.modified_date


@pytest.mark.parametrize("active", [True, False])
def test_a_by_hand_record_with_the_new_address_serves_as_it_is(
    user: Any, make_record: Any, active: bool
) -> None:
    run()
    by_hand = make_record("new@example.com", active=active)
    move(user, "new@example.com")
    assert run() == closing_line(updated=1)
    assert state(user) == {
        "eggs@example.com": FORMER,
        "new@example.com": (Origin.MANUAL, active),
    }
    by_hand.refresh_from_db()
    assert by_hand.description == "by hand"
    assert run() == closing_line(unchanged=1)


def test_a_by_hand_record_with_the_address_makes_another_needless(
    user: Any, make_record: Any
) -> None:
    make_record("eggs@example.com", active=False)
    before = snapshot()
    assert run() == closing_line(unchanged=1)
    assert snapshot() == before


def test_a_former_address_that_returns_is_switched_on_again(user: Any, make_record: Any) -> None:
    run()
    make_record("new@example.com")
    move(user, "new@example.com")
    run()
    assert state(user)["eggs@example.com"] == FORMER
    move(user, "eggs@example.com")
    assert run() == closing_line(updated=1)
    assert state(user) == {"eggs@example.com": IN_USE, "new@example.com": BY_HAND}


def test_a_deactivated_record_is_never_switched_on_again(user: Any) -> None:
    run()
    TargetUserRecord.objects.update(active=False)
    assert run() == closing_line(unchanged=1)
    assert state(user) == {"eggs@example.com": SWITCHED_OFF}

    move(user, "new@example.com")
    assert run() == closing_line(created=1)
    assert state(user) == {"eggs@example.com": TOMBSTONE, "new@example.com": IN_USE}
    assert run() == closing_line(unchanged=1)

    move(user, "eggs@example.com")
    assert run() == closing_line(updated=1)
    assert state(user) == {"eggs@example.com": TOMBSTONE, "new@example.com": FORMER}


def test_a_deactivated_record_stays_off_when_its_address_goes_and_returns(user: Any) -> None:
    run()
    TargetUserRecord.objects.update(active=False)
    for address in ("", "eggs@example.com", "", "eggs@example.com"):
        move(user, address)
        run()
        assert not TargetUserRecord.objects.get().active


def test_a_removed_address_gets_no_mail(user: Any) -> None:
    run()
    move(user, "")
    assert run() == closing_line(without=1)
    assert state(user) == {"eggs@example.com": FORMER}
    before = snapshot()
    assert run() == closing_line(without=1)
    assert snapshot() == before


def test_by_hand_records_and_other_targets_stay(
    user: Any, make_record: Any, records: dict[str, TargetUserRecord]
) -> None:
    make_record("second@example.com")
    make_record("third@example.com", active=False)
    before = snapshot()
    move(user, "new@example.com")
    assert run() == closing_line(created=1)
    TargetUserRecord.objects.get(target_user_id="new@example.com").delete()
    assert snapshot() == before


def test_a_record_in_another_target_is_no_email_record(
    user: Any, make_record: Any, email_target: NotificationTarget
) -> None:
    other = NotificationTarget.objects.exclude(pk=email_target.pk)[0]
    make_record("eggs@example.com", target=other, description=RELEASE_1_5_3)
    assert run() == closing_line(created=1)
    assert run() == closing_line(unchanged=1)


def test_two_users_may_share_an_address(db: None) -> None:
    make_users(2, email="both@example.com")
    assert run() == closing_line(created=2)
    assert TargetUserRecord.objects.filter(target_user_id="both@example.com").count() == 2


def test_inactive_users_get_no_record_and_keep_those_they_have(user: Any) -> None:
    run()
    user.is_active = False
    move(user, "new@example.com")
    make_users(1, is_active=False)
    before = snapshot()
    assert run() == NOTHING
    assert run(verbosity=2, stderr=io.StringIO()) == f"{NOTHING}, 2 inactive users"
    assert snapshot() == before


@pytest.mark.parametrize("address", ["eggs at home", "two@@example.com", "@example.com"])
def test_what_is_no_address_is_reported_and_skipped(
    user: Any, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    user.username = "egg\x1b[2J"
    move(user, address)
    make_users(1)
    assert run(verbosity=1) == closing_line(created=1, invalid=1)
    errors = capsys.readouterr().err
    assert f"User 'egg\\x1b[2J' (key {user.pk})" in errors
    assert address not in errors
    assert state(user) == {}
    assert run(verbosity=0) == ""
    assert capsys.readouterr().err == ""


def test_254_characters_are_the_longest_address() -> None:
    longest = f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.museum"
    assert len(longest) == 254
    assert is_address(longest)
    assert not is_address(f"a{longest}")


def test_an_address_that_became_none_leaves_the_old_one_without_mail(user: Any) -> None:
    run()
    move(user, "eggs at home")
    assert run(stderr=io.StringIO()) == closing_line(invalid=1)
    assert state(user) == {"eggs@example.com": FORMER}


def test_a_record_that_is_there_for_what_is_no_address_stays(user: Any, make_record: Any) -> None:
    make_record("bob@intranet", description="Eggs Benedict's Email")
    move(user, "bob@intranet")
    before = snapshot()
    assert run(stderr=io.StringIO()) == closing_line(invalid=1)
    assert snapshot() == before


def test_long_names_are_cut(user: Any) -> None:
    user.first_name, user.last_name = "E" * 150, "B" * 150
    user.save()
    run()
    assert TargetUserRecord.objects.get().description == f"{'E' * 150} {'B' * 49}"


RELEASE_1_5_3 = "Eggs Benedict's Email"


def test_records_of_release_1_5_3_are_taken_over(user: Any, make_record: Any) -> None:
    make_record("old@example.com", description=RELEASE_1_5_3)
    make_record("eggs@example.com", description=RELEASE_1_5_3)
    make_record("older@example.com", description=RELEASE_1_5_3)
    make_record("second@example.com")
    assert run() == closing_line(updated=1)
    assert state(user) == {
        "eggs@example.com": IN_USE,
        "old@example.com": FORMER,
        "older@example.com": FORMER,
        "second@example.com": BY_HAND,
    }
    assert run() == closing_line(unchanged=1)


def test_a_record_of_release_1_5_3_with_a_former_address_follows(
    user: Any, make_record: Any
) -> None:
    record = make_record("old@example.com", description=RELEASE_1_5_3)
    assert run() == closing_line(updated=1)
    assert state(user) == {"eggs@example.com": IN_USE}
    assert TargetUserRecord.objects.get().pk == record.pk


def test_a_record_of_release_1_5_3_that_was_switched_off_stays_off(
    user: Any, make_record: Any
) -> None:
    make_record("eggs@example.com", description=RELEASE_1_5_3, active=False)
    make_record("old@example.com", description=RELEASE_1_5_3, active=False)
    run()
    assert state(user) == {"eggs@example.com": SWITCHED_OFF, "old@example.com": TOMBSTONE}
    move(user, "old@example.com")
    run()
    assert state(user) == {"eggs@example.com": TOMBSTONE, "old@example.com": TOMBSTONE}


def test_a_by_hand_record_with_the_commands_description_is_a_persons(
    user: Any, make_record: Any
) -> None:
    run()
    make_record("second@example.com", description=RELEASE_1_5_3)
    assert run() == closing_line(unchanged=1)
    assert state(user) == {"eggs@example.com": IN_USE, "second@example.com": BY_HAND}


def test_addresses_that_differ_in_case_are_no_trouble(user: Any, make_record: Any) -> None:
    make_record("Eggs@Example.com")
    run()
    one_and_the_same = connection.vendor == "mysql"
    assert len(state(user)) == (1 if one_and_the_same else 2)
    assert run() == closing_line(unchanged=1)


def test_the_record_follows_to_the_same_address_in_another_case(user: Any) -> None:
    run()
    move(user, "Eggs@Example.com")
    assert run() == closing_line(updated=1)
    assert state(user) == {"Eggs@Example.com": IN_USE}


def test_dry_run_says_the_same_and_writes_nothing(user: Any, make_record: Any) -> None:
    make_users(3)
    make_record("old@example.com", description=RELEASE_1_5_3)
    before = snapshot()
    said = run(dry_run=True)
    assert snapshot() == before
    assert said == run() == closing_line(created=3, updated=1)


def test_verbosity_0_is_silent(user: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(verbosity=0) == ""
    assert capsys.readouterr() == ("", "")


def test_no_progress_bar_without_a_terminal(user: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    assert capsys.readouterr().err == ""


def test_a_renamed_target_is_found(user: Any, email_target: NotificationTarget) -> None:
    email_target.name = "Post"
    email_target.save()
    NotificationTarget.objects.create(name="Second post", notification_module_name="email")
    run()
    assert TargetUserRecord.objects.get().target == email_target


def test_the_target_called_email_comes_first(user: Any, email_target: NotificationTarget) -> None:
    email_target.name = "Post"
    email_target.save()
    second = NotificationTarget.objects.create(name="Email", notification_module_name="email")
    run()
    assert TargetUserRecord.objects.get().target == second


def test_no_email_target_is_a_clear_error(user: Any, email_target: NotificationTarget) -> None:
    email_target.delete()
    with pytest.raises(CommandError, match="no email target"):
        run()


def test_every_batch_is_read(db: None) -> None:
    make_users(7)
    make_users(1, username="nobody", email="")
    assert run(batch_size=3) == closing_line(created=7, without=1)
    assert run(batch_size=2) == closing_line(unchanged=7, without=1)


@pytest.mark.parametrize("size", ["0", "10001", "many"])
def test_a_batch_size_out_of_range_is_refused(size: str) -> None:
    with pytest.raises((CommandError, ValueError), match="batch-size"):
        call_command(COMMAND, f"--batch-size={size}")


def queries() -> int:
    with CaptureQueriesContext(connection) as captured:
        run()
    return len(captured)


def test_queries_grow_with_batches_and_not_with_users(db: None) -> None:
    # Django 5.2 splits an INSERT on SQLite at 999 parameters.
    many = 1000 if (connection.features.max_query_params or 10**6) > 9000 else 60
    counts = []
    for number in (10, many):
        get_user_model().objects.all().delete()
        users = make_users(number)
        create, repeat = queries(), queries()
        for user in users:
            user.email = f"new-{user.email}"
        get_user_model().objects.bulk_update(users, ["email"])
        follow = queries()
        assert TargetUserRecord.objects.filter(target_user_id__startswith="new-").count() == number
        counts.append((create, repeat, follow))
    assert counts[0] == counts[1]
    assert max(counts[0]) < 10


def test_every_column_that_the_database_does_not_fill_is_written() -> None:
    fields = TargetUserRecord._meta.concrete_fields
    filled = {field.attname for field in fields if field.has_db_default() or field.null}
    assert {field.attname for field in fields} - filled <= set(COLUMNS)
    assert "user_id" in COLUMNS


@contextmanager
def once_records_are_read(act: Callable[[], Any]) -> Iterator[None]:
    """Do something once, when the command has read the records and not written as yet."""
    table = TargetUserRecord._meta.db_table
    pending = [act]

    def interfere(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if pending and re.match(rf"SELECT .*{table}", sql):
            pending.pop()()
        return result

    with connection.execute_wrapper(interfere):
        yield
    assert not pending


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_user_who_vanishes_takes_nobody_along() -> None:
    users = make_users(20)
    gone = get_user_model().objects.filter(pk=users[7].pk)
    with once_records_are_read(lambda: gone._raw_delete(gone.db)):
        assert run() == closing_line(created=19)
    assert TargetUserRecord.objects.count() == 19
    assert run() == closing_line(unchanged=19)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_record_that_appears_is_not_made_twice(make_record: Any) -> None:
    make_users(9)
    with once_records_are_read(lambda: make_record("eggs@example.com")):
        assert run() == closing_line(created=9, unchanged=1)
    assert TargetUserRecord.objects.count() == 10


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_record_that_bounces_meanwhile_stays_off(user: Any) -> None:
    make_users(9)
    run()
    move(user, "new@example.com")
    record = TargetUserRecord.objects.filter(user=user)
    with once_records_are_read(lambda: record.update(active=False)):
        assert run() == closing_line(created=1, unchanged=9)
    assert state(user) == {"eggs@example.com": TOMBSTONE, "new@example.com": IN_USE}


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="threads share no database in memory")
def test_two_runs_at_once_make_one_record_each() -> None:
    make_users(300)
    lines: list[str] = []

    def run_in_thread() -> None:
        try:
            lines.append(run(batch_size=50))
        finally:
            connection.close()

    threads = [threading.Thread(target=run_in_thread) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    created = [int(line.split()[0]) for line in lines]
    assert len(lines) == 3
    assert sum(created) == TargetUserRecord.objects.count() == 300
