"""Which subscriptions are used, and how a message is encrypted for one."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from django_notification_system.notification_handlers.webpush.encryption import encrypt
from django_notification_system.notification_handlers.webpush.settings import PUSH_SERVICES
from django_notification_system.notification_handlers.webpush.subscription import (
    Subscription,
    UnusableSubscription,
    fault_of_endpoint,
    subscription_from,
)
from django_notification_system.notification_handlers.webpush.vapid import (
    NotAVapidKey,
    load_private_key,
    make_private_key,
    public_key_of,
)
from django_notification_system.testing.push_service import Browser

ENDPOINTS = [
    "https://fcm.googleapis.com/fcm/send/ehnsCE9yuKg:APA91bFXtDj-ytYV",
    "https://fcm.googleapis.com/wp/ehnsCE9yuKg:APA91bFXtDj-ytYV_x",
    "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABk==",
    "https://eu.push.services.mozilla.com/wpush/v2/gAAAAABk",
    "https://web.push.apple.com/QGBH4BJ-x_y",
    "https://db5p.notify.windows.com/w/?token=BQYAAABk%2fm%2B%3d%3d",
    "https://wns2-par02p.notify.windows.com/w/?token=BQYAAABk%2fm%2B%3d%3d",
]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_the_endpoints_of_the_browsers_are_called(endpoint: str) -> None:
    assert fault_of_endpoint(endpoint, PUSH_SERVICES) == ""


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://169.254.169.254/",
        "https://fcm.googleapis.com.evil.test/",
        "https://fcm.googleapis.com:8443/",
        "https://fcm.googleapis.com:443/",
        "https://fcm.googleapis.com:/",
        "https://fcm.googleapis.com./",
        "https://fcm.googleapis.com",
        "https://fcm.googleapis.com?/",
        "https://FCM.googleapis.com/",
        "HTTPS://fcm.googleapis.com/",
        "http://fcm.googleapis.com/",
        "ftp://fcm.googleapis.com/",
        "//fcm.googleapis.com/",
        "fcm.googleapis.com/",
        "https:fcm.googleapis.com/",
        "https:///fcm.googleapis.com/",
        "https:\\\\fcm.googleapis.com/",
        "https://evil.test\\@fcm.googleapis.com/",
        "https://fcm.googleapis.com\\@evil.test/",
        "https://fcm.googleapis.com\\evil.test/",
        "https://user@fcm.googleapis.com/",
        "https://user:password@fcm.googleapis.com/",
        "https://fcm.googleapis.com@evil.test/",
        "https://evil.test/https://fcm.googleapis.com/",
        "https://evil.test#fcm.googleapis.com/",
        "https://evil.test?fcm.googleapis.com/",
        "https://evilfcm.googleapis.com/",
        "https://x.fcm.googleapis.com/",
        "https://notify.windows.com/",
        "https://.notify.windows.com/",
        "https://evil.test/.notify.windows.com",
        "https://evilnotify.windows.com/",
        "https://fcm\u3002googleapis.com/",
        "https://fcm.g\u043e\u043egleapis.com/",
        "https://\uff46cm.googleapis.com/",
        "https://fcm.googleap\u0131s.com/",
        "https://fcm.google\u00adapis.com/",
        "https://xn--fcm-.googleapis.com/",
        "https://fcm.googleapis.com%2eevil.test/",
        "https://fcm.googleapis.com%00.evil.test/",
        "https://fcm.googleapis.com\x00.evil.test/",
        "https://fcm.googleapis.com/\r\nHost: evil.test",
        "https://fcm.googleapis.com/ x",
        "https://fcm.googleapis.com/#fragment",
        " https://fcm.googleapis.com/",
        "https://fcm.googleapis.com/\n",
        "https://[::1]/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://localhost/",
        "https://fcm.googleapis.com/" + "a" * 2000,
        "",
        None,
        17,
        ["https://fcm.googleapis.com/"],
    ],
)
def test_no_other_address_is_called(endpoint: Any) -> None:
    assert fault_of_endpoint(endpoint, PUSH_SERVICES)


def test_a_wildcard_is_for_hosts_below_the_domain() -> None:
    assert fault_of_endpoint("https://a.b.example.com/", ["*.example.com"]) == ""
    assert fault_of_endpoint("https://example.com/", ["*.example.com"])
    assert fault_of_endpoint("https://example.com/", ["example.com"]) == ""


def base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


#: Not on the curve: the y coordinate of another point.
OFF_THE_CURVE = base64url(b"\x04" + b"\x01" * 64)
AT_INFINITY = base64url(b"\x04" + b"\x00" * 64)
COMPRESSED = "AiVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (None, "has no keys"),
        ("keys", "has no keys"),
        ({}, "p256dh"),
        ({"p256dh": None}, "p256dh"),
        ({"p256dh": "not base64!"}, "p256dh"),
        ({"p256dh": "A"}, "p256dh"),
        ({"p256dh": OFF_THE_CURVE}, "p256dh"),
        ({"p256dh": AT_INFINITY}, "p256dh"),
        ({"p256dh": COMPRESSED}, "p256dh"),
        ({"p256dh": 17}, "p256dh"),
        ({"auth": base64url(b"a" * 15)}, "auth"),
        ({"auth": base64url(b"a" * 17)}, "auth"),
        ({"auth": ""}, "auth"),
        ({"auth": None}, "auth"),
    ],
)
def test_malformed_keys_are_refused(keys: Any, said: str) -> None:
    subscription = Browser().subscription
    if isinstance(keys, dict):
        keys = {**subscription["keys"], **keys} if keys else {}
    with pytest.raises(UnusableSubscription, match=said):
        subscription_from({**subscription, "keys": keys}, PUSH_SERVICES)


def test_keys_may_have_padding() -> None:
    subscription = Browser().subscription
    padded = {"p256dh": subscription["keys"]["p256dh"] + "=", "auth": subscription["keys"]["auth"]}
    padded["auth"] += "=="
    found = subscription_from({**subscription, "keys": padded}, PUSH_SERVICES)
    assert found.info["keys"] == subscription["keys"]


def test_a_subscription_shows_nothing_of_itself() -> None:
    browser = Browser()
    shown = repr(subscription_from(browser.subscription, PUSH_SERVICES))
    assert shown == "Subscription()"


# --- Encryption -------------------------------------------------------------------------------

#: RFC 8291, appendix A.
VECTOR = {
    "plaintext": "When I grow up, I want to be a watermelon",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNto"
    "IAiw4",
    "sender": "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
    "salt": "DGv6ra1nlYgDCS1FRnbzlw",
    "encrypted": "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vC"
    "YLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNW"
    "QexSgSxsj_Qulcy4a-fN",
}


def test_encryption_agrees_with_the_standard(monkeypatch: pytest.MonkeyPatch) -> None:
    salt = base64.urlsafe_b64decode(VECTOR["salt"] + "==")
    sender = load_private_key(VECTOR["sender"])
    monkeypatch.setattr("http_ece.os.urandom", lambda size: salt)
    monkeypatch.setattr("pywebpush.ec.generate_private_key", lambda *arguments: sender)
    subscription = Subscription(endpoint=ENDPOINTS[0], p256dh=VECTOR["p256dh"], auth=VECTOR["auth"])
    assert base64url(encrypt(VECTOR["plaintext"].encode(), subscription)) == VECTOR["encrypted"]


def test_a_message_is_never_encrypted_twice_alike() -> None:
    browser = Browser()
    subscription = subscription_from(browser.subscription, PUSH_SERVICES)
    message = json.dumps({"title": "Grüße 🥚"}).encode()
    first, second = encrypt(message, subscription), encrypt(message, subscription)
    assert first != second
    assert browser.read(first) == browser.read(second) == {"title": "Grüße 🥚"}


# --- The site's key ---------------------------------------------------------------------------


def pem(key: Any) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def test_a_key_may_be_base64url_or_pem_or_der() -> None:
    raw = make_private_key()
    key = load_private_key(raw)
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    for text in (f" {raw}=\n", pem(key), base64url(der), base64.b64encode(der).decode()):
        assert public_key_of(text) == public_key_of(raw)
    assert len(base64.urlsafe_b64decode(public_key_of(raw) + "=")) == 65


@pytest.mark.parametrize(
    "text",
    [
        "",
        "planted",
        "plänted",
        base64url(b"\x00" * 32),
        base64url(b"\xff" * 32),
        base64url(b"a" * 31),
        "-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----",
        pem(ec.generate_private_key(ec.SECP384R1())),
        public_key_of(make_private_key()),
    ],
    # A key is made anew in each process, so no key may be a test's name.
    ids=str.split("empty word umlaut zeros ones short pem other-curve public-key"),
)
def test_any_other_key_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(NotAVapidKey) as raised:
        load_private_key(text)
    assert "planted" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None or raised.value.__suppress_context__
