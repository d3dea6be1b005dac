"""``notify()`` writes into the inbox: events, items, wishes, fallbacks, and refusals."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system import on_site
from django_notification_system.categories import Category, known_categories
from django_notification_system.contrib.inbox.models import InboxEvent, InboxItem
from django_notification_system.contrib.inbox.signals import inbox_added
from django_notification_system.exceptions import InvalidNotification, UserIsOptedOut
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_creators import create
from django_notification_system.notification_creators import notify as notifying
from django_notification_system.notification_creators.notify_addresses import notify_addresses
from django_notification_system.on_site import Fallback
from django_notification_system.preferences.change import set_preference
from django_notification_system.preferences.forms import PreferencesForm
from django_notification_system.preferences.owners import UserOwner
from django_notification_system.preferences.questions import effective
from django_notification_system.types import NotificationType, known_types

pytestmark = pytest.mark.django_db
TOMORROW = timezone.now() + timedelta(days=1)
TEN_MINUTES = timedelta(minutes=10)
LOADER = (
    "django.template.loaders.locmem.Loader",
    {
        "shipped/title.txt": "{% load i18n %}{% get_current_language as code %}"
        "Order {{ number }} ({{ code }})",
        "shipped/text.txt": "On its way",
    },
)


def notify(users: Any, title: str, body: str = "lorem ipsum", **arguments: Any) -> Any:
    """Call the real one with a body, which an email needs."""
    return notifying.notify(users, title, body, **arguments)


@pytest.fixture
def others(django_user_model: Any) -> Any:
    """Four more users."""
    names = ["ann", "ben", "cem", "dora"]
    django_user_model.objects.bulk_create(django_user_model(username=name) for name in names)
    return django_user_model.objects.filter(username__in=names).order_by("pk")


def test_one_event_and_an_item_for_each_user(user: Any, others: Any) -> None:
    created = notify(
        others,
        "Order 17 is on its way",
        "Three parcels",
        target="inbox",
        extra={"url": "/orders/17/", "level": "success", "verb": "sent", "data": {"parcels": 3}},
        actor=user,
        about=others[0],
    )
    assert (created, created.items, created.keys) == (4, 4, ())
    event = InboxEvent.objects.get()
    assert (event.title, event.body, event.level) == (
        "Order 17 is on its way",
        "Three parcels",
        "success",
    )
    assert (event.url, event.verb, event.data) == ("/orders/17/", "sent", {"parcels": 3})
    assert (event.actor, event.about, event.action_object) == (user, others[0], None)
    assert [item.user_id for item in event.items.order_by("pk")] == [each.pk for each in others]
    assert InboxItem.objects.unread_count(others[3]) == 1
    assert not Notification.objects.exists()


def test_other_targets_get_their_notifications_too(user: Any, email: TargetUserRecord) -> None:
    created = notify(user, "Milk is out", target=["inbox", "Email"], extra={"url": "/milk/"})
    assert (created, created.items) == (2, 1)
    notification = Notification.objects.get()
    assert created.keys == (notification.pk,)
    assert notification.extra == {"url": "/milk/"}
    assert InboxItem.objects.of(user).newest()[0].event.url == "/milk/"


def test_without_naming_the_inbox_nothing_is_written_there(
    user: Any, email: TargetUserRecord
) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert notify(user, "Milk is out") == 3
    assert not any("inbox" in query["sql"] for query in queries)


def test_an_items_time_is_the_notifications(user: Any) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    notify(
        user,
        "Sale",
        target="inbox",
        scheduled_delivery=tomorrow,
        expires_at=tomorrow + timedelta(days=1),
    )
    item = InboxItem.objects.get()
    assert (item.visible_from, item.expires_at) == (tomorrow, tomorrow + timedelta(days=1))
    assert InboxItem.objects.unread_count(user) == 0


def test_an_occasion_is_told_once_and_others_may_join(user: Any, others: Any) -> None:
    def tell(users: Any, title: str = "Sale") -> Any:
        return notify(users, title, target="inbox", idempotency_key="sale")

    assert tell([user, others[0]]) == 2
    assert tell([user, others[0]], "Another title") == 0
    assert tell([user, others[1]], "Another title") == 1
    event = InboxEvent.objects.get()
    assert (event.title, event.items.count()) == ("Sale", 3)


def test_calls_without_a_key_tell_two_events(user: Any) -> None:
    assert notify(user, "Milk is out", target="inbox") == 1
    assert notify(user, "Milk is out", target="inbox") == 1
    assert InboxEvent.objects.count() == 2


def test_somebody_named_twice_has_one_item(
    user: Any, others: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create, "BATCH_SIZE", 2)
    ann, ben = others[:2]
    assert notify([ann, ben, user, ann, ann, user], "Sale", target="inbox") == 3
    assert InboxEvent.objects.count() == 1
    assert InboxItem.objects.count() == 3


def test_a_batch_is_one_more_insert(
    others: Any, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    def inserts() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            notify(others, "Sale", target="inbox")
        return [query["sql"] for query in queries if query["sql"].startswith("INSERT")]

    assert len(inserts()) == 2  # the event and the items
    monkeypatch.setattr(create, "BATCH_SIZE", 2)
    assert len(inserts()) == 3


def test_a_rolled_back_call_leaves_and_tells_nothing(
    user: Any, django_capture_on_commit_callbacks: Any
) -> None:
    heard: list[Any] = []

    def receiver(**said: Any) -> None:
        heard.append((said["event"].title, said["user_ids"], said["using"]))

    inbox_added.connect(receiver, sender=InboxItem)
    try:
        with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
            notify(user, "Never", target="inbox")
            transaction.set_rollback(True)
        assert not InboxEvent.objects.exists()
        with django_capture_on_commit_callbacks(execute=True):
            notify(user, "Milk is out", target="inbox", idempotency_key="milk")
            assert heard == []
            notify(user, "Again", target="inbox", idempotency_key="milk")
    finally:
        inbox_added.disconnect(receiver, sender=InboxItem)
    assert heard == [("Milk is out", [user.pk], "default")]


def test_nobody_who_opted_out_gets_an_item(user: Any, others: Any) -> None:
    NotificationOptOut.objects.create(user=user, active=True)
    assert notify([user, others[0]], "Sale", target="inbox") == 1
    with pytest.raises(UserIsOptedOut, match="opted out"):
        notify(user, "Sale", target="inbox")
    assert notify(user, "Sale", target="inbox", quiet=True) == 0


def test_a_word_on_the_inbox_is_heeded(user: Any, email: TargetUserRecord) -> None:
    with known_categories(
        Category("news", label="News"),
        Category("security", label="Security", mandatory=True),
        Category("letters", label="Letters", targets=("email",)),
    ):
        set_preference(user, "news", "inbox", wanted=False, how="code")
        with pytest.raises(UserIsOptedOut, match="opted out of news by inbox"):
            notify(user, "News", target="inbox", category="news")
        both = notify(user, "News", target=["inbox", "Email"], category="news")
        assert (both, both.items) == (1, 0)
        with pytest.raises(UserIsOptedOut, match="not agreed to letters by inbox"):
            notify(user, "A letter", target="inbox", category="letters")
        set_preference(user, "letters", "inbox", wanted=True, how="code")
        assert notify(user, "A letter", target="inbox", category="letters") == 1
        NotificationOptOut.objects.create(user=user, active=True)
        assert notify(user, "New password", target="inbox", category="security") == 1
    assert list(InboxEvent.objects.order_by("pk").values_list("category", flat=True)) == [
        "letters",
        "security",
    ]


def test_a_user_who_is_gone_has_no_inbox(user: Any, django_user_model: Any) -> None:
    gone = django_user_model.objects.create_user(username="gone")
    copy = django_user_model.objects.get(pk=gone.pk)
    gone.delete()
    assert notify([user, copy], "Sale", target="inbox") == 1


def test_html_becomes_text(user: Any) -> None:
    notify(user, "Sale", "<p>Eggs &amp; <b>ham</b></p>", target="inbox")
    notify(user, "Sums", "1 < 2 & 3 > 2", target="inbox")
    bodies = InboxEvent.objects.order_by("pk").values_list("body", flat=True)
    assert [body.strip() for body in bodies] == ["Eggs & ham", "1 < 2 & 3 > 2"]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "//evil.example/",
        "/\\evil.example/",
        "/\t/evil.example/",
        "\\\\evil.example",
        "http:evil",
        "https://",
        "https://[",
        "data:text/html,x",
        "orders/17/",
        "ftp://example.com/",
        "/a b",
        "/" + "x" * 500,
        7,
    ],
)
def test_an_address_that_a_page_must_not_link_to_is_refused(user: Any, url: Any) -> None:
    with pytest.raises(InvalidNotification, match=r"extra\['url'\]") as caught:
        notify(user, "Sale", target="inbox", extra={"url": url})
    assert caught.value.argument == "extra"
    assert not InboxEvent.objects.exists()


@pytest.mark.parametrize("url", ["/", "/a?b=c#d", "https://example.com/ä", "http://[::1]:8000/x"])
def test_an_address_may_be_a_path_or_a_web_address(user: Any, url: str) -> None:
    notify(user, "Sale", target="inbox", extra={"url": url})
    assert InboxEvent.objects.get().url == url


@pytest.mark.parametrize(
    ("arguments", "argument", "said"),
    [
        ({"title": "x" * 201}, "title", "title has 201 characters; at most 200"),
        ({"title": "x" * 101, "target": ["inbox", "Email"]}, "title", "at most 100"),
        ({"extra": {"level": "loud"}}, "extra", "one of: success, info, warning, error"),
        ({"extra": {"level": ["info"]}}, "extra", r"extra\['level'\]"),
        ({"extra": {"verb": "v" * 256}}, "extra", r"extra\['verb'\] has 256 characters"),
        ({"extra": {"data": [1]}}, "extra", r"extra\['data'\] must be a dict"),
        ({"actor": "Ann"}, "actor", "actor must be an instance of a model, not str"),
        ({"about": NotificationOptOut()}, "about", "no such thing"),
        ({"action_object": NotificationTarget(pk=None)}, "action_object", "unsaved"),
        ({"target": "Email", "actor": NotificationTarget()}, "actor", "no inbox is among"),
        ({"target": []}, "target", "target is empty"),
        ({"target": Fallback("Email", after=TEN_MINUTES)}, "target", "nothing can be read first"),
        ({"target": ["inbox", Fallback("Fax", after=TEN_MINUTES)]}, "target", "no target 'Fax'"),
        (
            {"target": ["inbox", "Email", Fallback("email", after=TEN_MINUTES)]},
            "target",
            "names 'Email' twice",
        ),
        (
            {
                "target": ["inbox", Fallback("Email", after=TEN_MINUTES)],
                "scheduled_delivery": TOMORROW,
                "expires_at": TOMORROW + timedelta(minutes=9),
            },
            "target",
            "could never be sent",
        ),
        (
            {"target": ["inbox", Fallback("Email", after=TEN_MINUTES)], "extra": {"event": "Gala"}},
            "extra",
            "a Fallback needs this name",
        ),
    ],
)
def test_what_the_inbox_cannot_show_is_refused(
    user: Any, email: Any, arguments: dict[str, Any], argument: str, said: str
) -> None:
    if said == "no such thing":  # a key of its own, without a row: kept by its key all the same
        assert notify(user, "Sale", target="inbox", **arguments) == 1
        return
    with pytest.raises(InvalidNotification, match=said) as caught:
        notify(user, **{"title": "Sale", "target": "inbox", **arguments})
    assert caught.value.argument == argument
    assert not InboxEvent.objects.exists()
    assert not Notification.objects.exists()


@pytest.mark.parametrize("after", [timedelta(0), timedelta(minutes=-1), 600, None])
def test_a_fallback_waits(after: Any) -> None:
    with pytest.raises(InvalidNotification, match="after must be a positive timedelta"):
        Fallback("Email", after=after)


def test_a_fallback_to_the_inbox_has_no_meaning() -> None:
    with pytest.raises(InvalidNotification, match="Name another target"):
        Fallback("inbox", after=TEN_MINUTES)


def test_a_fallback_is_due_later_and_knows_its_event(user: Any, records: Any) -> None:
    before = timezone.now()
    created = notify(
        user,
        "Order 17",
        target=["inbox", "Expo", Fallback("Email", after=TEN_MINUTES)],
        extra={"url": "/orders/17/"},
    )
    assert (created, created.items) == (3, 1)
    now, later = Notification.objects.order_by("scheduled_delivery")
    event = InboxEvent.objects.get()
    assert now.extra == {"url": "/orders/17/"}
    assert later.extra == {"url": "/orders/17/", "event": str(event.pk), "unless": "read"}
    assert later.scheduled_delivery >= before + TEN_MINUTES
    assert later.target_user_record.target.name == "Email"


def test_a_fallback_of_an_occasion_is_made_once(user: Any, email: Any) -> None:
    def tell() -> Any:
        target = ["inbox", Fallback("Email", after=TEN_MINUTES)]
        return notify(user, "Order 17", target=target, idempotency_key="order-17")

    assert (tell(), tell()) == (2, 0)
    assert Notification.objects.get().extra["event"] == str(InboxEvent.objects.get().pk)


def test_without_the_app_the_inbox_is_a_clear_error(
    user: Any, email: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_site, "_inbox", None)
    for target in ("inbox", ["Inbox", "Email"], Fallback("Email", after=TEN_MINUTES)):
        said = r"add '.+inbox' to INSTALLED_APPS"
        with pytest.raises(InvalidNotification, match=said) as caught:
            notify(user, "Sale", target=target)
        assert caught.value.argument == "target"
    assert not Notification.objects.exists()


def test_a_target_of_that_name_serves_without_the_app_and_not_beside_the_app(
    user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = NotificationTarget.objects.create(name="Inbox", notification_module_name="email")
    TargetUserRecord.objects.create(user=user, target=target, target_user_id="e@example.com")
    with pytest.raises(InvalidNotification, match="has a target 'Inbox'"):
        notify(user, "Sale", target="inbox")
    assert notify(user, "Sale", target=target) == 1
    monkeypatch.setattr(on_site, "_inbox", None)
    assert notify(user, "Sale 2", target="inbox") == 1
    assert not InboxItem.objects.exists()


@pytest.mark.parametrize("target", ["inbox", Fallback("Email", after=TEN_MINUTES)])
def test_an_address_has_no_inbox(target: Any) -> None:
    with pytest.raises(InvalidNotification, match="has no inbox"):
        notify_addresses("a@example.com", "Sale", target=target)


def test_the_key_of_an_event_is_made_of_the_occasions_key(user: Any) -> None:
    notify(user, "Sale", target="inbox", idempotency_key="sale")
    # Kept for ever: another key would tell an old occasion again.
    assert InboxEvent.objects.get().pk == uuid.UUID("af46d100-c175-5c43-8d79-21d19732ebed")


def test_the_inbox_is_a_target_of_the_preferences(user: Any) -> None:
    with known_categories(Category("news", label="News")):
        form = PreferencesForm(UserOwner(user, how="page"))
        assert form["news:inbox"].label == "Inbox"
        set_preference(user, "news", "inbox", wanted=False, how="code")
        assert PreferencesForm(UserOwner(user, how="page"))["news:inbox"].initial is False
        assert effective(user)["news"]["inbox"] == "opted out of news by inbox"


def test_further_languages_of_a_batch_cost_no_query(
    settings: Any, user: Any, others: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create, "BATCH_SIZE", 2)
    settings.NOTIFICATION_SYSTEM = {"USER_LANGUAGE": "last_name"}
    settings.TEMPLATES = [
        {**settings.TEMPLATES[0], "APP_DIRS": False, "OPTIONS": {"loaders": [LOADER]}}
    ]
    people = type(user).objects.order_by("pk")
    assert people.count() >= 4

    class Shipped(NotificationType):
        key = "shop.Shipped"
        targets = ("inbox",)
        templates = "shipped"
        number: int

    def queries(number: int, idempotency_key: str | None) -> int:
        with CaptureQueriesContext(connection) as captured:
            count = Shipped(number=number).notify(people, idempotency_key=idempotency_key)
        assert count == people.count()
        return len(captured)

    with known_types(Shipped):
        for key in (None, "one"):
            people.update(last_name="en")
            in_one = queries(1, key)
            for person, language in zip(people, ("de", "en", "fr", "es"), strict=False):
                type(user).objects.filter(pk=person.pk).update(last_name=language)
            # The second batch has languages, and so events, that the first has not.
            assert queries(2, key and "two") <= in_one + 1
    assert InboxEvent.objects.count() == 2 * (1 + 4)


def test_a_types_item_has_the_readers_language(settings: Any, user: Any, others: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"USER_LANGUAGE": "last_name"}
    settings.TEMPLATES = [
        {**settings.TEMPLATES[0], "APP_DIRS": False, "OPTIONS": {"loaders": [LOADER]}}
    ]
    ann, ben = others[:2]
    type(user).objects.filter(pk__in=[user.pk, ann.pk]).update(last_name="de")

    class Shipped(NotificationType):
        key = "shop.Shipped"
        targets = ("inbox",)
        templates = "shipped"
        number: int

        def extra(self, target_key: str) -> dict[str, Any]:
            return {"url": f"/{target_key}/{self.number}/"}

        def should_send(self, user: Any) -> bool:
            return bool(user.username != "ben")

    with known_types(Shipped):
        for count in (2, 0):  # told once
            users = [user, ann, ben]
            created = Shipped(number=17).notify(users, idempotency_key="17", quiet=True)
            assert created == count
        type(user).objects.filter(pk=ann.pk).update(last_name="en")
        assert Shipped(number=17).notify([ann], idempotency_key="17") == 0  # in neither language
        assert Shipped(number=17).notify([others[2]], idempotency_key="17") == 1
    events = {each.title: each for each in InboxEvent.objects.all()}
    assert set(events) == {"Order 17 (de)", "Order 17 (en)"}
    event = events["Order 17 (de)"]
    assert (event.type, event.url, event.data) == (
        "shop.Shipped",
        "/inbox/17/",
        {"params": {"number": 17}},
    )
    assert event.items.count() == 2
