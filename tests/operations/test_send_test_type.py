"""``send_test_notification --type``: an example of a type goes out, and nothing is stored."""

import io
from collections.abc import Iterator

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.testing.smtp import SmtpStandIn
from django_notification_system.types import NotificationType, known_types
from tests.support.shop.models import Order

pytestmark = pytest.mark.django_db


class Shipped(NotificationType):
    key = "shop.Shipped"
    templates = "shop/order_shipped"
    targets = ("inbox", "email")
    order: Order

    @classmethod
    def previews(cls) -> Iterator[tuple[str, "Shipped"]]:
        yield "two parcels", cls(order=Order(number=1))
        yield "one parcel", cls(order=Order(number=2))


class Everywhere(Shipped):
    key = "shop.Everywhere"
    targets = ("email", "expo")


class WithoutPreviews(Shipped):
    key = "shop.WithoutPreviews"

    @classmethod
    def previews(cls) -> Iterator[tuple[str, "Shipped"]]:
        yield from ()


class BrokenPreviews(Shipped):
    key = "shop.BrokenPreviews"

    @classmethod
    def previews(cls) -> Iterator[tuple[str, "Shipped"]]:
        yield "x", cls(order=Order.objects.get(number=404))


class Writing(Shipped):
    key = "shop.Writing"

    def extra(self, target_key: str) -> dict[str, object]:
        Order.objects.create(number=99)
        return {}


class Failing(Shipped):
    key = "shop.Failing"
    templates = "shop/broken"


@pytest.fixture(autouse=True)
def types() -> Iterator[None]:
    with known_types(Shipped, Everywhere, WithoutPreviews, BrokenPreviews, Writing, Failing):
        yield


def send(*arguments: str) -> str:
    """Call the command, and return what the command wrote."""
    out = io.StringIO()
    call_command(
        "send_test_notification", "--to", "oncall@example.com", *arguments, stdout=out, stderr=out
    )
    return out.getvalue()


def test_the_named_example_goes_out_and_nothing_is_stored(mail_server: SmtpStandIn) -> None:
    send("--type", "shop.Shipped", "--preview", "one parcel")
    [mail] = mail_server.received
    assert mail.envelope_to == ["oncall@example.com"]
    assert mail["Subject"] == "Order 2 & shipped"
    for model in (Notification, TargetUserRecord, get_user_model(), Order):
        assert not model._default_manager.exists()


def test_the_first_example_goes_out_by_default(mail_server: SmtpStandIn) -> None:
    send("--type", "shop.Everywhere", "--target", "Email")
    assert mail_server.received[0]["Subject"] == "Order 1 & shipped"


def test_texts_are_in_the_language_of_the_call(mail_server: SmtpStandIn) -> None:
    send("--type", "shop.Shipped", "--language", "de")
    send("--type", "shop.Shipped", "--language", "de-at")
    german, austrian = mail_server.received
    assert german["Subject"] == "Bestellung 1 & unterwegs"
    assert austrian["Subject"] == german["Subject"]


def test_what_a_method_writes_is_rolled_back(mail_server: SmtpStandIn) -> None:
    send("--type", "shop.Writing")
    assert len(mail_server.received) == 1
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--type", "shop.Shiped"], "Did you mean 'shop.Shipped'? There is no type 'shop.Shiped'."),
        (["--type", "Shipped"], "Did you mean 'shop.Shipped'?"),
        (
            ["--type", "shop.Shipped", "--preview", "two parcel"],
            "Did you mean 'two parcels'? shop.Shipped has no preview 'two parcel'. The previews"
            " are: 'two parcels', 'one parcel'.",
        ),
        (["--type", "shop.WithoutPreviews"], "Yield a name and an instance"),
        (["--type", "shop.BrokenPreviews"], "previews() of shop.BrokenPreviews failed: "),
        (["--type", "shop.Failing"], "the template 'shop/broken/"),
        (["--type", "shop.Shipped", "--language", "xx"], "LANGUAGES has no language 'xx'."),
        (["--type", "shop.Everywhere"], "goes to email, expo. Choose a target with --target."),
        (["--type", "shop.Shipped", "--title", "Mine"], "--title has no meaning beside --type"),
        (["--target", "Email", "--preview", "x"], "--preview belongs to a type"),
        ([], "Choose a target with --target."),
    ],
)
def test_a_mistake_is_told_with_the_next_step_and_nothing_goes_out(
    mail_server: SmtpStandIn, arguments: list[str], said: str
) -> None:
    with pytest.raises(CommandError) as raised:
        send(*arguments)
    assert said in str(raised.value)
    assert mail_server.received == []


def test_a_project_without_types_is_told_how_to_declare_one(mail_server: SmtpStandIn) -> None:
    with known_types(), pytest.raises(CommandError, match="this project registers no types"):
        send("--type", "shop.Shipped")
