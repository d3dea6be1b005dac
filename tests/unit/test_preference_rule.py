"""The rule of preferences, against a plain model, over all combinations."""

from collections.abc import Iterator
from itertools import product

import pytest

from django_notification_system.categories import Category
from django_notification_system.preferences.rule import refusal

#: Category, target; "" is for all.
PLACES = (("news", "email"), ("news", ""), ("", "email"))
WORDS = (None, "yes", "no", "pending")
CATEGORIES = [
    Category("news", label="", targets=targets, opt_in=opt_in)
    for targets, opt_in in product(
        (None, ("email",), ("expo",), ()), (False, True, ("email",), ("expo",))
    )
] + [Category("news", label="", mandatory=True)]


def cases() -> Iterator[tuple[Category, dict[tuple[str, str], str], bool]]:
    for category, words, opted_out in product(
        CATEGORIES, product(WORDS, repeat=len(PLACES)), (False, True)
    ):
        states = {
            place: word for place, word in zip(PLACES, words, strict=True) if word is not None
        }
        yield category, states, opted_out


def is_allowed(category: Category, states: dict[tuple[str, str], str], opted_out: bool) -> bool:
    """The model: the specification's sentences, one after another."""
    if category.mandatory:
        return True
    words = [states.get(place) for place in PLACES]
    if opted_out or "no" in words:
        return False
    is_on = category.targets is None or "email" in category.targets
    needs_yes = category.opt_in is True or "email" in (category.opt_in or ()) or not is_on
    return not needs_yes or "yes" in words[:2]


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
