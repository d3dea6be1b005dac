"""``Type.notify()``: titles by language, rows, who is left out, and how many queries it takes."""

import gc
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, timedelta
from types import ModuleType
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import User
from django.db import close_old_connections, connection
from django.http import HttpResponse
from django.test import AsyncClient, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone, translation

from django_notification_system import anotify, anotify_addresses, notify
from django_notification_system.categories import Category, known_categories
from django_notification_system.exceptions import (
    InvalidNotification,
    NotificationsNotCreated,
    UserHasNoTargetRecords,
    UserIsOptedOut,
)
from django_notification_system.message_types import texts
from django_notification_system.message_types.texts import shortened
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_creators import create
from django_notification_system.types import NotificationType, known_types
from tests.support.runs import in_real_transactions
from tests.support.shop.models import Order, Profile

pytestmark = pytest.mark.django_db

ORDERS = Category("orders", label="Orders", targets=("email", "expo"))


class OrderShipped(NotificationType):
    key = "shop.OrderShipped"
    category = ORDERS
    targets = ("email", "expo")
    templates = "shop/order_shipped"
    order: Order
    note: str = ""
    eta: date | None = None

    def extra(self, target_key: str) -> dict[str, Any]:
        return {"data": {"order": self.order.number}} if target_key == "expo" else {}


class Choosy(OrderShipped):
    key = "shop.Choosy"

    def should_send(self, user: User) -> bool:
        return not self.order.is_cancelled and user.username != "picky"


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    with known_categories(ORDERS), known_types(OrderShipped, Choosy):
        yield


@pytest.fixture
def order() -> Order:
    return Order.objects.create(number=17)


def person(name: str, *modules: str, language: str = "") -> User:
    user = User.objects.create(username=name, last_name=language)
    for module in modules or ("email",):
        TargetUserRecord.objects.create(
            user=user,
            target=NotificationTarget.objects.get(notification_module_name=module),
            target_user_id=f"{name}@example.com"
            if module == "email"
            else f"ExponentPushToken[{name}]",
            active=True,
        )
    return user


def titles() -> list[str]:
    return sorted(Notification.objects.values_list("title", flat=True))


def test_a_message_is_stored_by_type_and_parameters(order: Order) -> None:
    due_at = timezone.now() + timedelta(hours=1)
    created = OrderShipped(order=order, eta=date(2027, 1, 5)).notify(
        person("ann"),
        scheduled_delivery=due_at,
        expires_at=due_at + timedelta(days=1),
        idempotency_key="shipped-17",
        priority=3,
    )
    (row,) = Notification.objects.all()
    assert (created, created.keys) == (1, (row.pk,))
    assert (row.title, row.body, row.category) == ("Order 17 & shipped", "", "orders")
    assert row.extra == {
        "type": "shop.OrderShipped",
        "params": {
            "order": {"model": "shop.order", "pk": order.pk},
            "note": "",
            "eta": "2027-01-05",
        },
    }
    assert (row.scheduled_delivery, row.priority) == (due_at, 3)
    assert row.expires_at == due_at + timedelta(days=1)
    assert OrderShipped(order=order).notify(person("bob", "expo"), idempotency_key="k") == 1
    assert OrderShipped(order=order).notify(User.objects.all(), idempotency_key="shipped-17") == 1


def test_the_class_adds_to_extra_for_a_target(order: Order) -> None:
    OrderShipped(order=order).notify(person("ann", "email", "expo"))
    by_module = {
        row.target_user_record.target.notification_module_name: row.extra
        for row in Notification.objects.all()
    }
    assert set(by_module["email"]) == {"type", "params"}
    assert by_module["expo"]["data"] == {"order": 17}


def test_other_parameters_are_another_notification(order: Order) -> None:
    ann, moment = person("ann"), timezone.now() + timedelta(hours=1)
    assert OrderShipped(order=order).notify(ann, scheduled_delivery=moment) == 1
    assert OrderShipped(order=order, note="x").notify(ann, scheduled_delivery=moment) == 1
    with pytest.raises(NotificationsNotCreated, match="each exists already"):
        OrderShipped(order=order).notify(ann, scheduled_delivery=moment)


def languages_of(keys: Collection[Any]) -> Mapping[Any, Any]:
    return dict(User.objects.filter(pk__in=keys).values_list("pk", "last_name"))


WAYS = ["last_name", "profile.language", "profile__language", f"{__name__}.languages_of"]


@pytest.mark.parametrize("way", WAYS)
def test_the_title_is_in_the_users_language(way: str, order: Order) -> None:
    for name, language in [
        ("ann", "de"),
        ("bob", "de-at"),
        ("cid", "xx"),
        ("dan", ""),
        ("eve", "en"),
    ]:
        Profile.objects.create(user=person(name, language=language), language=language)
    person("without profile", language="")
    with override_settings(NOTIFICATION_SYSTEM={"USER_LANGUAGE": way}), translation.override("fr"):
        OrderShipped(order=order).notify(User.objects.all())
        assert translation.get_language() == "fr"
    assert titles() == ["Bestellung 17 & unterwegs"] * 2 + ["Order 17 & shipped"] * 4


@override_settings(LANGUAGE_CODE="de")
def test_without_a_users_language_the_projects_counts(order: Order) -> None:
    with translation.override("en"):
        OrderShipped(order=order).notify(person("ann"))
    assert titles() == ["Bestellung 17 & unterwegs"]


def test_who_should_not_be_sent_the_message_gets_none(order: Order) -> None:
    ann, picky = person("ann"), person("picky")
    assert Choosy(order=order).notify([ann, picky]) == 1
    assert Choosy(order=order, note="other").notify(picky) == 0  # as the class wants, so no error
    order.is_cancelled = True
    assert Choosy(order=order, note="third").notify([ann, picky]) == 0
    assert Notification.objects.get().target_user_record.user == ann


def test_errors_are_those_of_notify(order: Order) -> None:
    message = OrderShipped(order=order)
    with pytest.raises(UserHasNoTargetRecords):
        message.notify(person("ann", "twilio"))
    assert message.notify(User.objects.all(), quiet=True) == 0
    NotificationOptOut.objects.create(user=(bob := person("bob")), active=True)
    with pytest.raises(UserIsOptedOut):
        message.notify(bob)
    with pytest.raises(InvalidNotification, match="unsaved Order"):
        OrderShipped(order=Order(number=1)).notify(bob)


def test_a_message_in_place_of_a_title_says_which_method_to_call(order: Order) -> None:
    with pytest.raises(InvalidNotification, match=r"OrderShipped\(\.\.\.\)\.notify\(users\)"):
        notify(person("ann"), OrderShipped(order=order))  # type: ignore[arg-type]


class Odd(NotificationType):
    key = "shop.Odd"
    text: str = ""
    more: Any = None

    def extra(self, target_key: str) -> dict[str, Any]:
        return self.more or {}  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("options", "parameters", "complaint"),
    [
        ({"templates": "shop/nowhere"}, {}, r"title\.txt'.*TemplateDoesNotExist"),
        ({"templates": "shop/odd"}, {"text": " \n "}, r"title\.txt', is empty"),
        ({"templates": "shop/odd"}, {"text": "raise"}, r"title\.txt'.*ZeroDivisionError"),
        ({"templates": "shop/named"}, {}, r"title\.txt'.*a title has no 'user'"),
        ({"templates": "shop/broken"}, {}, r"A template of \S+\.Odd cannot be used: .*nonsense"),
        ({"targets": ("pager",)}, {}, r"There is no target 'pager'"),
        ({"category": "nowhere"}, {}, "there is no such category"),
        ({"templates": "shop/odd"}, {"text": "a", "more": {"params": 1}}, "must not return params"),
        ({"templates": "shop/odd"}, {"text": "a", "more": [1]}, "must return a dict, not list"),
        ({"templates": "shop/odd"}, {"text": "a", "more": {"cc": 7}}, r'extra\["cc"\]'),
    ],
)
def test_what_could_never_be_delivered_is_refused(
    options: dict[str, Any], parameters: dict[str, Any], complaint: str
) -> None:
    if parameters.get("text") == "raise":
        parameters = {"text": Raising()}
    cls = type("Odd", (Odd,), {"targets": ("email",), **options})
    with known_types(cls), pytest.raises(InvalidNotification, match=complaint):
        cls(**parameters).notify(person("ann"))
    assert not Notification.objects.exists()


class Raising(str):
    def __str__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 100, "a" * 100),
        ("a" * 101, "a" * 99 + "…"),
        ("word " * 20 + "end", ("word " * 20).rstrip() + "…"),
        (f"{'a' * 99} b", "a" * 99 + "…"),
        (f"a {'b' * 120}", f"a {'b' * 97}…"),
        (f"{'a' * 60}, {'b' * 60}", "a" * 60 + "…"),
    ],
)
def test_a_long_title_is_cut_at_a_word(text: str, expected: str) -> None:
    assert shortened(text) == expected
    assert len(shortened(text)) <= 100


def test_a_title_is_one_line_without_escapes() -> None:
    class Title(NotificationType):
        key = "shop.Title"
        templates = "shop/odd"
        targets = ("email",)
        text: str

    with known_types(Title):
        Title(text="one\n  <two> & \t three").notify(person("ann"))
    assert titles() == ["one <two> & three"]


def test_targets_are_named_by_key_module_or_name(order: Order) -> None:
    person("ann", "twilio", "expo")
    for number, name in enumerate(["twilio_sms", "twilio", "Twilio"]):
        cls = type(
            "OrderShipped", (OrderShipped,), {"targets": (name,), "key": "shop.OrderShipped"}
        )
        with known_categories(Category("orders", label="")), known_types(cls):
            cls(order=order, note=str(number)).notify(User.objects.all())
    assert Notification.objects.filter(target__notification_module_name="twilio").count() == 3


def test_people_without_an_account_are_notified_in_the_language_of_the_call(order: Order) -> None:
    class ForAll(OrderShipped):
        key = "shop.ForAll"

        def should_send(self, user: Any) -> bool:
            assert user is None
            return not self.order.is_cancelled

    message = OrderShipped(order=order)
    guests = ["ann@example.com", "bob@example.com"]
    assert message.notify_addresses(guests, target="email", language="de-at") == 2
    assert message.notify_addresses("cid@example.com", target="Email") == 1
    assert titles() == ["Bestellung 17 & unterwegs"] * 2 + ["Order 17 & shipped"]
    languages = Notification.objects.values_list("extra__language", flat=True)
    assert sorted(languages) == ["de", "de", "en"]
    assert message.notify_addresses([], target="Email", quiet=True) == 0
    with pytest.raises(NotificationsNotCreated):
        message.notify_addresses([], target="Email")
    with known_types(ForAll):
        assert ForAll(order=order).notify_addresses("dan@example.com", target="Email") == 1
        order.is_cancelled = True
        assert ForAll(order=order).notify_addresses("eve@example.com", target="Email") == 0


def test_coroutines_notify_likewise(order: Order) -> None:
    ann = person("ann")

    async def main() -> list[int]:
        return [
            await OrderShipped(order=order).anotify(ann, idempotency_key="k"),
            await anotify(ann, "Hello", "World", target="Email"),
            await anotify_addresses("guest@example.com", "Hello", "World", target="Email"),
        ]

    assert async_to_sync(main)() == [1, 1, 1]
    assert titles() == ["Hello", "Hello", "Order 17 & shipped"]


@in_real_transactions
def test_asynchronous_views_notify_over_one_connection_that_stays(settings: Any) -> None:
    order, ann = Order.objects.create(number=17), person("ann")
    connection.close()  # Django compares the age only of connections made from now on
    before = connection.settings_dict["CONN_MAX_AGE"]
    connection.settings_dict["CONN_MAX_AGE"] = None
    used: list[int] = []

    async def view(request: Any, note: str) -> HttpResponse:
        created = await OrderShipped(order=order, note=note).anotify(ann)
        used.append(await sync_to_async(lambda: id(connection.connection))())
        return HttpResponse(str(created))

    urls = ModuleType("urls_of_test")
    vars(urls)["urlpatterns"] = [path("<note>/", view)]
    settings.ROOT_URLCONF = urls

    async def main() -> list[str]:
        answers = []
        for note in ("one", "two", "three"):
            response = await AsyncClient().get(f"/{note}/")
            answers.append(response.content.decode())
            await sync_to_async(close_old_connections)()  # as a server does
        return answers

    try:
        assert async_to_sync(main)() == ["1", "1", "1"]
    finally:
        connection.settings_dict["CONN_MAX_AGE"] = before
    assert len(set(used)) == 1
    assert Notification.objects.count() == 3


def test_users_are_in_memory_for_one_batch_at_a_time(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create, "BATCH_SIZE", 3)
    for number in range(8):
        person(f"u{number}")
    alive: list[int] = []

    class Counting(OrderShipped):
        key = "shop.Counting"

        def should_send(self, user: User) -> bool:
            known.add(user)
            gc.collect()
            alive.append(len(known))
            return True

    known: weakref.WeakSet[User] = weakref.WeakSet()
    gc.freeze()  # what was there before is not gone through for each user
    try:
        with known_types(Counting):
            assert Counting(order=order).notify(User.objects.all()) == 8
    finally:
        gc.unfreeze()
    assert max(alive) <= 6  # the batch before, while the next is read


@override_settings(NOTIFICATION_SYSTEM={"USER_LANGUAGE": "last_name"})
def test_a_batch_takes_as_many_queries_as_with_notify_and_a_title_a_language(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create, "BATCH_SIZE", 10)
    for number in range(50):
        language = ("de", "en", "fr", "es", "it")[number % 5]
        person(f"u{number}", "email", "expo", language=language)
    rendered: list[str] = []
    render_title = texts.render_title

    def counted(message: Any, language: str) -> str:
        rendered.append(language)
        return render_title(message, language)

    monkeypatch.setattr(
        "django_notification_system.notification_creators.typed_content.render_title", counted
    )

    def queries(call: Callable[[], Any]) -> int:
        with CaptureQueriesContext(connection) as captured:
            call()
        return len(captured)

    def for_each_batch(call: Callable[[Any, str], Any]) -> float:
        call(users[:10], "warm")
        one = queries(lambda: call(users[:10], "one"))
        return (queries(lambda: call(users, "five")) - one) / 4

    users = User.objects.order_by("pk")
    plain = for_each_batch(
        lambda some, title: notify(some, title, "Body", target=["Email", "Expo"], category=ORDERS)
    )
    for cls in (OrderShipped, Choosy):
        rendered.clear()

        def send(some: Any, note: str, cls: type[OrderShipped] = cls) -> Any:
            return cls(order=order, note=note).notify(some)

        assert for_each_batch(send) == plain
        # Three calls; the first two have users of all languages, too.
        assert sorted(rendered) == sorted(3 * ["de", "en", "es", "fr", "it"])
