"""Browsers subscribe, renew and end: for the user who is logged in, and to push services alone."""

import json
import re
import socket
import threading
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.db import IntegrityError, connections, transaction
from django.db.models.signals import pre_delete
from django.template import Context, engines
from django.test import Client, RequestFactory, modify_settings, override_settings
from django.utils import timezone, translation

from django_notification_system import notify
from django_notification_system.contrib.webpush.apps import make_target
from django_notification_system.contrib.webpush.browsers import MOST_BROWSERS
from django_notification_system.contrib.webpush.checks import check_urls
from django_notification_system.contrib.webpush.views import subscription
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from django_notification_system.models.locking import share_locked
from django_notification_system.notification_handlers.webpush.vapid import public_key_of
from django_notification_system.testing.push_service import Browser, PushServiceStandIn
from tests.settings import TEST_DATABASE
from tests.support.runs import in_real_transactions
from tests.support.webpush_support import PRIVATE_KEY, SUBJECT, use_push_service

URL = "/push/subscription/"
APP = "django_notification_system.contrib.webpush"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site(settings: Any) -> Any:
    """A site with the app, whose middleware wants a login everywhere."""
    settings.ROOT_URLCONF = "tests.support.urls_webpush"
    settings.NOTIFICATION_SYSTEM_TARGETS = {
        "webpush": {"vapid_private_key": PRIVATE_KEY, "subject": SUBJECT}
    }
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    with modify_settings(INSTALLED_APPS={"append": APP}):
        yield


@pytest.fixture
def client(user: Any) -> Client:
    """Eggs Benedict's browser, logged in, which heeds Django's token."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def ask(client: Client, method: str, said: Any, **headers: str) -> Any:
    token = client.get(URL).json().get("csrf_token", "")
    content = said if isinstance(said, str | bytes) else json.dumps(said)
    return client.generic(
        method, URL, content, "application/json", headers={"X-CSRFToken": token, **headers}
    )


def browsers_of(user: Any) -> dict[str, bool]:
    records = TargetUserRecord.objects.filter(user=user)
    return dict(records.values_list("target_user_id", "active"))


# --- Subscribing ------------------------------------------------------------------------------


def test_a_browser_subscribes_and_gets_a_message(client: Client, user: Any, settings: Any) -> None:
    with PushServiceStandIn() as push_service:
        use_push_service(settings, push_service)
        browser = push_service.subscribe()
        answer = ask(client, "POST", browser.subscription)
        assert (answer.status_code, answer.json()) == (201, {"address": browser.address})
        notify(user, title="Ready", body="Breakfast is ready.", target="Web Push")
        call_command("process_notifications", stdout=StringIO(), stderr=StringIO())
    assert browser.messages == [{"title": "Ready", "body": "Breakfast is ready."}]
    [record] = TargetUserRecord.objects.all()
    assert (record.user, record.active, record.details) == (user, True, browser.details)
    assert record.description == "Browser: updates.push.services.mozilla.com"


def test_a_second_subscription_of_the_browser_renews_the_record(client: Client, user: Any) -> None:
    browser, other = Browser(), Browser()
    ask(client, "POST", browser.subscription)
    again = {**browser.subscription, "keys": other.subscription["keys"]}
    assert ask(client, "POST", again).status_code == 201
    [record] = TargetUserRecord.objects.all()
    assert record.details["keys"] == other.subscription["keys"]


def test_a_shared_browser_belongs_to_who_subscribed_last(
    client: Client, user: Any, django_user_model: Any
) -> None:
    browser, other = Browser(), django_user_model.objects.create_user("other")
    ask(client, "POST", browser.subscription)
    of_other = Client(enforce_csrf_checks=True)
    of_other.force_login(other)
    assert ask(of_other, "POST", browser.subscription).status_code == 201
    assert browsers_of(user) == {browser.address: False}
    assert browsers_of(other) == {browser.address: True}
    assert TargetUserRecord.objects.get(user=user).details is None


def test_a_subscription_takes_few_queries(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    ask(client, "POST", Browser().subscription)
    token = client.get(URL).json()["csrf_token"]
    said = json.dumps(Browser().subscription)
    # The login, the target, the records of the address, one insert, the user's browsers.
    with django_assert_max_num_queries(10):
        client.generic("POST", URL, said, "application/json", headers={"X-CSRFToken": token})


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://169.254.169.254/",
        "https://fcm.googleapis.com.evil.test/",
        "https://fcm.googleapis.com:8443/",
        "http://fcm.googleapis.com/",
        "https://fcm.googleapis.com./",
        "https://user:password@fcm.googleapis.com/",
        "https://fcm.googleapis.com\\@evil.test/",
        "https://evil.test\\.fcm.googleapis.com/",
        "https://fcm\u3002googleapis.com/",
        "https://fcm.g\u043e\u043egleapis.com/",
        "http://127.0.0.1:22/",
        "https://[::1]/",
        None,
        17,
    ],
)
def test_no_other_address_is_taken(client: Client, endpoint: Any) -> None:
    answer = ask(client, "POST", {**Browser().subscription, "endpoint": endpoint})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("The subscription cannot be used: the endpoint")
    assert not TargetUserRecord.objects.exists()


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("", 400),
        ("no JSON", 400),
        ("[]", 400),
        ("null", 400),
        ("{}", 400),
        (b"\xff\xfe", 400),
        ("[" * 5000, 400),
        ('{"endpoint": "' + "a" * 9000 + '"}', 413),
        ({**Browser().subscription, "keys": None}, 400),
        ({**Browser().subscription, "keys": {"p256dh": "AAAA", "auth": "AAAA"}}, 400),
        ({**Browser().subscription, "replaces": 17}, 400),
        ({**Browser().subscription, "replaces": "a\x00b"}, 400),
        ({**Browser().subscription, "replaces": "sha256:" + "\ud800" * 43}, 404),
    ],
)
@pytest.mark.usefixtures("without_collection")
def test_odd_requests_are_refused_with_a_reason(client: Client, said: Any, status: int) -> None:
    answer = ask(client, "POST", said)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert not TargetUserRecord.objects.exists()


def test_a_length_that_is_no_number_is_refused(user: Any) -> None:
    request = RequestFactory().post(URL, b"{}", content_type="application/json")
    request.META["CONTENT_LENGTH"] = "9" * 5000  # Python reads no number of so many digits
    request.user = user
    request._dont_enforce_csrf_checks = True
    assert subscription(request).status_code == 413


def test_nothing_private_is_told_back(client: Client) -> None:
    browser = Browser()
    wrong = {**browser.subscription, "keys": {**browser.subscription["keys"], "auth": "planted"}}
    for said in (browser.subscription, wrong):
        content = ask(client, "POST", said).content.decode()
        for secret in (browser.endpoint, *browser.subscription["keys"].values(), "planted"):
            assert secret not in content


def test_a_user_has_twenty_browsers_and_the_newest_stay(client: Client, user: Any) -> None:
    browsers = [Browser() for _ in range(MOST_BROWSERS + 3)]
    for browser in browsers:
        assert ask(client, "POST", browser.subscription).status_code == 201
    active = [address for address, is_active in browsers_of(user).items() if is_active]
    assert sorted(active) == sorted(each.address for each in browsers[3:])
    assert TargetUserRecord.objects.count() == MOST_BROWSERS


def test_a_browser_with_a_history_is_kept_switched_off(client: Client, user: Any) -> None:
    first = Browser()
    ask(client, "POST", first.subscription)
    notify(user, title="Ready", body="Breakfast is ready.", target="Web Push")
    for _ in range(MOST_BROWSERS):
        ask(client, "POST", Browser().subscription)
    assert browsers_of(user)[first.address] is False
    assert Notification.objects.count() == 1


def test_a_browser_that_another_row_refers_to_by_now_stays(client: Client, user: Any) -> None:
    def refuse(**arguments: Any) -> None:
        raise IntegrityError("violates foreign key constraint")

    browsers = [Browser() for _ in range(MOST_BROWSERS + 1)]
    pre_delete.connect(refuse, sender=TargetUserRecord)
    try:
        answers = [ask(client, "POST", browser.subscription) for browser in browsers]
    finally:
        pre_delete.disconnect(refuse, sender=TargetUserRecord)
    assert [answer.status_code for answer in answers] == [201] * len(browsers)
    assert browsers_of(user)[browsers[0].address] is False


@in_real_transactions
@pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="SQLite has one writer at a time")
def test_a_browser_is_kept_to_which_a_notification_is_being_made(client: Client, user: Any) -> None:
    first = Browser()
    ask(client, "POST", first.subscription)
    ask(client, "DELETE", {"endpoint": first.endpoint})
    for _ in range(MOST_BROWSERS - 1):
        ask(client, "POST", Browser().subscription)
    answers: list[Any] = []

    def subscribe_elsewhere() -> None:
        try:
            answers.append(ask(client, "POST", Browser().subscription))
        finally:
            connections.close_all()

    thread = threading.Thread(target=subscribe_elsewhere)
    with transaction.atomic():
        [record] = share_locked(TargetUserRecord.objects.filter(target_user_id=first.address))
        Notification.objects.create(
            target_user_record=record,
            title="Ready",
            body="Breakfast is ready.",
            status=Notification.SCHEDULED,
            scheduled_delivery=timezone.now(),
        )
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
    assert [answer.status_code for answer in answers] == [201]
    assert Notification.objects.count() == 1


# --- Hosts that somebody made up ----------------------------------------------------------------


def resolver(monkeypatch: pytest.MonkeyPatch, error: OSError | None) -> list[str]:
    """Answer for the system's resolver; return the names that were asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, *arguments: Any, **options: Any) -> Any:
        asked.append(host)
        if error is not None:
            raise error
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("host", ["made-up.notify.windows.com", "x.push.services.mozilla.com"])
def test_a_host_below_a_wildcard_that_does_not_exist_is_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    asked = resolver(monkeypatch, socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    answer = ask(client, "POST", Browser(host=host).subscription)
    assert (answer.status_code, asked) == (400, [host])
    assert "the endpoint's host does not exist" in answer.json()["error"]
    assert not TargetUserRecord.objects.exists()


@pytest.mark.parametrize(
    "error",
    [
        None,
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        TimeoutError("timed out"),
    ],
)
def test_a_host_of_which_the_resolver_says_nothing_bad_is_taken(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: OSError | None
) -> None:
    resolver(monkeypatch, error)
    browser = Browser(host="db5p.notify.windows.com")
    assert ask(client, "POST", browser.subscription).status_code == 201


def test_the_resolver_is_not_asked_for_a_host_that_the_settings_name(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolver(monkeypatch, socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    assert ask(client, "POST", Browser().subscription).status_code == 201
    assert asked == []


# --- Who may ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_nobody_subscribes_without_a_login(method: str) -> None:
    answer = Client().generic(method, URL, json.dumps(Browser().subscription))
    assert (answer.status_code, answer.json()) == (403, {"error": "Log in first."})
    assert not TargetUserRecord.objects.exists()


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("token", ["", "a" * 32])
def test_a_forged_request_changes_nothing(client: Client, method: str, token: str) -> None:
    browser = Browser()
    ask(client, "POST", browser.subscription)
    said = json.dumps(Browser().subscription if method == "POST" else browser.subscription)
    answer = client.generic(method, URL, said, "text/plain", headers={"X-CSRFToken": token})
    assert answer.status_code == 403
    assert [record.active for record in TargetUserRecord.objects.all()] == [True]


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain"])
def test_a_form_is_no_subscription(client: Client, content_type: str) -> None:
    token = client.get(URL).json()["csrf_token"]
    answer = client.generic("POST", URL, "a=b", content_type, headers={"X-CSRFToken": token})
    assert (answer.status_code, answer.json()) == (400, {"error": "Send JSON."})
    answer = client.post(URL, {"endpoint": "x"}, headers={"X-CSRFToken": token})  # in parts
    assert answer.status_code == 400


def test_the_header_of_the_token_is_the_projects(client: Client, settings: Any) -> None:
    assert client.get(URL).json()["csrf_header"] == "X-CSRFTOKEN"
    settings.CSRF_HEADER_NAME = "HTTP_X_XSRF_TOKEN"
    assert client.get(URL).json()["csrf_header"] == "X-XSRF-TOKEN"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    assert ask(client, method, {}).status_code == 405


def test_get_changes_nothing_and_tells_only_of_ones_own(
    client: Client, user: Any, django_user_model: Any
) -> None:
    browser = Browser()
    ask(client, "POST", browser.subscription)
    other = Client()
    other.force_login(django_user_model.objects.create_user("other"))
    assert client.get(URL, {"address": browser.address}).json()["subscribed"] is True
    assert other.get(URL, {"address": browser.address}).json()["subscribed"] is False
    for odd in ("", "x", browser.endpoint, "sha256:" + "\x00" * 43):
        assert client.get(URL, {"address": odd}).json()["subscribed"] is False
    assert "no-store" in client.get(URL)["Cache-Control"]


# --- Ending -----------------------------------------------------------------------------------


def test_a_browser_ends_its_subscription(client: Client, user: Any) -> None:
    browser = Browser()
    ask(client, "POST", browser.subscription)
    for _ in range(2):  # ended is ended
        assert ask(client, "DELETE", {"endpoint": browser.endpoint}).status_code == 204
    [record] = TargetUserRecord.objects.all()
    assert (record.active, record.details) == (False, None)
    ask(client, "POST", browser.subscription)
    assert browsers_of(user) == {browser.address: True}


def test_nobody_ends_anothers_subscription(client: Client, user: Any, settings: Any) -> None:
    browser = Browser()
    ask(client, "POST", browser.subscription)
    other = Client(enforce_csrf_checks=True)
    other.force_login(type(user).objects.create_user("other"))
    assert ask(other, "DELETE", {"endpoint": browser.endpoint}).status_code == 204
    assert browsers_of(user) == {browser.address: True}


# --- What the browser changes by itself -------------------------------------------------------


def test_a_changed_subscription_takes_the_place_of_the_former(client: Client, user: Any) -> None:
    former, now = Browser(), Browser()
    ask(client, "POST", former.subscription)
    answer = ask(client, "POST", {**now.subscription, "replaces": former.address})
    assert answer.status_code == 201
    assert browsers_of(user) == {former.address: False, now.address: True}
    # The same once more, where the answer was lost.
    again = ask(client, "POST", {**now.subscription, "replaces": now.address})
    assert again.status_code == 201
    assert browsers_of(user)[now.address] is True


def test_a_subscription_that_the_push_service_dropped_is_replaced(
    client: Client, user: Any
) -> None:
    former, now = Browser(), Browser()
    ask(client, "POST", former.subscription)
    TargetUserRecord.objects.update(active=False, inactive_reason="refused")
    assert ask(client, "POST", {**now.subscription, "replaces": former.address}).status_code == 201
    assert browsers_of(user)[now.address] is True


def test_whoever_did_not_subscribe_is_not_subscribed_by_a_change(
    client: Client, user: Any, django_user_model: Any
) -> None:
    """The next user of a shared browser has agreed to nothing; nor has who ended it."""
    former, now = Browser(), Browser()
    ask(client, "POST", former.subscription)
    other = django_user_model.objects.create_user("other")
    of_other = Client(enforce_csrf_checks=True)
    of_other.force_login(other)
    said = {**now.subscription, "replaces": former.address}
    assert ask(of_other, "POST", said).status_code == 404
    ask(client, "DELETE", {"endpoint": former.endpoint})
    assert ask(client, "POST", said).status_code == 404
    assert browsers_of(other) == {}
    assert browsers_of(user) == {former.address: False}


# --- The service worker, the button and the app -----------------------------------------------


def test_the_service_worker_is_the_same_for_everybody(client: Client) -> None:
    answers = [Client().get("/push/service_worker.js"), client.get("/push/service_worker.js")]
    assert answers[0].content == answers[1].content
    [answer, _] = answers
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Service-Worker-Allowed"] == "/"
    assert answer["Cache-Control"] == "no-cache"
    assert not answer.cookies
    script = answer.content.decode()
    assert public_key_of(PRIVATE_KEY) in script
    assert '"/push/subscription/"' in script
    assert PRIVATE_KEY not in script


def test_the_service_worker_costs_no_query(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        Client().get("/push/service_worker.js")


def button(user: Any, tag: str = "webpush_button", **context: Any) -> str:
    request = RequestFactory().get("/")
    request.user = user
    text = f"{{% load webpush %}}{{% {tag} %}}"
    return engines["django"].from_string(text).render(context, request)


def test_the_button_has_what_the_script_needs(user: Any) -> None:
    page = button(user)
    assert f'data-public-key="{public_key_of(PRIVATE_KEY)}"' in page
    assert 'data-service-worker="/push/service_worker.js"' in page
    assert 'data-subscription="/push/subscription/"' in page
    assert 'role="status"' in page
    assert "nonce" not in page
    assert PRIVATE_KEY not in page
    own = button(user, 'webpush_button service_worker="/sw.js" scope="/"', csp_nonce="abc")
    assert 'data-service-worker="/sw.js" data-scope="/"' in own
    assert 'nonce="abc"' in own


def test_the_button_speaks_german(user: Any) -> None:
    with translation.override("de"):
        page = button(user)
    assert ">Benachrichtigungen einschalten</button>" in page
    texts = re.findall(r'data-text-[\w-]+="([^"]+)"', page)
    assert len(texts) == 10
    assert set(texts) & set(re.findall(r'data-text-[\w-]+="([^"]+)"', button(user))) == set()


def test_there_is_no_button_without_a_login_or_a_key(
    user: Any, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert button(AnonymousUser()).strip() == ""
    assert caplog.text == ""
    settings.NOTIFICATION_SYSTEM_TARGETS = {"webpush": {"vapid_private_key": "planted"}}
    assert button(user).strip() == ""
    assert "run manage.py check" in caplog.text
    assert "planted" not in caplog.text


def test_a_template_without_request_is_told_so() -> None:
    template = engines["django"].engine.from_string("{% load webpush %}{% webpush_button %}")
    with pytest.raises(RuntimeError, match=r"context_processors\.request"):
        template.render(Context())


def test_missing_urls_are_told_at_start(settings: Any) -> None:
    assert check_urls() == []
    settings.ROOT_URLCONF = "tests.urls"
    [message] = check_urls()
    assert 'Add path("push/", include(' in (message.hint or "")
    with modify_settings(INSTALLED_APPS={"remove": APP}):
        assert check_urls() == []


def test_wrong_settings_are_told_to_the_script(client: Client) -> None:
    with override_settings(NOTIFICATION_SYSTEM_TARGETS={"webpush": {"push_services": []}}):
        answer = ask(client, "POST", Browser().subscription)
    assert answer.status_code == 503
    assert "push_services" in answer.json()["error"]


def test_no_row_is_made_where_the_app_is_not_installed(settings: Any) -> None:
    with modify_settings(INSTALLED_APPS={"remove": APP}):
        make_target(using="default")
    assert not NotificationTarget.objects.filter(notification_module_name="webpush").exists()


def test_the_targets_row_is_made_after_migrate_and_only_once() -> None:
    rows = NotificationTarget.objects.filter(notification_module_name="webpush")
    assert not rows.exists()
    for _ in range(2):
        call_command("migrate", verbosity=0)
        assert [row.name for row in rows] == ["Web Push"]


def test_a_target_under_another_name_stays_the_only_one(client: Client) -> None:
    NotificationTarget.objects.create(name="Browsers", notification_module_name="webpush")
    make_target(using="default")
    ask(client, "POST", Browser().subscription)
    [record] = TargetUserRecord.objects.select_related("target")
    assert record.target.name == "Browsers"
    assert NotificationTarget.objects.filter(notification_module_name="webpush").count() == 1


def test_a_target_of_another_module_with_the_name_is_left_alone(client: Client) -> None:
    NotificationTarget.objects.create(name="Web Push", notification_module_name="loft")
    make_target(using="default")
    answer = ask(client, "POST", Browser().subscription)
    assert answer.status_code == 503
    assert "Another target is called 'Web Push'" in answer.json()["error"]
