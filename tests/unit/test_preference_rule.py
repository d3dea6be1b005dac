"""The rule of preferences, against a plain model, over all combinations."""

from collections.abc import Iterator
from itertools import product

import pytest

from django_notification_system.categories import Category
from django_notification_system.preferences.rule import refusal
from tests.support.preference_rule import CATEGORIES, PLACES, WORDS, is_allowed


def cases() -> Iterator[tuple[Category, dict[tuple[str, str], str], bool]]:
    for category, words, opted_out in product(
        CATEGORIES, product(WORDS, repeat=len(PLACES)), (False, True)
    ):
        states = {
            place: word for place, word in zip(PLACES, words, strict=True) if word is not None
        }
        yield category, states, opted_out


def test_the_rule_is_the_models_over_all_combinations() -> None:
    seen = {True: 0, False: 0}
    for category, states, opted_out in cases():
        allowed = not refusal(category, "email", states, opted_out=opted_out)
        assert allowed == is_allowed(category, states, opted_out), (category, states, opted_out)
        seen[allowed] += 1
    assert min(seen.values()) > 300


def test_words_on_other_categories_and_targets_do_no_harm() -> None:
    category = Category("news", label="", opt_in=True)
    others = {("orders", "email"): "no", ("orders", ""): "no", ("news", "expo"): "no"}
    others["", " expo"] = "no"
    assert refusal(category, "email", {**others, ("news", "email"): "yes"}) == ""
    yes_elsewhere = {("orders", "email"): "yes", ("news", "expo"): "yes", ("", "email"): "yes"}
    assert refusal(category, "email", yes_elsewhere) == "not agreed to news by email"


@pytest.mark.parametrize(
    ("states", "opted_out", "said"),
    [
        ({("news", "email"): "no"}, False, "opted out of news by email"),
        ({("news", ""): "no"}, False, "opted out of news"),
        ({("", "email"): "no"}, False, "opted out of email"),
        ({}, True, "opted out"),
        ({}, False, "not agreed to news by email"),
        ({("news", "email"): "pending"}, False, "not confirmed news by email"),
        ({("news", ""): "pending"}, False, "not confirmed news by email"),
        ({("news", ""): "yes"}, False, ""),
    ],
)
def test_the_refusal_says_why(
    states: dict[tuple[str, str], str], opted_out: bool, said: str
) -> None:
    category = Category("news", label="", opt_in=True)
    assert refusal(category, "email", states, opted_out=opted_out) == said
