"""How a mail's reader unsubscribes: headers for mail programs, links for people.

Mails of a category with ``one_click`` have them, where ``NOTIFICATION_SYSTEM["BASE_URL"]`` is set
and the project serves the pages.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import get_language

from ...categories import Category, find_category
from ...conf import engine_settings
from ...models import Notification
from ...preferences.links import preferences_url, unsubscribe_token, unsubscribe_url
from ...rendering import ContentSubtype, render

END_OF_BODY = re.compile("</body", re.IGNORECASE)
FOOTERS = "django_notification_system/email/footer"
#: Stand in a footer for the addresses of a mail, while the footer is shared by many mails.
UNSUBSCRIBE_HERE = "https://unsubscribe.invalid/"
PREFERENCES_HERE = "https://preferences.invalid/"
#: Stands for a token where nobody may unsubscribe: in the admin's preview.
NO_TOKEN = "shown-only"  # noqa: S105 # no secret: no token at all

UNSUBSCRIBE, POST, LIST_ID = "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id"


@dataclass(frozen=True)
class Links:
    """The links of a mail to a record's owner.

    Attributes:
        preferences_url: The page of preferences; empty where the project does not serve the page.
        category: The mail's category, where a click unsubscribes; otherwise ``None``.
        unsubscribe_url: The page that ends the category; empty without ``category``.
        token: The token in ``unsubscribe_url``.
    """

    preferences_url: str = ""
    category: Category | None = None
    unsubscribe_url: str = ""
    token: str = ""

    @property
    def in_templates(self) -> Mapping[str, str]:
        """The names in a template's context."""
        return {"unsubscribe_url": self.unsubscribe_url, "preferences_url": self.preferences_url}

    def are_in(self, text: str) -> bool:
        """Tell whether a text has one of the links.

        Args:
            text: A part of the mail.
        """
        return any(url and url in text for url in self.in_templates.values())


def links_of(notification: Notification, *, is_live: bool = True) -> Links:
    """Return the links for a notification's mail.

    Args:
        notification: The notification, with the record loaded.
        is_live: Whether the links shall work. In a preview, a click of another person must not
            unsubscribe anybody.
    """
    settings = engine_settings()
    record = notification.target_user_record
    if not settings.base_url:
        return Links()
    of_page = preferences_url(record)
    category = find_category(notification.category) if notification.category else None
    if category is None or not category.one_click:
        return _shown_only(Links(of_page)) if not is_live else Links(of_page)
    url = unsubscribe_url(record, category.key)
    if not url:
        return Links(of_page)
    links = Links(of_page, category, url, unsubscribe_token(record.pk, category.key))
    return links if is_live else _shown_only(links)


def template_context(notification: Notification, *, is_live: bool) -> dict[str, str]:
    """Return the links for a type's templates; see ``DescribesItself.template_context()``."""
    return dict(links_of(notification, is_live=is_live).in_templates)


def _shown_only(links: Links) -> Links:
    def without_token(url: str) -> str:
        return f"{url.rstrip('/').rpartition('/')[0]}/{NO_TOKEN}/" if url else ""

    return Links(
        without_token(links.preferences_url),
        links.category,
        without_token(links.unsubscribe_url),
        NO_TOKEN,
    )


def list_headers(notification: Notification) -> dict[str, str]:
    """Return the headers by which mail programs unsubscribe; for a project's own email handler.

    Source: RFC 8058, section 3.1; RFC 2369, section 3.2; RFC 2919, section 3.

    Args:
        notification: The notification, with the record loaded.

    Returns:
        ``List-Unsubscribe``, ``List-Unsubscribe-Post`` and ``List-Id``; nothing for a notification
        whose category has no ``one_click``.
    """
    return headers_of_links(links_of(notification))


def headers_of_links(links: Links, given: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Return the headers by which mail programs unsubscribe.

    Args:
        links: The mail's links.
        given: The headers of the mail's own, which win.
    """
    if links.category is None:
        return {}
    settings = engine_settings()
    names = {name.lower() for name in given or ()}
    headers = {}
    if names.isdisjoint({UNSUBSCRIBE.lower(), POST.lower()}):
        # The page first: mail programs without one click take the first that they know.
        uris = [f"<{links.unsubscribe_url}>"]
        if settings.unsubscribe_mailto:
            # The token is too long for the part before the "@" (RFC 5321, section 4.5.3.1.1).
            uris.append(f"<mailto:{settings.unsubscribe_mailto}?subject={links.token}>")
        headers[UNSUBSCRIBE] = ", ".join(uris)
        headers[POST] = "List-Unsubscribe=One-Click"
    if LIST_ID.lower() not in names:
        host = urlsplit(settings.base_url or "").hostname
        headers[LIST_ID] = f"<{links.category.key}.{host}>"
    return headers


class Footers:
    """The footers of a run's mails: rendered once for each category and language."""

    def __init__(self) -> None:
        self._rendered: dict[tuple[Any, ...], str] = {}

    def add_to(self, html: str, text: str, links: Links) -> tuple[str, str]:
        """Return the parts of a mail, with a footer where a part has no link to unsubscribe.

        Args:
            html: The HTML part, or an empty text.
            text: The text part.
            links: The mail's links.
        """
        if links.category is None or not engine_settings().unsubscribe_footer:
            return html, text
        if html and not links.are_in(html):
            html = _before_end_of_body(html, self._footer("html", links))
        if not links.are_in(text):
            text = f"{text.rstrip()}\n\n{self._footer('plain', links).strip()}\n"
        return html, text

    def _footer(self, subtype: ContentSubtype, links: Links) -> str:
        has_page = bool(links.preferences_url)
        place = (subtype, links.category, has_page, get_language())
        footer = self._rendered.get(place)
        if footer is None:
            suffix = "html" if subtype == "html" else "txt"
            context = {
                "category": links.category,
                "unsubscribe_url": UNSUBSCRIBE_HERE,
                "preferences_url": PREFERENCES_HERE if has_page else "",
            }
            footer = self._rendered[place] = render(f"{FOOTERS}.{suffix}", context, subtype)
        return footer.replace(UNSUBSCRIBE_HERE, links.unsubscribe_url).replace(
            PREFERENCES_HERE, links.preferences_url
        )


def _before_end_of_body(html: str, footer: str) -> str:
    # Not in html.lower(), which is longer where html has a Turkish İ.
    ends = [end.start() for end in END_OF_BODY.finditer(html)]
    place = ends[-1] if ends else len(html)
    return html[:place] + footer + html[place:]
