"""Telling HTML from text, and turning each into the other."""

import html
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_notification_system.notification_handlers.html.to_text import (
    html_to_text,
    is_html,
    text_to_html,
)
from tests.support.places import ROOT, TESTS

MAILS = sorted((TESTS / "support" / "html_mails").glob("*.html"))
#: What the property is about: a mail has no control characters and no halves of characters.
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")))
NAMES = (
    "a b blockquote br center dd div dl dt fieldset h1 hr img li ol p pre q span table tbody td th"
    " tr ul"
)
BLOCKS = (
    "address article aside blockquote center details dir div dl fieldset figure footer form h1"
    " header li main nav ol p pre section summary table ul"
)
TAGS = st.sampled_from(NAMES.split())
PIECES = st.one_of(
    st.builds("<{}>".format, TAGS),
    st.builds("</{}>".format, TAGS),
    st.builds('<{} style="display:block">'.format, TAGS),
    st.builds("<td colspan={}>".format, st.integers(0, 10**6)),
    st.builds("<a href=https://example.com/{}>".format, st.integers(0, 99)),
    st.sampled_from(["x", "a long word ", "&amp;", " ", "\n"]),
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hi Bob",
        "a < b and c > d",
        "if a<b and c>d",
        "x<y",
        "x <- y -> z",
        "write to <bob@example.com>",
        "see <https://example.com/>",
        "Dear <title> <name>, at <time>",
        "Use the <b> tag",
        "List<String> and Map<K, V>",
        "Fish &amp; chips",
        "<!-- no element -->",
        "1 </ 2",
    ],
)
def test_text_without_a_real_tag_is_plain(text: str) -> None:
    assert not is_html(text)


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE html>Hi",
        "<html><body>Hi",
        "Hi<br>Bob",
        "Hi<br />Bob",
        "<P>Hi",
        "Hi <b>Bob</b>",
        "<B>Hi</B>",
        '<a href="https://example.com/">here',
        "a < b <p class='x'>Hi</p>",
        "<div\n  style = 'color: red'\n>Hi",
    ],
)
def test_text_with_a_real_tag_is_html(text: str) -> None:
    assert is_html(text)


@pytest.mark.parametrize("text", ["<a <a <b <p " * 80_000, '<a x="' * 150_000, "<a" + " " * 10**6])
def test_a_text_of_many_beginnings_of_tags_is_judged_in_time(text: str) -> None:
    judged = threading.Thread(target=is_html, args=[text], daemon=True)
    judged.start()
    judged.join(timeout=20)
    assert not judged.is_alive()


def test_the_text_of_html_keeps_layout_and_the_targets_of_links() -> None:
    source = """<?xml version="1.0" encoding="latin-1"?>
        <html><head><title>No</title><style>p {}</style></head><body><h1>Grüße</h1>
        <p>Please <a href="https://example.com/?a=1&amp;b=2">pay <b>here</b></a>, or write to
        <a href="mailto:shop@example.com">shop@example.com</a>. <a href="#top">Up</a></p>
        <ul><li>one</li><li>two</li></ul><a href="https://example.com/">https://example.com/</a>
        <img src="logo.png" alt="Our logo"><div style="display:none">no</div></body></html>"""
    assert html_to_text(source).split("\n") == [
        "Grüße",
        "",
        "Please pay here <https://example.com/?a=1&b=2>, or write to shop@example.com. Up",
        "",
        "  * one",
        "  * two",
        "https://example.com/ [Our logo]",
    ]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", ""),
        ("\x00", ""),
        ("<p>a\x00b\x0bc\x1b</p>", "abc"),
        ("<div><b>bold <i>both</div></p></b>", "bold both"),
        ("<div>" * 5_000 + "deep", "deep"),
        ("<p>" + "x" * 1_000_000 + "</p>", "x" * 1_000_000),
        ("<p>&#1;&#xD800; fine</p>", "fine"),
        ("<p>\u202b\u05e9\u05dc</p>", "\u202b\u05e9\u05dc"),
    ],
)
def test_no_html_is_too_bad_to_be_read(source: str, words: str) -> None:
    assert words in html_to_text(source)


def test_one_body_for_many_is_converted_once() -> None:
    source = "<p>For everybody</p>"
    html_to_text(source)
    before = html_to_text.cache_info()
    html_to_text("".join(list(source)))
    assert html_to_text.cache_info().hits == before.hits + 1
    assert before.maxsize is not None


def test_every_mail_has_its_text() -> None:
    assert len(MAILS) >= 30
    assert {each.with_suffix(".txt") for each in MAILS} == {
        *(TESTS / "support" / "html_mails").glob("*.txt")
    }


@pytest.mark.parametrize("mail", MAILS, ids=lambda path: path.stem)
def test_mails_of_many_shapes_become_text(mail: Path) -> None:
    assert html_to_text(mail.read_text()) + "\n" == mail.with_suffix(".txt").read_text()


@given(text=TEXTS)
def test_what_was_escaped_once_is_decoded_once(text: str) -> None:
    assert html_to_text(f"<p>{html.escape(text)}</p>").split() == text.split()


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>Write &amp;lt;b&amp;gt;</p>", "Write &lt;b&gt;"),
        (
            '<a href="https://example.com/?id=1&amp;region=eu">Pay</a>',
            "Pay <https://example.com/?id=1&region=eu>",
        ),
        # The HTML standard, section 13.2.5.73: no reference in an attribute where "=" follows.
        (
            '<a href="https://example.com/?id=1&region=eu&copy=1">Pay</a>',
            "Pay <https://example.com/?id=1&region=eu&copy=1>",
        ),
        ('<a href="https://example.com/">example.com</a>', "example.com"),
        ('<a href=" https://exam\nple.com/a b>c ">x</a>', "x <https://example.com/a%20b%3Ec>"),
        (
            '<a href="https://example.com/"><div>Big</div></a>next',
            "Big <https://example.com/>\nnext",
        ),
        ('<a href="https://example.com/"><img src="x.png"></a>', "<https://example.com/>"),
        ('<a href="https://example.com/"></a>x', "x"),
        (
            "<a href=http:a>x</a><a href=http:a><img></a><a href=http:b><img></a>",
            "x <http:a> <http:b>",
        ),
        ('<a href="http:a">one<a href="http:b">two</a>', "one <http:a>two <http:b>"),
        ('<a href="javascript:alert(1)">x</a> <a href="/y">y</a>', "x y"),
    ],
)
def test_references_and_targets_are_what_they_say(source: str, text: str) -> None:
    assert html_to_text(source) == text


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="display:none">no</div>',
        '<div style="display:none !important">no</div>',
        '<DIV STYLE="color: red; DISPLAY : None!important ;display:block">no</DIV>',
        '<div style="dis/**/play:block;/**/display:/**/none">no</div>',
        '<span style="visibility:hidden">no</span>',
        '<span style="max-height:0;overflow:hidden">no</span>',
        '<span style="max-height:0px">no</span>',
        '<span style="height:0;width:0;overflow:hidden">no</span>',
        '<span style="opacity:0.0">no</span>',
        '<div style="mso-hide:all">no</div>',
        "<div hidden>no<div>no</div>no</div>",
        '<p hidden="">no<p>',
        "<b hidden><p>no</b>no</p>",
        "<table><tr hidden><td>no<tr><td></table>",
        "<template><p>no</p></template>",
        "<head><title>no</title><style>no{}</style><script>no()</script></head>",
        "<!-- no --><!--[if mso]><p>no</p><![endif]-->",
        "<noscript>no</noscript><svg><title>no</title><text>no</text></svg>",
        "<datalist><option>no</datalist>",
        "<p hidden>no<table><td>no</table>no</p>",
    ],
)
def test_what_no_mail_program_shows_stays_hidden(hidden: str) -> None:
    assert html_to_text(f"<div>before</div>{hidden}<div>after</div>").split() == ["before", "after"]


@pytest.mark.parametrize(
    "shown",
    [
        '<div style="max-height:100px">yes</div>',
        '<div style="max-height:0.5em">yes</div>',
        '<div style="opacity:.9;height:0">yes</div>',
        '<div style="display:none;display:block">yes</div>',
        '<div style="font-size:0"><span style="font-size:16px">yes</span></div>',
        '<!--[if !mso]><!--><div style="mso-hide:all">yes</div><!--<![endif]-->',
        '<a style="mso-hide:all">yes</a>',
        "<head><title>no</title><p>yes",
        "<svg/>yes",
        "<td hidden>yes",
        "<!doctype html><p hidden>no<table><td>yes</table>",
    ],
)
def test_what_mail_programs_show_is_there(shown: str) -> None:
    assert html_to_text(shown) == "yes"


@pytest.mark.parametrize("name", BLOCKS.split())
def test_blocks_stand_apart(name: str) -> None:
    lines = html_to_text(f"before<{name}>within</{name}>after").split("\n")
    assert [line.strip(" >*1.") for line in lines if line] == ["before", "within", "after"]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        (
            "<ol start=5><li>a<li>b<li value=9>c<li>d</ol>",
            ["  5. a", "  6. b", "  9. c", "  10. d"],
        ),
        ("<ol start=x><li>a</ol>", ["  1. a"]),
        ("<ol type=a start=26><li>a<li>b</ol>", ["  z. a", "  aa. b"]),
        ("<ol type=I start=3><li>a<li>b</ol>", ["  III. a", "  IV. b"]),
        ("<ol type=i start=1994><li>a<li value=4000>b</ol>", ["  mcmxciv. a", "  4000. b"]),
        ("<ol type=A start=-1><li>a<li>b<li>c</ol>", ["  -1. a", "  0. b", "  A. c"]),
        ("<ol type=x><li>a</ol>", ["  1. a"]),
        ('<ol type=a style="list-style-type:upper-latin"><li>a</ol>', ["  A. a"]),
        ('<ol style="list-style: inside lower-roman"><li>a<li>b</ol>', ["  i. a", "  ii. b"]),
        ("<ol type=A><li>a<ol><li>b</ol><li>c</ol>", ["  A. a", "       1. b", "  B. c"]),
        ("<ul><li>a<ol><li>b</ol><li><p>c</ul>", ["  * a", "      1. b", "", "  * c"]),
        ("<dl><dt>T<dd>one<br>two</dl>", ["T", "    one", "    two"]),
        ("<blockquote>a<p>b</blockquote>c", ["> a", ">", "> b", "", "c"]),
        ("<pre>\n a\n   b\n\n\nc</pre>", [" a", "   b", "", "", "c"]),
        ('<p style="white-space:pre-wrap"> a  b\nc</p>', [" a  b", "c"]),
        ('<p style="white-space:pre-line"> a  b\nc</p>', ["a b", "c"]),
        ("<td>a</td><td>b</td>c", ["a", "b", "c"]),
        ("<div>a</div><div><br></div><div>b<br></div>c", ["a", "", "b", "c"]),
        ("<p>a</p><p>&nbsp;</p><p>b</p>", ["a", "", "b"]),
        ('a<span style="display:block">b</span>c', ["a", "b", "c"]),
        ('a<img alt=b style="display:block">c<img alt=d>e', ["a", "[b]", "c[d]e"]),
        ('a<img alt="" style="display:block">b', ["a", "b"]),
    ],
)
def test_layout_is_kept(source: str, lines: list[str]) -> None:
    assert html_to_text(source).split("\n") == lines


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        (
            "<tr><td>Tea<td align=right>9<tr><td>Coffee<td align=right>10",
            ["Tea      9", "Coffee  10"],
        ),
        ("<tr><td>東京<td>x<tr><td>a<td>y", ["東京  x", "a     y"]),
        ("<tr><td>a<br>b<td>c<tr><td>dd<td>e", ["a   c", "b", "dd  e"]),
        ("<tr><td colspan=2>Total<td>1<tr><td>a<td>b<td>c", ["Total  1", "a  b   c"]),
        ("<tr><td>a<td></td><td>b<tr><td>c<td></td><td>d", ["a  b", "c  d"]),
        ("<tr><td rowspan=2>a<td>b<tr><td>c<tr><td>d<td>e", ["a  b", "   c", "d  e"]),
        ("<tr><td>a<td rowspan=2 colspan=2>b<td>c<tr><td>d<td>e", ["a  b  c", "d     e"]),
        ("<tr><td>" + "x" * 75 + "<td>yy", ["x" * 75, "yy"]),
        ("<tr><td>" + "x" * 74 + "<td>yy", ["x" * 74 + "  yy"]),
        ("<tr><td><div>a</div><tr><td>b", ["a", "", "b"]),
        ("<tr><td>a<td><table><tr><td>b<td>c</table><tr><td>d", ["a", "", "b  c", "", "d"]),
    ],
)
def test_tables_that_fit_have_columns(rows: str, lines: list[str]) -> None:
    assert html_to_text(f"<table>{rows}</table>").split("\n") == lines


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_AS"), reason="The limits are Linux's.")
def test_no_markup_takes_more_than_it_is_worth() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.html_bounds"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" converted")


@given(pieces=st.lists(PIECES, max_size=60), times=st.integers(1, 20))
def test_a_text_is_about_as_long_as_its_html(pieces: list[str], times: int) -> None:
    source = "".join(pieces) * times
    assert len(html_to_text(source)) <= 3 * len(source) + 500


def test_every_kind_of_line_break_is_kept_in_html() -> None:
    assert text_to_html("a\r\nb\rc\nd").count("<br>") == 3


@pytest.mark.parametrize(
    "text",
    [
        "a  b",
        "  indented",
        "a\n b",
        "a\tb",
        "Tea       9\nCoffee   10\n\n  in all  19",
        "a\n\n\n\nb  c",
    ],
)
def test_columns_and_indents_look_the_same_in_html(text: str) -> None:
    shown = text_to_html(text)
    assert "white-space:pre-wrap" in shown
    assert "\n" not in shown
    assert shown.count("<br>") == text.count("\n")
    assert html_to_text(shown).split("\n")[0] == text.split("\n")[0]


def test_only_columns_get_characters_of_one_width() -> None:
    assert "monospace" in text_to_html("Tea       9\nCoffee   10")
    assert "monospace" not in text_to_html("  Well.  That is all.")
    assert "style" not in text_to_html("Dear Eggs,\n\nwell. That is all.\n")
