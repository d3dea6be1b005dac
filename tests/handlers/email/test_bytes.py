"""The bytes of ordinary mails, against the bytes that Django makes."""

import re

import pytest
from django.core.mail.backends import smtp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from django_notification_system.notification_handlers.email import shape, text_bytes
from django_notification_system.notification_handlers.email.message_bytes import (
    sends_plainly,
    written_mail,
)
from django_notification_system.notification_handlers.email.mime import NotificationMail
from tests.support.mail_backends import HAS_MAILERS

MESSAGE_ID = "<123e4567-e89b-12d3-a456-426614174000@example.com>"
PLAIN = {
    "subject": "Your order",
    "body": "Date: Thu, 01 Jan 1970 00:00:00 +0000\n\nMessage-ID: <any@example.com>\n.\n",
    "from_email": "Shop <noreply@example.com>",
    "to": ["egg@example.com"],
    "headers": {"Message-ID": MESSAGE_ID},
    "alternatives": [("<p>Hello</p>", "text/html")],
}
LIST_HEADERS = {
    "List-Id": "News of the shop <news.example.com>",
    "List-Unsubscribe": "<https://shop.example.com/unsubscribe/" + "0123456789" * 6 + ">",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "Message-ID": MESSAGE_ID,
}
BOUNDARY = re.compile(rb"={15}\d{19}==")
DATE = re.compile(rb"^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}\r$", re.MULTILINE)

#: A handler lets no control characters into headers, and no NUL or lone surrogates into texts.
CHARACTERS = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
ODD = 'a the order of =?utf-8?q?x?= = ? \u00a0 Zoë שלום 🥚 注文 , ; : <b> " ( . 12345'
WORDS = st.sampled_from([*ODD.split(" "), "x" * 70, "é" * 40, ""])
HEADER_TEXTS = st.one_of(
    st.lists(WORDS, min_size=1, max_size=20).map(" ".join), st.text(CHARACTERS, min_size=1)
)
LINES = st.one_of(
    st.sampled_from(["", ".", "From here", "x" * 77, "x" * 78, "x" * 79, "x" * 999, "é" * 500]),
    st.sampled_from(["--===============0000000000000000000==", "a=b ", "Grüße", "\x0b\x85\u2028"]),
    st.text(CHARACTERS),
)
BODIES = st.lists(st.tuples(LINES, st.sampled_from(["\n", "\r\n", "\r", ""])), max_size=15).map(
    lambda lines: "".join(map("".join, lines)) or "x"
)
NAMES = st.one_of(
    st.just("noreply@example.com"),
    HEADER_TEXTS.map('"{}" <noreply@example.com>'.format),
    HEADER_TEXTS.map("{} <noreply@example.com>".format),
)
URIS = st.one_of(
    st.from_regex(r"https://shop\.example\.com/n/u/[A-Za-z0-9_=-]{5,200}/", fullmatch=True),
    st.from_regex(
        r"mailto:[a-z]{1,9}@example\.com\?subject=[A-Za-z0-9%,.-]{1,200}", fullmatch=True
    ),
    st.from_regex(r"[!-~]{1,30}", fullmatch=True),
)
LISTS_OF_URIS = st.builds(
    str.join,
    st.sampled_from([", ", ",", " , ", ",  ", " "]),
    st.lists(URIS.map("<{}>".format), min_size=1, max_size=3),
)
HEADERS = st.dictionaries(
    st.sampled_from([*LIST_HEADERS, "X-Campaign", "x-y", "Sender", "References", "Precedence"]),
    st.one_of(HEADER_TEXTS, LISTS_OF_URIS, st.sampled_from([*LIST_HEADERS.values()])),
    max_size=4,
).map(lambda headers: {"Message-ID": MESSAGE_ID, **headers})


FILE_NAMES = st.one_of(
    st.sampled_from(["a.pdf", "Rechnung März.pdf", "x" * 31, "x" * 32, "x" * 60, "x" * 61, "注文"]),
    st.sampled_from(
        ["a b.pdf", 'a"b.pdf', "a\\b", "a;b=c.pdf", "%41.pdf", "sample-name", "'é'", "."]
    ),
    st.from_regex(r"[A-Za-z0-9_.-]{1,90}", fullmatch=True),
    st.text(CHARACTERS, min_size=1, max_size=90),
)
BINARY_TYPES = (
    "application/pdf image/png application/octet-stream"
    " application/vnd.openxmlformats-officedocument.wordprocessingml.document"
)
FILES = st.one_of(
    st.tuples(FILE_NAMES, st.binary(max_size=500), st.sampled_from(BINARY_TYPES.split())),
    st.tuples(
        FILE_NAMES,
        st.integers(1, 60_000).map(lambda size: bytes(range(256)) * (size // 256) + b"\n"),
        st.just("application/pdf"),
    ),
    st.tuples(FILE_NAMES, BODIES, st.sampled_from(["text/plain", "text/csv", "text/calendar"])),
    st.tuples(FILE_NAMES, BODIES.map(str.encode), st.sampled_from(["text/csv", "message/rfc822"])),
)


def same(content: bytes) -> bytes:
    """Return a mail with the same boundary and date as all mails."""
    return DATE.sub(b"Date: now\r", BOUNDARY.sub(b"boundary", content))


@settings(deadline=None, max_examples=300)
@given(
    subject=HEADER_TEXTS,
    from_email=NAMES,
    body=BODIES,
    html=st.one_of(st.none(), BODIES),
    headers=HEADERS,
    files=st.one_of(st.just([]), st.lists(FILES, max_size=3)),
)
@example("x", "noreply@example.com", "x", None, {"Sender": ":", "message-id": "0"}, [])
@example("a" * 68, "noreply@example.com", "x", None, {}, [])
@example("a " * 36, "noreply@example.com", "x", None, {}, [])
@example("Order 5", "Shop <noreply@example.com>", "é\r\n" + "x" * 80, "<p>é", LIST_HEADERS, [])
def test_every_ordinary_mail_is_byte_for_byte_djangos(
    subject, from_email, body, html, headers, files
):
    alternatives = [] if html is None else [(html, "text/html")]
    message = NotificationMail(
        subject, body, from_email, ["egg@example.com"], headers=headers, alternatives=alternatives
    )
    for file in files:
        message.attach(*file)
    written = written_mail(message)
    if written is not None:
        assert same(written.content) == same(djangos_bytes(message))
        assert written.recipients == ["egg@example.com"]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"subject": "Bestellung für Zoë 🥚, " + "a long subject, " * 10},
        {"body": "Grüße, שלום 🥚\r\n" + "x" * 2000},
        {"from_email": "Zoë's Lädchen <noreply@example.com>"},
        {"bcc": ["archive@example.com"]},
        {"alternatives": []},
        {"body": "x" * 2000 + "\n" + "é" * 2000},
        {"body": "שלום " * 400},
        {"subject": "a" * 68},
        {"headers": LIST_HEADERS},
        {"headers": {**LIST_HEADERS, "X-Campaign": "Frühling"}},
        {"attachments": [("invoice-1187.pdf", bytes(range(256)) * 200, "application/pdf")]},
        {"attachments": [("x" * 50 + ".png", b"\n", "image/png")], "alternatives": []},
        {"attachments": [("März.csv", "a;b\r\né;d\n", "text/csv"), ("b.txt", b"b", "text/plain")]},
        {"attachments": [("a b.pdf", b"1", "application/pdf"), ("a.pdf", b"2", "application/pdf")]},
        {"attachments": [("boundary=", b"1", "a/b"), ("b", b"2", "a/b")]},
        {"attachments": [("sample-name", b"x" * 100, "application/pdf")] * 3},
    ],
    ids=lambda change: str(change)[:40],
)
def test_ordinary_mail_is_written_here_as_django_would(change):
    message = NotificationMail(**{**PLAIN, **change})

    for _ in range(2):
        written = written_mail(message)

        assert written.sender == "noreply@example.com"
        assert written.recipients == message.recipients()
        assert b"\n" not in written.content.replace(b"\r\n", b"")
        assert same(written.content) == same(djangos_bytes(message))


@pytest.mark.parametrize("encoding", [None, "utf-8"])
def test_mail_of_a_project_with_another_charset_is_left_to_django(settings, encoding):
    """Shapes and lines are kept, and written in the project's charset, whatever the mail's."""
    settings.DEFAULT_CHARSET = "iso-8859-1"
    message = NotificationMail(**{**PLAIN, "subject": "Another charset: Zoë"})
    message.encoding = encoding

    assert written_mail(message) is None


@pytest.mark.parametrize("name", ["List-Unsubscribe", "list-help"])
@pytest.mark.parametrize("comma", [", ", ",", " ,  "])
def test_a_long_uri_has_a_line_alone_and_stays_as_given(name, comma):
    urls = [f"<https://shop.example.com/n/u/{'aZ0_-' * 40}{number}/>" for number in range(3)]
    mailto = "<mailto:stop@example.com?subject=" + "aZ0_-" * 40 + ">"
    written = []
    for url in urls:
        headers = {**LIST_HEADERS, name: f"{url}{comma}{mailto}"}
        message = NotificationMail(**{**PLAIN, "headers": headers})
        written.append(written_mail(message).content)
        assert same(written[-1]) == same(djangos_bytes(message))
    for url, content in zip(urls, written, strict=True):
        assert f"\r\n{name}: {url},\r\n {mailto}\r\n".encode() in content


@pytest.mark.parametrize("localtime", [False, True])
def test_date_has_the_form_of_djangos(settings, localtime):
    settings.EMAIL_USE_LOCALTIME = localtime
    settings.TIME_ZONE = "Asia/Kolkata"
    message = NotificationMail(**PLAIN)

    made = (written_mail(message).content, djangos_bytes(message))
    zones = [DATE.search(content)[0][-6:-1] for content in made]

    assert zones[0] == zones[1]


def test_boundary_is_in_no_text(monkeypatch):
    numbers = iter([5, 5, 7])
    monkeypatch.setattr(shape.secrets, "randbelow", lambda _: next(numbers))
    taken = f"{'=' * 15}{5:019}=="

    content = written_mail(NotificationMail(**{**PLAIN, "body": taken})).content

    assert content.count(f"{'=' * 15}{7:019}==".encode()) == 4


def test_python_without_the_choice_of_encodings_leaves_mails_to_django(monkeypatch):
    if not text_bytes.HAS_POLICIES:
        pytest.skip("Django itself chooses the encoding.")
    monkeypatch.setattr(text_bytes, "_encode_text", None)
    text_bytes.encoded_text.cache_clear()
    assert written_mail(NotificationMail(**PLAIN)) is None


def test_shape_that_django_would_not_make_is_left_to_django(monkeypatch):
    monkeypatch.setattr(shape.Shape, "filled_with_boundaries", lambda *_: b"something else")
    shape.shape_of.cache_clear()
    assert written_mail(NotificationMail(**PLAIN)) is None
    shape.shape_of.cache_clear()


@pytest.mark.parametrize(
    "change",
    [
        {"to": ["Eggs <egg@example.com>"]},
        {"to": ["zoë@example.com"]},
        {"to": ["egg@bücher.example"]},
        {"to": ["egg@example.com\r\nBcc: spy@example.com"]},
        {"to": ["egg@example.com", "second@example.com"]},
        {"to": ["a" * 70 + "@example.com"]},
        {"bcc": ["Archive <archive@example.com>"]},
        {"cc": ["second@example.com"]},
        {"reply_to": ["second@example.com"]},
        {"headers": {"Message-ID": "<a b@example.com>\r\nX: y"}},
        {"headers": {"Date": "Thu, 01 Jan 1970 00:00:00 +0000"}},
        {"attachments": [("a.eml", b"Subject: a\r\n\r\nb", "message/rfc822")]},
        {"attachments": [("", b"a", "application/pdf")]},
        {"attachments": [("a.pdf", b"", "application/pdf")]},
        {"attachments": [("a.pdf", "a", "application/pdf")]},
        {"attachments": [(None, b"a", "application/pdf")]},
        {"attachments": [("a.pdf", b"a", "Application/PDF")]},
    ],
    ids=str,
)
def test_what_is_out_of_the_ordinary_is_left_to_django(change):
    assert written_mail(NotificationMail(**{**PLAIN, **change})) is None


def test_backend_that_does_more_than_djangos_gets_every_message():
    class Signing(smtp.EmailBackend):
        def _send(self, email_message):
            return super()._send(email_message)

    class WithOtherClient(smtp.EmailBackend):
        pass

    silent = made(smtp.EmailBackend)
    silent.fail_silently = True
    assert sends_plainly(made(WithOtherClient))
    assert not sends_plainly(made(Signing))
    assert not sends_plainly(silent)


def made(backend_class: type[smtp.EmailBackend]) -> smtp.EmailBackend:
    # From Django 6.1 a backend has an alias, or warns.
    return backend_class(host="127.0.0.1", **({"alias": "default"} if HAS_MAILERS else {}))


def djangos_bytes(message: NotificationMail) -> bytes:
    """Return what Django's SMTP backend hands to smtplib."""
    taken = []

    class Client:
        def sendmail(self, sender, recipients, content):
            taken.append(content)

    backend = made(smtp.EmailBackend)
    backend.connection = Client()
    backend._send(message)
    return taken[0]
