"""The button, the service worker and the encryption in Chromium.

A browser without a push service of its own cannot subscribe: the subscription alone is faked, with
keys of the browser's making.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client, modify_settings

from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.notification_handlers.webpush import deliver
from django_notification_system.notification_handlers.webpush.message import payload_of
from django_notification_system.notification_handlers.webpush.vapid import (
    make_private_key,
    public_key_of,
)
from django_notification_system.testing.providers import Answer
from django_notification_system.testing.push_service import PushServiceStandIn
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support.accessibility import grave_faults
from tests.support.provider_support import refused
from tests.support.webpush_support import PRIVATE_KEY, configure, use_push_service

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="A page is the same on every database."),
]

#: In place of the browser's push service: a subscription with real keys.
SUBSCRIBE = """
(() => {
  const asked = []; let current = null;
  const text = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  window.made = null; window.asked = asked;
  Notification.requestPermission = async () => { asked.push("permission"); return "granted"; };
  PushManager.prototype.getSubscription = async () => current;
  PushManager.prototype.subscribe = async (options) => {
    asked.push("subscribe");
    const keys = await crypto.subtle.generateKey(
      { name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
    const auth = crypto.getRandomValues(new Uint8Array(16));
    const point = await crypto.subtle.exportKey("raw", keys.publicKey);
    window.made = { keys, auth, point: new Uint8Array(point) };
    return window.restore(
      "https://fcm.googleapis.com/fcm/send/" + text(auth), text(point), text(auth),
      options.applicationServerKey);
  };
  window.restore = (endpoint, p256dh, auth, key) => {
    current = {
      endpoint,
      options: { userVisibleOnly: true, applicationServerKey: new Uint8Array(key).buffer },
      toJSON: () => ({ endpoint, expirationTime: null, keys: { p256dh, auth } }),
      unsubscribe: async () => { asked.push("unsubscribe"); current = null; return true; },
    };
    return current;
  };
})();
"""

#: RFC 8188 and RFC 8291, by the browser's own cryptography.
DECRYPT = """
async (base64) => {
  const body = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const utf8 = (text) => new TextEncoder().encode(text);
  const join = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));
  const [salt, length] = [body.slice(0, 16), body[20]];
  const sender = body.slice(21, 21 + length), encrypted = body.slice(21 + length);
  const { keys, auth, point } = window.made;
  const curve = { name: "ECDH", namedCurve: "P-256" };
  const other = await crypto.subtle.importKey("raw", sender, curve, false, []);
  const shared = await crypto.subtle.deriveBits(
    { name: "ECDH", public: other }, keys.privateKey, 256);
  const hkdf = async (secret, salt, info, bits) => crypto.subtle.deriveBits(
    { name: "HKDF", hash: "SHA-256", salt, info },
    await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]), bits);
  const key = await hkdf(shared, auth, join(utf8("WebPush: info\\0"), point, sender), 256);
  const bits = await hkdf(key, salt, utf8("Content-Encoding: aes128gcm\\0"), 128);
  const iv = await hkdf(key, salt, utf8("Content-Encoding: nonce\\0"), 96);
  const aes = await crypto.subtle.importKey("raw", bits, "AES-GCM", false, ["decrypt"]);
  const plain = new Uint8Array(
    await crypto.subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(iv) }, aes, encrypted));
  return new TextDecoder().decode(plain.slice(0, plain.lastIndexOf(2)));
}
"""
#: Waits for a number of notifications on the screen, and returns them.
SHOWN = """
async (wanted) => {
  const registration = await navigator.serviceWorker.getRegistration(new URL("/push/", location));
  let all = [];
  for (let tries = 0; tries < 250 && all.length < wanted; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    all = await registration.getNotifications();
  }
  return all.map(({ title, body, tag, icon, data, actions }) =>
    [title, body, tag, icon, data, actions.map((action) => action.title)]);
}
"""
WORKER = "navigator.serviceWorker.getRegistration(new URL('/push/', location).href)"


@pytest.fixture(autouse=True)
def site(settings: Any) -> Iterator[PushServiceStandIn]:
    """A site with the app, and a push service that takes whatever comes."""
    settings.ROOT_URLCONF = "tests.support.urls_webpush"
    with (
        modify_settings(INSTALLED_APPS={"append": "django_notification_system.contrib.webpush"}),
        PushServiceStandIn() as push_service,
    ):
        use_push_service(settings, push_service)
        push_service.on_request = refused(Answer(status=201, text=""))
        yield push_service


class Visitor:
    """Eggs Benedict in Chromium, on the page with the button."""

    def __init__(self, browser: Any, live_server: Any, user: Any) -> None:
        self.url = live_server.url.replace("127.0.0.1", "localhost")
        self.context = browser.new_context(permissions=["notifications"])
        self.context.add_init_script(SUBSCRIBE)
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.note(message))
        self.log_in(user)

    def note(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def log_in(self, user: Any) -> None:
        client = Client()
        client.force_login(user)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": self.url}
        self.context.add_cookies([cookie])

    def open(self) -> Any:
        self.page.goto(f"{self.url}/breakfast/")
        self.settle()
        return self.page

    def settle(self) -> None:
        self.page.wait_for_selector(".webpush button:not([aria-disabled])")

    def press(self) -> str:
        """Press the button, and return what is said."""
        self.page.click(".webpush button")
        self.page.wait_for_function("document.querySelector('.webpush-status').textContent !== ''")
        self.settle()
        return str(self.page.text_content(".webpush-status"))

    def label(self) -> str:
        return str(self.page.text_content(".webpush button"))

    def asked(self) -> Any:
        return self.page.evaluate("window.asked")


@pytest.fixture
def visitor(browser: Any, live_server: Any, user: Any) -> Iterator[Visitor]:
    visitor = Visitor(browser, live_server, user)
    try:
        yield visitor
        assert visitor.errors == []
    finally:
        visitor.context.close()


def active() -> list[TargetUserRecord]:
    return list(TargetUserRecord.objects.filter(active=True))


def test_a_person_turns_messages_on_and_off(
    visitor: Visitor, site: PushServiceStandIn, make_due: MakeDue
) -> None:
    page = visitor.open()
    assert visitor.asked() == []  # nothing is asked before the button is pressed
    assert visitor.label() == "Turn on notifications"
    assert list(grave_faults(page, None)) == []

    assert visitor.press() == "This browser shows notifications."

    assert visitor.asked() == ["permission", "subscribe"]
    assert visitor.label() == "Turn off notifications"
    [record] = active()
    text = "Grüße an Łukasz und 田中: 🥚" * 20
    [outcome] = deliver([make_due(record, title="Frühstück", body=text)])
    assert outcome.response == "The push service has taken the message."
    [request] = site.requests
    read = page.evaluate(DECRYPT, base64.b64encode(request.body).decode())
    assert json.loads(read) == {"title": "Frühstück", "body": text}

    assert visitor.press() == "This browser shows no notifications any more."
    assert visitor.label() == "Turn on notifications"
    assert active() == []


def test_a_page_without_https_says_so(visitor: Visitor) -> None:
    insecure = "Object.defineProperty(window, 'isSecureContext', { value: false });"
    visitor.context.add_init_script(insecure)
    visitor.page.goto(f"{visitor.url}/breakfast/")
    visitor.page.wait_for_selector("text=Notifications work on pages with https alone.")
    assert visitor.page.is_hidden(".webpush button")


def test_who_is_logged_out_meanwhile_is_told(visitor: Visitor) -> None:
    visitor.open()
    visitor.press()
    visitor.context.clear_cookies()
    visitor.page.evaluate("document.querySelector('.webpush-status').textContent = ''")
    assert visitor.press() == "You are logged out. Log in, and try again."
    assert visitor.label() == "Turn off notifications"
    assert any("403" in error for error in visitor.errors)
    visitor.errors.clear()


def test_the_worker_shows_the_message_that_we_send(visitor: Visitor) -> None:
    page = visitor.open()
    visitor.press()
    extra = {
        "url": "/orders/17/",
        "tag": "order-17",
        "icon": "/egg.png",
        "actions": [{"action": "track", "title": "Verfolgen", "url": "/track/17/"}],
    }
    messages = [
        payload_of("Grüße 🥚", "早餐好了", extra).decode(),
        "no JSON",
        json.dumps(["odd"]),
    ]
    client = visitor.context.new_cdp_session(page._target)
    registrations: list[Any] = []
    client.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda said: registrations.extend(said["registrations"]),
    )
    client.send("ServiceWorker.enable")
    page.wait_for_function(f"{WORKER}.then((found) => !!found.active)")
    [scope] = {each["scopeURL"] for each in registrations}
    assert scope == f"{visitor.url}/push/"
    for message in messages:
        client.send(
            "ServiceWorker.deliverPushMessage",
            {
                "origin": visitor.url,
                "registrationId": registrations[0]["registrationId"],
                "data": message,
            },
        )
    shown = page.evaluate(SHOWN, len(messages))
    [(title, body, _, icon, data, actions)] = [each for each in shown if each[2] == "order-17"]
    assert (title, body) == ("Grüße 🥚", "早餐好了")
    assert icon == f"{visitor.url}/egg.png"
    assert data == {"url": "/orders/17/", "urls": {"track": "/track/17/"}}
    assert actions == ["Verfolgen"]
    host = visitor.url.removeprefix("http://")
    assert sorted(each[0] for each in shown) == sorted([title, host, host])


def test_a_click_opens_the_page_and_no_other_scheme(visitor: Visitor) -> None:
    page = visitor.open()
    visitor.press()
    page.wait_for_function(f"{WORKER}.then((found) => !!found.active)")
    [worker] = visitor.context.service_workers

    def clicked(url: Any, action: str = "", urls: Any = None) -> Any:
        return worker.evaluate(
            """async ({ url, action, urls }) => {
                 const opened = [];
                 const url_of_page = location.origin + "/breakfast/";
                 const there = { url: url_of_page, focus: () => opened.push("focus") };
                 clients.matchAll = async () => [there];
                 clients.openWindow = async (address) => opened.push(address);
                 const notification = { data: { url, urls }, close: () => opened.push("close") };
                 await follow({ notification, action });
                 return opened;
               }""",
            {"url": url, "action": action, "urls": urls or {}},
        )

    assert clicked("/orders/17/") == ["close", f"{visitor.url}/orders/17/"]
    assert clicked("https://example.com/a") == ["close", "https://example.com/a"]
    assert clicked("/orders/17/", "track", {"track": "/track/"}) == [
        "close",
        f"{visitor.url}/track/",
    ]
    assert clicked("/breakfast/") == ["close", "focus"]
    assert clicked(None) == ["close", "focus"]
    assert clicked("javascript:alert(1)") == ["close"]
    assert clicked("http://evil.test/") == ["close"]


def test_the_worker_renews_a_subscription_that_the_browser_changed(
    visitor: Visitor, user: Any
) -> None:
    visitor.open()
    visitor.press()
    [former] = active()
    [worker] = visitor.context.service_workers
    renew = """async ({ old, endpoint, keys }) => {
      const newSubscription = { endpoint, toJSON: () => ({ endpoint, keys }) };
      await renew({ oldSubscription: old && { endpoint: old }, newSubscription });
    }"""
    keys = former.details["keys"]
    for number, old in enumerate([former.details["endpoint"], None]):
        endpoint = f"https://fcm.googleapis.com/fcm/send/changed-{number}"
        worker.evaluate(renew, {"old": old, "endpoint": endpoint, "keys": keys})
        [now] = active()
        assert (now.user, now.details["endpoint"]) == (user, endpoint)
    # Nobody is logged in: nothing changes, and nothing fails.
    visitor.context.clear_cookies()
    worker.evaluate(renew, {"old": None, "endpoint": f"{endpoint}-x", "keys": keys})
    assert active() == [now]


def test_the_page_renews_a_subscription_with_the_sites_former_key(
    visitor: Visitor, settings: Any
) -> None:
    visitor.open()
    visitor.press()
    [former] = active()
    details = former.details
    restore = (
        "([endpoint, p256dh, auth, key]) => window.restore(endpoint, p256dh, auth,"
        " Uint8Array.from(atob(key), (c) => c.charCodeAt(0)))"
    )
    key = base64.b64encode(base64.urlsafe_b64decode(public_key_of(PRIVATE_KEY) + "=")).decode()
    subscription = [details["endpoint"], *details["keys"].values(), key]
    visitor.context.add_init_script(f"({restore})({json.dumps(subscription)});")

    visitor.open()  # the same key: nothing happens
    assert visitor.asked() == []
    assert visitor.label() == "Turn off notifications"
    configure(settings, vapid_private_key=make_private_key())
    visitor.open()

    assert visitor.asked() == ["unsubscribe", "subscribe"]  # and no question
    assert visitor.label() == "Turn off notifications"
    [now] = active()
    assert now.pk != former.pk


def test_the_next_user_of_the_browser_is_not_subscribed_by_itself(
    visitor: Visitor, django_user_model: Any
) -> None:
    visitor.open()
    visitor.press()
    [record] = active()
    other = django_user_model.objects.create_user("other")
    visitor.log_in(other)
    changed = ["https://fcm.googleapis.com/fcm/send/changed", *record.details["keys"].values(), []]
    visitor.context.add_init_script(f"window.restore(...{json.dumps(changed)})")

    visitor.open()

    assert [text for text in visitor.errors if "404" not in text] == []  # the site has refused
    assert len(visitor.errors) == 1
    visitor.errors.clear()

    assert visitor.label() == "Turn on notifications"
    assert active() == [record]
    assert NotificationTarget.objects.filter(notification_module_name="webpush").count() == 1
