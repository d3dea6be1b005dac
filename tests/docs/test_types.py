"""The pages on types: a stranger's first type, its German title, and what the pages promise."""

import runpy
import sys
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.core.checks import run_checks
from django.utils import timezone

from django_notification_system.categories import known_categories
from django_notification_system.models import Notification
from django_notification_system.testing import Outbox, render
from django_notification_system.types import find_type, known_types
from tests.support import shop
from tests.support.documentation import EXAMPLES, blocks_of_readme, run_example
from tests.support.shop import models
from tests.support.shop.models import Order, Profile

FOLDER = EXAMPLES / "types"


@pytest.fixture
def project(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The example's app ``shop``, with its templates and its German texts."""
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [FOLDER / "templates"],
            "APP_DIRS": True,
        }
    ]
    catalog = tmp_path / "de" / "LC_MESSAGES"
    catalog.mkdir(parents=True)
    with (FOLDER / "locale/de/LC_MESSAGES/django.po").open("rb") as texts:
        german = read_po(texts, locale="de")
    with (catalog / "django.mo").open("wb") as compiled:
        write_mo(compiled, german)
    settings.LOCALE_PATHS = [tmp_path]
    settings.NOTIFICATION_SYSTEM = run_example("types/settings.py")["NOTIFICATION_SYSTEM"]
    monkeypatch.setitem(sys.modules, "shop", shop)
    monkeypatch.setitem(sys.modules, "shop.models", models)
    with known_categories(), known_types():
        module = as_module("notification_types.py")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        yield module


def as_module(name: str) -> ModuleType:
    """Return an example as a module of the app "shop"."""
    module = ModuleType(f"shop.{name.removesuffix('.py')}")
    exec((FOLDER / name).read_text(), vars(module))
    return module


@pytest.mark.django_db
def test_a_first_type_takes_fifteen_lines_and_three_templates(
    project: ModuleType, user: Any, records: Any, outbox: Outbox
) -> None:
    source = (FOLDER / "notification_types.py").read_text()
    assert len([line for line in source.splitlines() if line.strip()]) <= 15
    assert len(list((FOLDER / "templates/shop/order_shipped").iterdir())) == 3

    Profile.objects.create(user=user, language="de")
    Order.objects.create(number=1021)
    assert [each for each in run_checks() if "notification_system" in str(each.id)] == []
    run_example("types/notify.py")
    outbox.deliver()
    [message] = outbox
    assert message.email is not None
    assert message.title == "Ihre Bestellung 1021 ist unterwegs"
    html = str(message.email.alternatives[0][0])
    assert html.startswith("<p>Guten Tag Eggs,</p>\n<p>Ihre Bestellung 1021 ist unterwegs.</p>")
    assert "Ihre Bestellung 1021 ist unterwegs." in message.email.body

    [(name, example)] = project.OrderShipped.previews()
    assert (name, render(example, target="expo").body) == ("eggs", "Your order 17 has shipped.")


def test_the_test_of_the_page_passes(project: ModuleType) -> None:
    functions = runpy.run_path(str(FOLDER / "test_texts.py"))
    functions["test_the_mail_is_in_german"]()


@pytest.mark.django_db
def test_the_class_in_the_readme_notifies(
    project: ModuleType, user: Any, records: Any, outbox: Outbox
) -> None:
    source = next(text for text in blocks_of_readme("python") if "NotificationType" in text)
    *lines, last = [line for line in source.splitlines() if line.strip()]
    assert len(lines) <= 15
    with known_categories(), known_types():
        names = {"__name__": "shop.notification_types", "user": user}
        exec("\n".join(lines), names)
        order = Order.objects.create(number=17)
        exec(last, {**names, "order": order})
        outbox.deliver()
    assert {(each.module_name, each.title) for each in outbox} == {
        ("email", "Your order 17 has shipped"),
        ("expo", "Your order 17 has shipped"),
    }


@pytest.mark.django_db
def test_the_test_of_notified_users_passes(project: ModuleType) -> None:
    case = runpy.run_path(str(FOLDER / "test_notified.py"))["ShippingTest"]
    case("test_the_customer_hears_of_the_order").test_the_customer_hears_of_the_order()


@pytest.mark.django_db
def test_further_options_are_as_the_page_says(
    project: ModuleType, user: Any, records: Any, outbox: Outbox
) -> None:
    payment_due: Any = as_module("more_options.py").PaymentDue
    order = Order.objects.create(number=7)
    in_two_days = timezone.localdate() + timedelta(days=2)
    payment_due(order=order, due=in_two_days, amount=Decimal("9.90")).notify(user)
    outbox.deliver()
    by_target = {message.module_name: message for message in outbox}
    assert set(by_target) == {"email", "expo"}
    assert by_target["expo"].body.startswith("9.90 are due by ")
    assert by_target["expo"].body.endswith("in 2 days.")
    assert by_target["expo"].extra["data"] == {"order": 7}
    assert by_target["email"].email is not None
    assert by_target["email"].email.reply_to == ["billing@example.com"]
    order.is_cancelled = True
    assert payment_due(order=order, due=in_two_days).notify(user) == 0


@pytest.mark.django_db
def test_a_moved_class_delivers_what_waits(
    project: ModuleType, user: Any, records: Any, outbox: Outbox
) -> None:
    project.OrderShipped(order=Order.objects.create(number=7)).notify(user)
    with known_types():
        moved = as_module("moved.py").ParcelOnItsWay
        assert find_type("shop.OrderShipped") is moved
        outbox.deliver()
    [message] = outbox
    assert message.email is not None
    assert message.email.body.strip() == "In 1 parcel."


@pytest.mark.django_db
def test_a_function_may_say_the_languages(
    project: ModuleType, user: Any, records: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "shop.languages", as_module("languages.py"))
    settings.NOTIFICATION_SYSTEM = {"USER_LANGUAGE": "shop.languages.of_users"}
    Profile.objects.create(user=user, language="de")
    project.OrderShipped(order=Order.objects.create(number=7)).notify(user)
    assert Notification.objects.get().title == "Ihre Bestellung 7 ist unterwegs"
