"""Categories: declared in code, refused where wrong, and on every notification."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.utils.translation import gettext_lazy

from django_notification_system import notify
from django_notification_system.categories import (
    Category,
    all_categories,
    category_of,
    find_category,
    heeds_opt_outs,
    known_categories,
    known_key,
    mandatory_keys,
    register,
)
from django_notification_system.exceptions import InvalidNotification
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.models.digest import notification_digest
from django_notification_system.notification_creators import email, expo, twilio
from tests.conftest import MakeDue

NEWS = Category("news", label="Newsletter", targets=("email",), opt_in=("twilio_sms",))
SECURITY = Category("security", label="Security", mandatory=True)


@pytest.fixture(autouse=True)
def categories() -> Iterator[None]:
    """Two categories, and no others."""
    with known_categories(NEWS, SECURITY):
        yield


@pytest.mark.parametrize("key", ["", "News", "1st", "a b", "news ", "é", "a" * 65, None, 7])
def test_a_wrong_key_is_refused_by_name(key: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"Category key .*begin with a small letter"):
        Category(key, label="")


@pytest.mark.parametrize("key", ["n", "news", "shop.news_2-b", "a" * 64])
def test_a_right_key_is_taken(key: str) -> None:
    assert str(Category(key, label="")) == key


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"targets": "email"}, "targets must be a tuple of keys"),
        ({"targets": 7}, "targets must be a tuple of keys"),
        ({"targets": ("",)}, "targets has '', which is no key"),
        ({"targets": ("x" * 51,)}, "which is no key of a target"),
        ({"opt_in": "email"}, "opt_in must be a tuple of keys"),
        ({"opt_in": (None,)}, "opt_in has None"),
        ({"mandatory": 1}, "mandatory must be True or False"),
        ({"confirm": "yes"}, "confirm must be True or False"),
        ({"one_click": "yes"}, "one_click must be True, False or None"),
        ({"label": 7}, "label must be a text"),
        ({"description": None}, "description must be a text"),
        ({"mandatory": True, "opt_in": True}, "is mandatory, so nobody is asked"),
        ({"mandatory": True, "confirm": True}, "is mandatory, so nobody is asked"),
        ({"mandatory": True, "one_click": True}, "is mandatory, so nobody is asked"),
        ({"mandatory": True, "targets": ("email",)}, "on in every target: leave out targets"),
        ({"confirm": True}, "has confirm, but is on without a yes"),
    ],
)
def test_a_wrong_value_is_refused_by_name(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=complaint) as raised:
        Category("orders", **{"label": "Orders", **options})
    assert "'orders'" in str(raised.value)


def test_a_target_needs_a_yes_where_the_category_says_so() -> None:
    assert [NEWS.needs_yes(key) for key in ("email", "twilio_sms", "expo")] == [False, True, True]
    everywhere = Category("orders", label="", opt_in=("expo",))
    assert [everywhere.needs_yes(key) for key in ("email", "expo")] == [False, True]
    assert Category("ads", label="", opt_in=True).needs_yes("email")


def test_one_click_is_for_all_but_mandatory_categories() -> None:
    assert NEWS.one_click is True
    assert SECURITY.one_click is False
    assert Category("quiet", label="", one_click=False).one_click is False


def test_a_key_belongs_to_one_category() -> None:
    assert register(NEWS) is NEWS
    assert register(Category("news", label="Newsletter", **_options(NEWS))) == NEWS
    with pytest.raises(ImproperlyConfigured, match="Two categories have the key 'news'"):
        register(Category("news", label="Other news"))
    with pytest.raises(ImproperlyConfigured, match="takes a Category, not 'news'"):
        register("news")  # type: ignore[arg-type]
    assert all_categories() == [NEWS, SECURITY]


def _options(category: Category) -> dict[str, Any]:
    return {"targets": category.targets, "opt_in": category.opt_in}


def test_the_same_translated_category_may_be_registered_again() -> None:
    first = register(Category("lazy", label=gettext_lazy("Newsletter")))
    assert register(Category("lazy", label=gettext_lazy("Newsletter"))) == first


def test_categories_are_found_by_key() -> None:
    assert find_category("news") is NEWS
    assert find_category("gone") is None
    assert category_of("news") is NEWS
    assert not category_of("gone").needs_yes("expo")
    assert mandatory_keys() == ("security",)
    assert [heeds_opt_outs(key) for key in ("news", "security", "", "gone")] == [
        True,
        False,
        True,
        True,
    ]


def test_an_unknown_key_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidNotification, match=r"'nwes'.*Known are: news, security") as raised:
        known_key("nwes")
    assert raised.value.argument == "category"
    with pytest.raises(InvalidNotification, match="must be a key or a Category, not NoneType"):
        known_key(None)
    with known_categories(), pytest.raises(InvalidNotification, match="notification_types"):
        known_key("news")


def test_modules_of_the_project_are_found_at_start(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop_with_types").mkdir()
    (tmp_path / "shop_with_types" / "__init__.py").touch()
    (tmp_path / "shop_with_types" / "notification_types.py").write_text(
        "from django_notification_system.categories import Category, register\n"
        "register(Category('logins', label='Logins'))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "shop_with_types"]  # starts all apps
    assert find_category("logins") is not None


def test_notify_stores_the_category(user: Any, email: TargetUserRecord) -> None:
    notify(user, "June", "…", category="news", target="Email")
    notify(user, "Password", "…", category=SECURITY, target="Email")
    notify(user, "Plain", "…", target="Email")
    assert dict(Notification.objects.values_list("title", "category")) == {
        "June": "news",
        "Password": "security",
        "Plain": "",
    }
    assert Notification.objects.get(category=NEWS).title == "June"


@pytest.mark.parametrize("quiet", [False, True])
def test_notify_refuses_an_unknown_category(
    user: Any, email: TargetUserRecord, quiet: bool
) -> None:
    with pytest.raises(InvalidNotification, match="category is 'gone'"):
        notify(user, "June", "…", category="gone", quiet=quiet)


@pytest.mark.parametrize(
    ("creator", "name"), [(email, "Email"), (expo, "Expo"), (twilio, "Twilio")]
)
def test_creators_store_the_category(
    user: Any, records: dict[str, TargetUserRecord], creator: Any, name: str
) -> None:
    creator.create_notification(user=user, title="June", body="…", category="security")
    made = Notification.objects.get(target_user_record=records[name])
    assert made.category == "security"


def test_the_category_leaves_the_digest_alone(email: TargetUserRecord, make_due: MakeDue) -> None:
    made = make_due(email, category="news")
    assert made.digest == notification_digest(
        email.pk, made.scheduled_delivery, made.title, made.extra
    )


def test_only_a_new_notification_must_have_a_known_category(
    email: TargetUserRecord, make_due: MakeDue
) -> None:
    made = make_due(email, category="news")
    made.category = "gone"
    made.full_clean()  # the category may have been removed from the code since
    made.pk, made._state.adding = None, True
    with pytest.raises(ValidationError, match="there is no such category"):
        made.full_clean()
