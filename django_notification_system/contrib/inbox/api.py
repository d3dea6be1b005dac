"""The inbox for scripts, as JSON: the items, and the number of unread ones."""

from hashlib import sha256

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe

from .access import error, for_scripts
from .listing import BadParameter, listing
from .unread import unread_of


@for_scripts
@require_safe
def items(request: HttpRequest) -> HttpResponse:
    """Answer with twenty items, newest first, and with the cursor of the twenty behind.

    Parameters are ``before``, the cursor, and ``show``: ``unread`` or ``archived``.
    """
    try:
        page = listing(request.user, request.GET)
    except BadParameter as problem:
        return error(str(problem), status=400)
    return JsonResponse({"items": [each.as_dict() for each in page.items], "next": page.next})


@for_scripts
@require_safe
def unread(request: HttpRequest) -> HttpResponse:
    """Answer with the number of unread items, or with 304 where nothing has changed."""
    answer = JsonResponse(unread_of(request.user).as_dict())
    etag = quote_etag(sha256(answer.content).hexdigest()[:32])
    answer["ETag"] = etag
    return get_conditional_response(request, etag=etag, response=answer) or answer
