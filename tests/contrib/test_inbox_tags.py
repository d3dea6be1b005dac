"""The inbox in a site's own templates: tags, and the context processor, which asks when shown."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.template import TemplateSyntaxError, engines
from django.test import AsyncRequestFactory, RequestFactory
from django.test.utils import CaptureQueriesContext

from django_notification_system.contrib.inbox.context_processors import inbox
from tests.support.inbox_support import put, serve_inbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def urls(settings: Any) -> None:
    serve_inbox(settings)


def request_of(user: Any, factory: Any = RequestFactory) -> Any:
    request = factory().get("/site/")
    request.user = user
    return request


def rendered(source: str, request: Any) -> tuple[str, int]:
    """Return a template's text, and the number of queries."""
    template = engines["django"].from_string("{% load notification_inbox %}" + source)
    with CaptureQueriesContext(connection) as queries:
        text = template.render(inbox(request) if request else {}, request)
    return text, len(queries)


def test_a_page_that_shows_nothing_asks_nothing(user: Any) -> None:
    put(user)
    request = request_of(user)
    del request.user  # the processor does not even look for the user
    assert rendered("Nothing of it.", request) == ("Nothing of it.", 0)


def test_a_page_asks_for_the_number_once(user: Any) -> None:
    put(user)
    source = "{% inbox_unread %}{% inbox_bell %}{{ inbox.unread.count }}"
    source += "{% inbox_unread as n %}{{ n }}"
    text, queries = rendered(source, request_of(user))
    assert text.startswith("1<link")
    assert text.endswith("11")
    assert queries == 1


def test_a_list_takes_a_query_for_each_state(user: Any) -> None:
    for number in range(9):
        put(user, f"No. {number}", ago=number, state=number % 2)
    text, queries = rendered("{% inbox_list 4 %}", request_of(user))
    assert [f"No. {number}" in text for number in range(6)] == [True] * 4 + [False] * 2
    assert 'name="csrfmiddlewaretoken"' in text
    assert 'name="next" value="/site/"' in text
    assert queries == 2


def test_a_number_is_false_for_none_and_ends_at_99(user: Any) -> None:
    source = "{% inbox_unread as n %}{% if n %}{{ n }} {{ n.label }}{% else %}none{% endif %}"
    assert rendered(source, request_of(user))[0] == "none"
    assert rendered("{% inbox_unread %}", request_of(user))[0] == "0"
    for number in range(100):
        put(user, f"No. {number}")
    assert rendered(source, request_of(user))[0] == "99+ 99+ unread notifications"


def test_nobody_without_a_login_sees_a_bell(user: Any) -> None:
    for request in (request_of(AnonymousUser()), None):
        text, queries = rendered("{% inbox_bell %}{% inbox_list %}{% inbox_unread %}", request)
        assert text.strip().endswith("0")
        assert "<a" not in text
        assert "There is nothing" not in text
        assert queries == 0


def test_a_list_of_no_number_says_what_to_write(user: Any) -> None:
    for count in ("misspelt", "-1", "'5'"):
        with pytest.raises(TemplateSyntaxError, match=r"such as \{% inbox_list 20 %\}, not"):
            rendered(f"{{% inbox_list {count} %}}", request_of(user))


def test_a_bell_names_the_stream_where_the_server_can_send_events(settings: Any, user: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"INBOX_POLL_SECONDS": 45}
    assert "data-inbox-stream" not in rendered("{% inbox_bell %}", request_of(user))[0]
    text, _ = rendered("{% inbox_bell %}", request_of(user, AsyncRequestFactory))
    assert 'data-inbox-stream="/inbox/stream/"' in text
    assert 'data-inbox-poll="45"' in text
    settings.NOTIFICATION_SYSTEM = {"SSE_CONNECTIONS": 0}
    text, _ = rendered("{% inbox_bell %}", request_of(user, AsyncRequestFactory))
    assert "data-inbox-stream" not in text


def test_a_bell_without_the_inboxs_urls_names_the_line_that_is_missing(
    user: Any, settings: Any
) -> None:
    settings.ROOT_URLCONF = ()
    with pytest.raises(
        ImproperlyConfigured, match=r"include\('django_notification_system\.contrib"
    ):
        rendered("{% inbox_bell %}", request_of(user))
    assert "<a" not in rendered("{% inbox_bell %}", request_of(AnonymousUser()))[0]
