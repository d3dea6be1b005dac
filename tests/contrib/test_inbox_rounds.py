"""The poller's rounds: who is told of what, from the database alone."""

import logging
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.contrib.inbox import unread
from django_notification_system.contrib.inbox.live import rounds as module
from django_notification_system.contrib.inbox.live import streams
from django_notification_system.contrib.inbox.live.rounds import Rounds
from django_notification_system.contrib.inbox.live.streams import Stream
from django_notification_system.contrib.inbox.models import InboxItem
from django_notification_system.contrib.inbox.shown import shown
from tests.support.inbox_support import put, stream_of

pytestmark = pytest.mark.django_db


def told(*open_streams: Stream) -> list[list[Any]]:
    """Return the ids of the items that a round tells each stream of, and the number of unread."""
    found = {each.stream: each for each in Rounds()(list(open_streams))}
    return [
        [event.id or event.data["unread"] for event in found[stream].events]
        if stream in found
        else []
        for stream in open_streams
    ]


def test_each_stream_is_told_once_also_of_what_commits_late(user: Any) -> None:
    put(user, "On the page")
    stream = stream_of(user)
    assert told(stream) == [[1]]
    assert told(stream) == [[]]
    late = put(user, "Began first", ago=20)
    newer = put(user, "Newer")
    assert told(stream) == [[late.pk, newer.pk, 3]]
    second = stream_of(user)
    assert told(stream, second) == [[], [3]]
    put(user, "Longer ago than a transaction takes", ago=module.WINDOW + 5)
    put(user, "Not yet", ago=-60)
    put(user, "Read elsewhere", state=InboxItem.State.READ)
    assert told(stream, second) == [[], []]


def test_a_round_without_news_is_one_query_for_all(user: Any, django_user_model: Any) -> None:
    readers = [user, *(django_user_model.objects.create(username=str(n)) for n in range(5))]
    for reader in readers:
        put(reader)
    open_streams = [stream_of(reader) for reader in readers]
    told(*open_streams)
    with CaptureQueriesContext(connection) as queries:
        told(*open_streams)
    assert len(queries) == 1


def test_news_for_many_are_as_many_queries_as_news_for_two(
    user: Any, django_user_model: Any
) -> None:
    readers = [user, *(django_user_model.objects.create(username=str(n)) for n in range(9))]
    open_streams = [stream_of(reader) for reader in readers]
    told(*open_streams)

    def queries(number: int) -> int:
        for reader in readers[:number]:
            put(reader)
        with CaptureQueriesContext(connection) as captured:
            assert told(*open_streams)[number - 1]
        return len(captured)

    assert queries(2) == queries(10) == 3


def test_many_who_come_back_and_have_missed_nothing_are_two_queries_more(
    user: Any, django_user_model: Any
) -> None:
    """After a restart of the server, all clients come back at once."""
    readers = [user, *(django_user_model.objects.create(username=str(n)) for n in range(9))]
    for reader in readers:
        put(reader, ago=100)
    # The page has shown an item that the reader has read elsewhere since.
    seen = [put(reader, ago=50, state=InboxItem.State.READ).pk for reader in readers]

    def queries(number: int) -> int:
        back = [
            stream_of(reader, last_seen=key)
            for reader, key in zip(readers[:number], seen, strict=False)
        ]
        with CaptureQueriesContext(connection) as captured:
            assert told(*back) == [[1]] * number
        return len(captured)

    assert queries(2) == queries(10) == 3
    missed = put(user, ago=10)
    assert told(stream_of(user, last_seen=seen[0])) == [[missed.pk, 2]]


def test_numbers_for_many_are_those_for_one(
    user: Any, django_user_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "MOST_COUNTED", 4)
    readers = [user, *(django_user_model.objects.create(username=str(n)) for n in range(4))]
    moment = timezone.now() - timedelta(minutes=1)
    for reader, number in zip(readers, (0, 1, 3, 4, 6), strict=True):
        for _ in range(number):
            put(reader, visible_from=moment)  # at the same moment, the greatest key is the newest
        put(reader, state=InboxItem.State.READ)
        put(reader, state=InboxItem.State.WITHHELD)
        put(reader, expires_at=moment)
        put(reader, ago=-60)
    found = unread.unread_of_many([reader.pk for reader in readers])
    assert found == {reader.pk: unread.unread_of(reader) for reader in readers}
    assert [found[reader.pk].count for reader in readers] == [0, 1, 3, 4, 4]


def test_a_login_that_is_gone_ends_the_stream_and_nothing_more_is_told(user: Any) -> None:
    stream = stream_of(user)
    told(stream)
    stream.checked_at = time.monotonic() - module.CHECK_EVERY - 1
    put(user, "Too late")
    [found] = Rounds()([stream])
    assert found.is_over
    assert found.events == []


def test_items_missed_are_told_in_the_order_of_their_keys(user: Any) -> None:
    seen = put(user, "Seen", ago=500)
    missed = [put(user, f"Missed {number}", ago=400 - number) for number in range(3)]
    assert told(stream_of(user, last_seen=seen.pk)) == [[*(item.pk for item in missed), 4]]


def test_a_database_that_fails_is_given_a_rest_and_nothing_is_lost(
    user: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stream, rounds = stream_of(user), Rounds()
    rounds([stream])
    item = put(user, "Meanwhile")

    def fail(*arguments: Any) -> Any:
        raise DatabaseError("away")

    with monkeypatch.context() as context, caplog.at_level(logging.WARNING):
        context.setattr(module, "_items", fail)
        assert rounds([stream]) == []
        assert "wait for the database" in caplog.text
    assert rounds([stream]) == []  # the rest
    monkeypatch.setattr(rounds, "_rests_until", 0.0)
    [found] = rounds([stream])
    assert [event.id for event in found.events] == [item.pk, None]


def test_no_reader_loses_an_item_where_anothers_cannot_be_shown(
    user: Any, django_user_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = [user, django_user_model.objects.create(username="other")]
    open_streams, rounds = [stream_of(reader) for reader in readers], Rounds()
    rounds(open_streams)
    items = [put(reader, "Meanwhile") for reader in readers]

    def fail_for_the_second(found: Any, reader: Any, *others: Any) -> Any:
        if reader == readers[1]:
            raise DatabaseError("away")
        return shown(found, reader, *others)

    with monkeypatch.context() as context:
        context.setattr(module, "shown", fail_for_the_second)
        assert rounds(open_streams) == []
    monkeypatch.setattr(rounds, "_rests_until", 0.0)
    told_later = [found.events[0].id for found in rounds(open_streams)]
    assert told_later == [item.pk for item in items]


def test_a_client_that_reads_nothing_is_cut_off(user: Any) -> None:
    stream = stream_of(user)
    put(user)
    [found] = Rounds()([stream])
    for _ in range(streams.MOST_WAITING):
        stream.put(found.events)
    assert not stream._is_ended
    stream.put(found.events)
    assert stream._is_ended
