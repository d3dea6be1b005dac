"""Pages of one person, which no cache may keep for another one."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse

View = Callable[..., HttpResponse]

#: Django's own cache middleware heeds "private" alone.
CACHE_CONTROL = "private, no-store"


def private(view: View) -> View:
    """Keep a page from caches.

    Args:
        view: The view.
    """

    @wraps(view)
    def answer(*args: Any, **kwargs: Any) -> HttpResponse:
        response = view(*args, **kwargs)
        response["Cache-Control"] = CACHE_CONTROL
        return response

    return answer
