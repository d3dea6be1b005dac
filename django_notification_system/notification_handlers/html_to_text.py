"""Telling HTML from plain text, and turning each into the other for a mail's two parts."""

import html
import logging
import re
from functools import lru_cache

from django.utils.html import escape
from inscriptis.css_profiles import STRICT_CSS_PROFILE
from inscriptis.html_engine import Inscriptis
from inscriptis.model.config import ParserConfig
from lxml.html import (  # type: ignore[import-untyped]
    HtmlElement,
    HTMLParser,
    document_fromstring,
)

logger = logging.getLogger("django_notification_system")

#: Elements whose start tag alone tells that a text is HTML: nobody writes these in prose.
TELLING = (
    "blockquote|br|center|div|font|h1|h2|h3|h4|h5|h6|hr|html|img|li|ol|p|pre|span|table|tbody|td"
    "|tfoot|th|thead|tr|ul"
)
#: Elements whose names people also write between angle brackets ("Dear <title>", "at <time>"):
#: they tell only together with their end tag, or with an attribute in quotes.
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
TAG = re.compile(r"<[^<>]*+>")
#: All that XML, and so lxml, refuses: control characters other than tab and line break.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
LINE_BREAK = re.compile(r"\r\n|\r|\n")
FOLLOWABLE = ("http:", "https:", "mailto:", "tel:", "sms:")


def is_html(text: str) -> bool:
    """Tell whether a text is HTML: it has a doctype or an HTML element's real tag.

    ``a < b and c > d``, ``x<y`` and ``<bob@example.com>`` are plain text.
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


# A campaign sends one body to many; a few, because a body may be large.
@lru_cache(maxsize=8)
def html_to_text(source: str) -> str:
    """Return HTML as a person would read it, with the targets of its links.

    Markup that cannot be read as HTML loses its tags and keeps its words; nothing is raised.
    """
    try:
        return _render(CONTROL_CHARACTERS.sub("", source))
    except Exception as error:  # of lxml, of inscriptis, and RecursionError where it is nested deep
        logger.warning(
            "HTML could not be rendered as text (%s); its tags were removed.", type(error).__name__
        )
        return html.unescape(TAG.sub(" ", source)).strip()


def text_to_html(text: str) -> str:
    """Return plain text as HTML that looks the same: escaped, each line break kept."""
    lines = "<br>\n".join(escape(line) for line in LINE_BREAK.split(text))
    # dir="auto": a mail program takes the direction, right-to-left or not, from the text.
    return f'<div dir="auto">{lines}</div>'


def _render(source: str) -> str:
    # As bytes, because lxml refuses a str that declares an encoding. Huge, because it would drop
    # without a word what is nested deeper than 256 elements.
    parser = HTMLParser(encoding="utf-8", huge_tree=True)
    document = document_fromstring(source.encode(), parser=parser)
    for link in document.iter("a"):
        _show_target(link)
    config = ParserConfig(css=STRICT_CSS_PROFILE, display_images=True, deduplicate_captions=True)
    rendered = Inscriptis(document, config).get_text()
    return "\n".join(line.rstrip() for line in rendered.splitlines()).strip("\n")


def _show_target(link: HtmlElement) -> None:
    """Write a link's target after its text, between angle brackets (RFC 3986, appendix C)."""
    target = (link.get("href") or "").strip()
    if not target.lower().startswith(FOLLOWABLE):
        return
    if link.text_content().strip() in (target, target.partition(":")[2]):
        return
    shown = f" <{target}>"
    if len(link):
        link[-1].tail = (link[-1].tail or "") + shown
    else:
        link.text = (link.text or "") + shown
