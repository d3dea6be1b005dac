"""Tell HTML from plain text, and turn each into the other for a mail's two parts."""

import re
from functools import lru_cache

from django.utils.html import escape

from .walk import lines_of

#: Elements whose start tag alone proves HTML: nobody writes these tags in prose.
TELLING = (
    "blockquote|br|center|div|font|h1|h2|h3|h4|h5|h6|hr|html|img|li|ol|p|pre|span|table|tbody|td"
    "|tfoot|th|thead|tr|ul"
)
#: Elements whose names people also write between angle brackets ("Dear <title>", "at <time>"): only
#: an end tag, or an attribute in quotes, proves HTML.
OTHER = (
    "a|abbr|address|article|aside|b|bdi|bdo|big|body|button|caption|cite|code|col|colgroup|data|dd"
    "|del|details|dfn|dl|dt|em|figcaption|figure|footer|form|head|header|i|input|ins|kbd|label|link"
    "|main|map|mark|meta|nav|picture|q|s|samp|section|small|strike|strong|style|sub|summary|sup"
    "|time|title|tt|u|var|video|wbr"
)
TELLING_ELEMENTS = frozenset(TELLING.split("|"))
OTHER_ELEMENTS = frozenset(OTHER.split("|"))
DOCTYPE = re.compile(r"<!doctype\s+html\b", re.IGNORECASE)
#: Possessive quantifiers: the time stays linear, whatever the text.
START_TAG = re.compile(
    r"""<(?P<name>[a-z][a-z0-9]*+)
        (?:\s++[a-z_:@][-\w:.]*+\s*+=\s*+(?:(?P<quoted>"[^"]*+"|'[^']*+')|[^\s"'<>=`]++))*+
        \s*+/?>""",
    re.IGNORECASE | re.VERBOSE,
)
END_TAG = re.compile(r"</([a-z][a-z0-9]*+)\s*+>", re.IGNORECASE)
#: Characters without a place in a mail: control characters except white space, lone surrogates.
UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")
#: The control characters among them, all ASCII.
CONTROLS = bytes(octet for octet in range(128) if UNREADABLE.match(chr(octet)))
LINE_BREAK = re.compile(r"\r\n|\r|\n")
#: Spaces that HTML would drop: an indent, or several together.
COUNTING_SPACES = re.compile(r"(?:^|[\r\n]) |\t|  ")
#: Signs of columns, which need characters of the same width.
COLUMNS = re.compile(r"\S(?: {3}|\t)")


def is_html(text: str) -> bool:
    """Return whether a text is HTML: with a doctype or a real tag of an HTML element.

    ``a < b and c > d``, ``x<y`` and ``<bob@example.com>`` are plain text.

    Args:
        text: The text, of any length.
    """
    if DOCTYPE.search(text):
        return True
    ended: set[str] | None = None
    for tag in START_TAG.finditer(text):
        name = tag["name"].lower()
        if name in TELLING_ELEMENTS:
            return True
        if name not in OTHER_ELEMENTS:
            continue
        if ended is None:
            ended = {end.lower() for end in END_TAG.findall(text)}
        if tag["quoted"] or name in ended:
            return True
    return False


# A campaign sends the same body to many users; only a few are kept, because a body may be large.
@lru_cache(maxsize=8)
def html_to_text(source: str) -> str:
    """Return HTML as a person would read the page, with the targets of its links.

    The time, the memory and the text's length are bounded by the HTML's length, whatever the
    markup. No error is raised.

    Args:
        source: The HTML.
    """
    lines = lines_of(_readable(source))
    # References (``&#1;``) stand for unreadable characters, too.
    return _readable("\n".join(lines))


def _readable(text: str) -> str:
    """Return a text without unreadable characters."""
    try:
        octets = text.encode()
    except UnicodeEncodeError:
        return UNREADABLE.sub("", text)
    # Octets of characters beyond ASCII are all above 127, so that none is taken for a control.
    return octets.translate(None, CONTROLS).decode()


def text_to_html(text: str) -> str:
    """Return plain text as HTML with the same look: escaped, all line breaks and spaces kept.

    Args:
        text: The plain text.
    """
    lines = [escape(line) for line in LINE_BREAK.split(text)]
    # dir="auto": a mail program takes the direction, right-to-left or not, from the text.
    if not COUNTING_SPACES.search(text):
        return '<div dir="auto">' + "<br>\n".join(lines) + "</div>"
    # <br> in spite of pre-wrap, because Outlook does not know pre-wrap; and no newline beside <br>,
    # because all other programs know it.
    style = "white-space:pre-wrap"
    if COLUMNS.search(text):
        style += ";font-family:monospace"
    return f'<div dir="auto" style="{style}">' + "<br>".join(lines) + "</div>"
