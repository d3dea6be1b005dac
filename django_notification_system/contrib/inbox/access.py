"""Who may ask for what: everybody for the own inbox alone."""

from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from ...private_pages import View, private


def for_scripts(view: View) -> View:
    """Answer 403 in JSON without a login: a script can do nothing with a page to log in.

    Args:
        view: The view.
    """

    @login_not_required  # else LoginRequiredMiddleware redirects to that page
    @private
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return refused()
        return view(request, *args, **kwargs)

    return answer


def refused() -> JsonResponse:
    """Return the answer to somebody who is not logged in."""
    return error(_("Log in first."), status=403)


def error(message: str, *, status: int) -> JsonResponse:
    """Return an answer that says what is wrong.

    Args:
        message: The sentence.
        status: The status of HTTP.
    """
    return JsonResponse({"error": message}, status=status)
