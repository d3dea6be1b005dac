"""Whom a quick search takes for the newest users, whatever the users' keys are."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AbstractBaseUser, AbstractUser
from django.db import models
from django.test.utils import isolate_apps
from django.utils import timezone

from django_notification_system.admin.listing import quick_search
from django_notification_system.models import NotificationTarget, TargetUserRecord


@isolate_apps("tests")
def test_the_newest_are_told_by_what_rises() -> None:
    class Counted(AbstractBaseUser):
        date_joined = models.DateTimeField()

        class Meta:
            app_label = "tests"

    class OfCounted(AbstractBaseUser):
        person = models.OneToOneField(Counted, models.CASCADE, primary_key=True)

        class Meta:
            app_label = "tests"

    class Random(AbstractBaseUser):
        id = models.UUIDField(primary_key=True)

        class Meta:
            app_label = "tests"

    class Joined(Random):
        date_joined = models.DateTimeField()

        class Meta:
            app_label = "tests"

    class PerhapsJoined(Random):
        date_joined = models.DateTimeField(null=True)

        class Meta:
            app_label = "tests"

    found = {
        model.__name__: quick_search._rising(model)
        for model in (Counted, OfCounted, Random, Joined, PerhapsJoined)
    }
    assert found == {
        "Counted": "pk",
        "OfCounted": "pk",
        "Random": "pk",
        "Joined": "date_joined",
        "PerhapsJoined": "pk",
    }
    assert isinstance(AbstractUser._meta.get_field("date_joined"), models.DateField)


@pytest.fixture
def three_users(db: None, django_user_model: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Users' keys, of whom the first joined last, as with random keys; one is looked at in full."""
    monkeypatch.setattr(quick_search, "USERS_LOOKED_AT", 1)
    monkeypatch.setattr(quick_search, "_rising", lambda model: "date_joined")
    target = NotificationTarget.objects.get(name="Email")
    keys = []
    for days in range(3):
        user = django_user_model.objects.create_user(
            f"user{days}", first_name="Bernardo", date_joined=timezone.now() - timedelta(days=days)
        )
        TargetUserRecord.objects.create(user=user, target=target, target_user_id=f"egg{days}@x")
        keys.append(user.pk)
    return keys


def users_meant(*words: str) -> list[list[int]]:
    return [
        list(TargetUserRecord.objects.filter(pk__in=keys).values_list("user", flat=True))
        for keys in quick_search.records_meant(words, using="default")
    ]


def test_who_joined_last_is_searched_in_full(three_users: list[int]) -> None:
    newest, *_others = three_users
    names, addresses, beginnings = users_meant("ernard", "gg", "egg1")
    assert names == [newest]
    assert addresses == [newest]
    assert beginnings == [three_users[1]]


def test_of_many_who_joined_at_one_moment_none_is_the_newest(
    three_users: list[int], django_user_model: Any
) -> None:
    django_user_model.objects.update(date_joined=timezone.now())
    names, beginnings = users_meant("ernard", "user2")
    assert names == []
    assert beginnings == [three_users[2]]


def test_words_ask_once_who_is_new(three_users: list[int], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1 + 2 * 4):
        quick_search.records_meant(["nobody", "nowhere"], using="default")
    with django_assert_num_queries(0):
        assert quick_search.records_meant([], using="default") == []
