"""Whether the project's own page to unsubscribe answers as mail programs need it."""

import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from ..conf import engine_settings
from ..outcome import one_line

#: Seconds until the page must have answered.
TIMEOUT = 10


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Mail programs follow no redirect (RFC 8058, section 3.1)."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow nothing."""
        return


def look_at(url: str) -> str:
    """Fetch a page of the project's own, and say how the page answers.

    Args:
        url: An address that begins with ``NOTIFICATION_SYSTEM["BASE_URL"]``; no other is fetched.
    """
    base = urlsplit(engine_settings().base_url or "")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts[:2] != base[:2]:
        return _("The page was not fetched: the address is not BASE_URL's.")
    opener = urllib.request.build_opener(_NoRedirect)
    status: int
    try:
        with opener.open(url, timeout=TIMEOUT) as response:
            status = response.status
    except urllib.error.HTTPError as error:
        error.close()
        status = error.code
    except (OSError, ValueError, HTTPException) as error:
        return _("The page could not be fetched from here: %s") % one_line(error)
    # The record of a test message is not stored: the page says that the address was deleted.
    if status in (HTTPStatus.OK, HTTPStatus.GONE):
        return _("The page answers.")
    if 300 <= status < 400:
        return str(
            _(
                "The page redirects (HTTP %d), and mail programs follow no redirect. Correct"
                " BASE_URL."
            )
            % status
        )
    return (
        _("The page answers with HTTP %d. See that BASE_URL is right, and the URLs served.")
        % status
    )
