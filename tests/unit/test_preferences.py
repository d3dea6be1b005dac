"""Preferences: a person's word, its log, and the notifications that wait."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from django_notification_system.categories import Category, known_categories
from django_notification_system.exceptions import InvalidPreference
from django_notification_system.models import (
    ConsentLog,
    Notification,
    NotificationOptOut,
    NotificationTarget,
    Preference,
    TargetUserRecord,
)
from django_notification_system.preferences import allows, effective, set_preference
from django_notification_system.signals import preference_changed
from tests.conftest import MakeDue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("without_inbox")]

NEWS = Category("news", label="Our newsletter", targets=("email",))
ORDERS = Category("orders", label="Your orders", opt_in=("twilio_sms",))
CLUB = Category("club", label="The club", opt_in=True, confirm=True)
SECURITY = Category("security", label="Security", mandatory=True)


@pytest.fixture(autouse=True)
def categories() -> Iterator[None]:
    with known_categories(NEWS, ORDERS, CLUB, SECURITY):
        yield


def no(user: Any, category: Any = "", target_key: Any = "", **options: Any) -> str:
    return set_preference(user, category, target_key, wanted=False, how="code", **options)


def yes(user: Any, category: Any = "", target_key: Any = "", **options: Any) -> str:
    return set_preference(user, category, target_key, **{"wanted": True, "how": "code", **options})


class Waiting:
    """Makes a notification of each kind, and tells what has become of each."""

    def __init__(self, records: dict[str, TargetUserRecord], make_due: MakeDue) -> None:
        later = timezone.now() + timedelta(hours=1)
        now = timezone.now()
        kinds: dict[str, tuple[str, dict[str, Any]]] = {
            "news": ("Email", {"category": "news", "scheduled_delivery": later}),
            "news due": ("Email", {"category": "news"}),
            "news by push": ("Expo", {"category": "news", "scheduled_delivery": later}),
            "news again": (
                "Email",
                {
                    "category": "news",
                    "scheduled_delivery": later,
                    "status": "RETRY",
                    "attempted_delivery": now,
                },
            ),
            "orders": ("Email", {"category": "orders", "scheduled_delivery": later}),
            "security": ("Email", {"category": "security", "scheduled_delivery": later}),
            "plain": ("Email", {"scheduled_delivery": later}),
        }
        self.made = {
            title: make_due(records[name], title=title, **fields).pk
            for title, (name, fields) in kinds.items()
        }

    def stopped(self) -> set[str]:
        rows = dict(Notification.objects.values_list("pk", "status"))
        return {title for title, pk in self.made.items() if rows[pk] == "OPTED OUT"}


@pytest.fixture
def waiting(records: dict[str, TargetUserRecord], make_due: MakeDue) -> Waiting:
    return Waiting(records, make_due)


def test_nothing_is_stored_until_somebody_decides(user: Any) -> None:
    assert allows(user, "news", "email")
    assert not allows(user, "news", "expo")
    assert allows(user, ORDERS, "expo")
    assert not allows(user, "orders", "twilio_sms")
    assert not Preference.objects.exists()


def test_a_no_counts_and_a_yes_after_it(user: Any) -> None:
    assert no(user, "news", "email") == "no"
    assert not allows(user, "news", "email")
    assert yes(user, "news", "email") == "yes"
    assert allows(user, "news", "email")
    [row] = Preference.objects.all()
    assert (row.category, row.target_key, row.state) == ("news", "email", "yes")


def test_a_target_is_named_by_itself_or_its_key(user: Any) -> None:
    target = NotificationTarget.objects.get(name="Twilio")
    yes(user, "orders", target)
    assert Preference.objects.get().target_key == "twilio_sms"
    assert allows(user, "orders", target)
    assert allows(user, "orders", "twilio_sms")


def test_a_target_that_only_a_category_names_is_known(user: Any) -> None:
    with known_categories(Category("news", label="", targets=("inbox",))):
        assert allows(user, "news", "inbox")


def test_effective_says_what_holds_and_why(user: Any) -> None:
    no(user, "orders", "email")
    no(user, "", "expo")
    assert effective(user) == {
        "news": {
            "email": "",
            "expo": "opted out of expo",
            "twilio_sms": "not agreed to news by twilio_sms",
        },
        "orders": {
            "email": "opted out of orders by email",
            "expo": "opted out of expo",
            "twilio_sms": "not agreed to orders by twilio_sms",
        },
        "club": {
            "email": "not agreed to club by email",
            "expo": "opted out of expo",
            "twilio_sms": "not agreed to club by twilio_sms",
        },
        "security": {"email": "", "expo": "", "twilio_sms": ""},
    }


def test_the_word_on_everything_is_the_opt_out(user: Any, waiting: Waiting) -> None:
    assert no(user) == "no"
    assert NotificationOptOut.objects.get().active
    assert not Preference.objects.exists()
    assert not allows(user, "news", "email")
    assert allows(user, "security", "email")
    assert "security" not in waiting.stopped()
    assert {"plain", "news", "orders"} <= waiting.stopped()
    assert yes(user) == "yes"
    assert not NotificationOptOut.objects.get().active
    # News by push need a yes of their own.
    assert waiting.stopped() == {"news due", "news by push"}
    entries = ConsentLog.objects.values_list("category", "target_key", "before", "after")
    assert list(entries.order_by("id")) == [("", "", "", "no"), ("", "", "no", "yes")]


def test_a_yes_to_everything_makes_no_opt_out(user: Any) -> None:
    assert yes(user) == "yes"
    assert not NotificationOptOut.objects.exists()
    assert not ConsentLog.objects.exists()  # nothing has changed


def test_the_database_keeps_the_word_on_everything_out(user: Any) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Preference.objects.create(user=user, state="no")


def test_a_no_stops_what_waits_of_the_category(user: Any, waiting: Waiting) -> None:
    no(user, "news")
    assert waiting.stopped() == {"news", "news due", "news by push", "news again"}
    row = Notification.objects.get(title="news")
    assert row.response == "Not sent: the user has opted out of news."


def test_a_no_in_one_target_stops_nothing_in_another(user: Any, waiting: Waiting) -> None:
    no(user, "news", "email")
    assert waiting.stopped() == {"news", "news due", "news again"}
    row = Notification.objects.get(title="news")
    assert row.response == "Not sent: the user has opted out of news by email."


def test_a_no_to_a_target_spares_mandatory_and_plain_messages(user: Any, waiting: Waiting) -> None:
    no(user, "", "email")
    assert waiting.stopped() == {"news", "news due", "news again", "orders"}


def test_a_no_stops_nobody_elses(user: Any, waiting: Waiting, django_user_model: Any) -> None:
    no(django_user_model.objects.create_user("ham"), "news")
    assert waiting.stopped() == set()


def test_a_yes_restores_what_is_not_due_yet(user: Any, waiting: Waiting) -> None:
    no(user, "news")
    yes(user, "news")
    assert waiting.stopped() == {"news due"}
    assert Notification.objects.get(title="news again").status == "RETRY"
    assert Notification.objects.get(title="news").status == "SCHEDULED"


def test_a_yes_restores_nothing_that_another_no_forbids(user: Any, waiting: Waiting) -> None:
    no(user, "news")
    no(user, "news", "email")
    yes(user, "news")
    assert waiting.stopped() == {"news", "news due", "news again"}


def test_a_yes_restores_nothing_for_an_inactive_record(
    user: Any, waiting: Waiting, records: dict[str, TargetUserRecord]
) -> None:
    no(user, "news")
    TargetUserRecord.objects.filter(pk=records["Email"].pk).update(active=False)
    yes(user, "news")
    assert waiting.stopped() == {"news", "news due", "news again"}


def test_a_confirmed_category_counts_a_yes_from_the_link_on(user: Any) -> None:
    assert yes(user, "club", "email", how="page") == "pending"
    assert not allows(user, "club", "email")
    assert yes(user, "club", "email", how="link") == "yes"
    assert allows(user, "club", "email")
    states = ConsentLog.objects.order_by("id").values_list("before", "after", "how")
    assert list(states) == [("", "pending", "page"), ("pending", "yes", "link")]


def test_a_confirmed_yes_stays_confirmed(user: Any) -> None:
    yes(user, "club", "email", how="link")
    assert yes(user, "club", "email", how="page") == "yes"
    assert allows(user, "club", "email")
    assert ConsentLog.objects.count() == 1


def test_the_log_says_who_when_how_and_to_what(user: Any, django_user_model: Any) -> None:
    clerk = django_user_model.objects.create_user("clerk")
    before = timezone.now()
    set_preference(user, "news", "email", wanted=False, how="admin", by=clerk)
    [entry] = ConsentLog.objects.all()
    assert (entry.user, entry.by, entry.how) == (user, clerk, "admin")
    assert (entry.category, entry.target_key) == ("news", "email")
    assert (entry.before, entry.after, entry.wording) == ("", "no", "Our newsletter")
    assert before <= entry.at <= timezone.now()


def test_a_word_that_changes_nothing_is_not_logged(user: Any) -> None:
    no(user, "news")
    changed = Preference.objects.get().changed_date
    no(user, "news")
    assert ConsentLog.objects.count() == 1
    assert Preference.objects.get().changed_date == changed


@pytest.mark.parametrize(
    ("keeps", "wanted", "kept"),
    [(False, True, None), (True, True, "192.0.2.1"), (True, False, None)],
)
def test_an_ip_is_kept_for_a_yes_alone_and_on_request(
    user: Any, settings: Any, keeps: bool, wanted: bool, kept: str | None
) -> None:
    settings.NOTIFICATION_SYSTEM = {"KEEP_IP": keeps}
    set_preference(user, "news", wanted=wanted, how="page", ip="192.0.2.1")
    assert ConsentLog.objects.get().ip == kept


def test_a_server_that_knows_no_ip_does_no_harm(user: Any, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"KEEP_IP": True}
    yes(user, "news", ip="")
    assert ConsentLog.objects.get().ip is None
    with pytest.raises(InvalidPreference, match="ip is 'unix:', which is no IP address"):
        yes(user, "orders", ip="unix:")


def test_the_log_is_append_only(user: Any) -> None:
    no(user, "news")
    entry = ConsentLog.objects.get()
    for change in (
        entry.save,
        entry.delete,
        ConsentLog.objects.all().delete,
        lambda: ConsentLog.objects.update(after="yes"),
        lambda: ConsentLog.objects.bulk_update([entry], ["after"]),
    ):
        with pytest.raises(TypeError, match="append-only"):
            change()
    assert ConsentLog._meta.default_permissions == ("view",)
    assert ConsentLog.objects.get().after == "no"


def test_the_log_outlives_the_user(user: Any) -> None:
    no(user, "news")
    user.delete()
    assert not Preference.objects.exists()
    assert ConsentLog.objects.get().user is None


@pytest.mark.parametrize("deletes", ["user", "queryset"])
def test_the_ip_address_goes_with_the_user(
    user: Any, django_user_model: Any, settings: Any, deletes: str
) -> None:
    settings.NOTIFICATION_SYSTEM = {"KEEP_IP": True}
    other = django_user_model.objects.create_user("ham")
    for person in (user, other):
        yes(person, "news", how="page", ip="192.0.2.1")
    set_preference(other, "orders", wanted=True, how="admin", by=user, ip="192.0.2.2")
    if deletes == "user":
        user.delete()
    else:
        django_user_model.objects.filter(pk=user.pk).delete()
    rows = ConsentLog.objects.order_by("id").values_list("user", "by", "ip")
    assert list(rows) == [
        (None, None, None),
        (other.pk, None, "192.0.2.1"),
        (other.pk, None, "192.0.2.2"),
    ]


def test_the_signal_comes_after_the_commit(
    user: Any, django_capture_on_commit_callbacks: Any
) -> None:
    heard: list[dict[str, Any]] = []

    def receive(**details: Any) -> None:
        heard.append(details)

    preference_changed.connect(receive)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            no(user, "news", "email")
            no(user, "news", "email")
            assert heard == []
    finally:
        preference_changed.disconnect(receive)
    [details] = heard
    assert details["sender"] is Preference
    assert {name: details[name] for name in ("user", "category", "target_key")} == {
        "user": user,
        "category": "news",
        "target_key": "email",
    }
    assert (details["before"], details["after"], details["how"]) == ("", "no", "code")


@pytest.mark.parametrize(
    ("arguments", "options", "argument", "complaint"),
    [
        (("nwes",), {}, "category", "'nwes', and there is no such category. Known are: club"),
        ((7,), {}, "category", "category is 7"),
        (("security",), {}, "category", "'security' is mandatory"),
        (("news", "Email"), {}, "target", "'Email', and no target has this key"),
        (("news", None), {}, "target", "target is None"),
        (("news",), {"how": "magic"}, "how", "'magic', which is no way. Known are: one-click"),
        (("news",), {"wanted": "yes"}, "wanted", "wanted must be True or False"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(
    user: Any, arguments: Any, options: Any, argument: str, complaint: str
) -> None:
    with pytest.raises(InvalidPreference, match=complaint) as raised:
        set_preference(user, *arguments, **{"wanted": True, "how": "code", **options})
    assert raised.value.argument == argument
    assert not ConsentLog.objects.exists()


@pytest.mark.parametrize("nobody", [None, NotificationTarget()])
def test_nobody_has_no_preferences(nobody: Any) -> None:
    nobody = None if nobody is None else type("User", (), {"pk": None})()
    with pytest.raises(InvalidPreference, match="must be a saved user"):
        no(nobody, "news")


def test_questions_refuse_what_is_not_known(user: Any) -> None:
    with pytest.raises(InvalidPreference, match="no such category"):
        allows(user, "nwes", "email")
    with pytest.raises(InvalidPreference, match="Known are the keys email, expo, twilio_sms"):
        allows(user, "news", "Email")


# --- Many at once ---------------------------------------------------------------------------


def test_many_are_set_and_logged_at_once(user: Any, django_user_model: Any) -> None:
    other = django_user_model.objects.create_user("ham")
    no(user, "news")
    rows = [
        Preference(user=user, category="news", state="no"),
        Preference(user=user, category="orders", target_key="email", state="yes"),
        Preference(user=other, category="news", state="yes"),
        Preference(user=other, category="news", state="no"),  # the last word counts
    ]
    assert Preference.objects.bulk_set(iter(rows), how="import") == 2
    stored = Preference.objects.values_list("user", "category", "target_key", "state")
    assert set(stored) == {
        (user.pk, "news", "", "no"),
        (user.pk, "orders", "email", "yes"),
        (other.pk, "news", "", "no"),
    }
    logged = ConsentLog.objects.filter(how="import").values_list("user", "before", "after")
    assert set(logged) == {(user.pk, "", "yes"), (other.pk, "", "no")}
    assert Preference.objects.bulk_set(rows[:2], how="import") == 0


def test_an_old_word_is_replaced_in_bulk(user: Any) -> None:
    no(user, "news")
    [row] = Preference.objects.all()
    changed = Preference.objects.bulk_set(
        [Preference(user=user, category="news", state="yes")], how="import"
    )
    assert changed == 1
    now = Preference.objects.get()
    assert (now.pk, now.state) == (row.pk, "yes")
    assert now.changed_date > row.changed_date
    assert ConsentLog.objects.get(how="import").before == "no"


def test_bulk_set_takes_few_queries(
    django_user_model: Any, django_assert_max_num_queries: Any
) -> None:
    users = django_user_model.objects.bulk_create(
        django_user_model(username=f"user-{number}") for number in range(4500)
    )
    rows = (Preference(user=user, category="news", state="no") for user in users)
    with django_assert_max_num_queries(100):  # SQLite takes some hundred rows in a statement
        assert Preference.objects.bulk_set(rows, how="import") == 4500
    assert ConsentLog.objects.count() == 4500


def test_bulk_set_refuses_an_unknown_way(user: Any) -> None:
    with pytest.raises(ValueError, match="magic"):
        Preference.objects.bulk_set([Preference(user=user, category="news")], how="magic")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"category": "nwes"}, "there is no such category"),
        ({"category": "News"}, "there is no such category"),
        ({"category": "news", "target_key": "Email"}, "target_key is 'Email', and no target has"),
        ({"category": "news", "state": "No"}, "state is 'No'. Known are: yes, no, pending"),
        ({"category": "news", "state": ""}, "state is ''"),
        ({"category": "security"}, "is mandatory"),
        ({"category": ""}, "NotificationOptOut"),
    ],
)
def test_bulk_set_refuses_a_word_that_would_never_count(
    values: dict[str, str], said: str, user: Any
) -> None:
    """A typo in a list of people who said no would write to them."""
    good = Preference(user=user, category="orders", state="no")
    with pytest.raises(InvalidPreference) as error:
        Preference.objects.bulk_set(
            [good, Preference(**{"user": user, "state": "no", **values})], how="import"
        )
    assert str(error.value).startswith("preferences[1]")
    assert said in str(error.value)
    assert not Preference.objects.exists()
