"""Whatever anybody sends to a view of the package, it is no error of the server's.

tests/contrib/test_twilio_requests.py does the same for Twilio's reports.
"""

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.test import Client, modify_settings
from django.test.client import BOUNDARY
from django.urls import include, path
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_notification_system.categories import Category, known_categories
from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.preferences.links import preferences_token, unsubscribe_token
from django_notification_system.testing.providers import ProviderStandIn
from tests.support.inbox_support import MIDDLEWARE, put
from tests.support.preferences_support import BASE_URL
from tests.support.twilio_callbacks import post, signed
from tests.support.twilio_support import TOKEN
from tests.support.webpush_support import PRIVATE_KEY, SUBJECT

pytestmark = pytest.mark.django_db

PACKAGE = "django_notification_system"
PUSH = f"{PACKAGE}.contrib.webpush"
INCOMING = "/twilio/incoming/"
FORM = "application/x-www-form-urlencoded"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
#: A few requests for each view: together they are many.
few = hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)

#: ``LINK``, ``PREFERENCES`` and ``KEY`` stand for the credentials and the item of the test's user;
#: ``ANY`` for any text.
PLACES = (
    INCOMING,
    "/n/u/LINK/",
    "/n/u/ANY/",
    "/n/preferences/",
    "/n/preferences/PREFERENCES/",
    "/n/preferences/ANY/",
    "/push/service_worker.js",
    "/push/subscription/",
    "/inbox/",
    "/inbox/items/",
    "/inbox/unread/",
    "/inbox/read/",
    "/inbox/KEY/read/",
    "/inbox/KEY/archive/",
    "/inbox/ANY/unread/",
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
LATIN = st.text(st.characters(max_codepoint=255), max_size=30)
#: Names that the views read, so that not every request ends at the first missing name.
NAMES = st.sampled_from(
    [
        "List-Unsubscribe", "action", "From", "Body", "OptOutType", "show", "before", "key", "id",
        "up_to", "next", "address", "endpoint", "keys", "replaces", "saved", "category", "news",
    ]
)  # fmt: skip
VALUES = (
    TEXT | st.integers().map(str) | st.sampled_from(["One-Click", "undo", "all", "STOP", "yes"])
)
PAIRS = st.lists(st.tuples(NAMES | TEXT, VALUES), max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | TEXT, inner, max_size=4),
    max_leaves=6,
)
BODIES = st.one_of(
    st.binary(max_size=60),
    PAIRS.map(lambda pairs: urlencode(pairs).encode()),
    JSON.map(lambda value: json.dumps(value).encode()),
)


@pytest.fixture(autouse=True)
def site(settings: Any, providers: ProviderStandIn) -> Iterator[None]:
    module = ModuleType("urls_of_test")
    vars(module)["urlpatterns"] = [
        path("twilio/", include(f"{PACKAGE}.contrib.twilio")),
        path("n/", include(f"{PACKAGE}.preferences.urls")),
        path("push/", include(f"{PUSH}.urls")),
        path("inbox/", include(f"{PACKAGE}.contrib.inbox.urls")),
    ]
    settings.ROOT_URLCONF = module
    settings.LOGIN_URL = "/login/"
    settings.ALLOWED_HOSTS = ["*"]
    settings.MIDDLEWARE = MIDDLEWARE
    settings.NOTIFICATION_SYSTEM = {"BASE_URL": BASE_URL}
    settings.NOTIFICATION_SYSTEM_TARGETS["webpush"] = {
        "vapid_private_key": PRIVATE_KEY,
        "subject": SUBJECT,
    }
    NotificationTarget.objects.create(name="Web Push", notification_module_name="webpush")
    with (
        modify_settings(INSTALLED_APPS={"append": PUSH}),
        known_categories(Category("news", label="News")),
    ):
        yield


@pytest.fixture
def credentials(records: dict[str, TargetUserRecord]) -> dict[str, str]:
    """Return what stands in an address for the user's own."""
    record = records["Email"]
    return {
        "LINK": unsubscribe_token(record.pk, "news"),
        "PREFERENCES": preferences_token(record.pk),
        "KEY": str(put(record.user).pk),
    }


@pytest.mark.parametrize("place", PLACES)
def test_no_request_is_an_error_of_the_servers(
    place: str, user: Any, credentials: dict[str, str]
) -> None:
    visitor, client = Client(), Client()
    client.force_login(user)
    for name, value in credentials.items():
        place = place.replace(name, value)

    @few
    @given(
        who=st.sampled_from([client, client, visitor]),
        method=st.sampled_from(["GET", "HEAD", "POST", "DELETE", "OPTIONS"]),
        body=BODIES,
        query=PAIRS.map(urlencode) | LATIN,
        content_type=st.sampled_from([FORM, MULTIPART, "application/json"]) | LATIN,
        host=st.just("testserver") | LATIN,
        told=LATIN,
        within=TEXT,
    )
    def check(
        who: Client,
        method: str,
        body: bytes,
        query: str,
        content_type: str,
        host: str,
        told: str,
        within: str,
    ) -> None:
        response = who.generic(
            method,
            place.replace("ANY", quote(within, safe="")),
            body,
            content_type=content_type,
            QUERY_STRING=query,
            HTTP_HOST=host,
            HTTP_ACCEPT=told,
            HTTP_ACCEPT_LANGUAGE=told,
            HTTP_REFERER=told,
            HTTP_X_TWILIO_SIGNATURE=told,
            REMOTE_ADDR=told,
        )
        assert response.status_code < 500

    check()


@few
@given(pairs=PAIRS, address=TEXT | st.just("+15005550006"))
def test_no_text_message_that_twilio_passes_on_is_one_either(
    pairs: list[tuple[str, str]], address: str
) -> None:
    form = {**dict(pairs), "From": address}
    signature = signed(f"http://testserver{INCOMING}", form, TOKEN)
    assert post(form, at=INCOMING, signature=signature).status_code in (200, 400)
