"""The view of the stream."""

from collections.abc import AsyncGenerator

from asgiref.sync import SyncToAsync, sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from ....conf import engine_settings
from ....private_pages import CACHE_CONTROL
from ..access import refused
from ..keys import item_key_of
from .events import CONTENT_TYPE
from .login import Login
from .rounds import close_connections
from .streams import Stream, open_streams


@transaction.non_atomic_requests  # Django allows ATOMIC_REQUESTS no asynchronous view
@login_not_required  # as for_scripts()
@require_GET
async def stream(request: HttpRequest) -> HttpResponseBase:
    """Send events to a reader's page, as long as the page is open.

    Under WSGI, where a stream would hold a worker, the answer says how often to ask instead; with
    ``SSE_CONNECTIONS`` open streams too, with the status 503.
    """
    response = await _answer(request)
    response["Cache-Control"] = CACHE_CONTROL
    return response


async def _answer(request: HttpRequest) -> HttpResponseBase:
    login = await sync_to_async(Login.of)(request)
    if login is None:
        return refused()
    options = engine_settings()
    polling = {"poll": options.inbox_poll_seconds}
    if not isinstance(request, ASGIRequest):
        return JsonResponse(polling)
    if len(open_streams()) >= options.sse_connections:
        return JsonResponse(polling, status=503)
    # Django 5.2's GZipMiddleware makes each chunk a file, and browsers read the first file alone.
    request.META.pop("HTTP_ACCEPT_ENCODING", None)
    last_seen = item_key_of(request.headers.get("Last-Event-ID", ""))
    opened = Stream(login, language=get_language() or "", last_seen=last_seen)
    open_streams().add(opened)
    response = StreamingHttpResponse(_content(opened), content_type=CONTENT_TYPE)
    response["X-Accel-Buffering"] = "no"  # nginx collects what it passes on, unless told
    return response


async def _content(opened: Stream) -> AsyncGenerator[bytes]:
    await _let_go()
    try:
        async for part in opened.content():
            yield part
    finally:
        open_streams().forget(opened)


async def _let_go() -> None:
    """Give back the request's connections to the database, and its thread, for hours to come.

    Under ASGI each request has a thread for synchronous code, with connections of its own: a
    thousand streams would hold a thousand of both.
    """
    await sync_to_async(close_connections)()
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is not None:
        # Without a reference, the executor's thread ends. Another one is made when needed.
        SyncToAsync.context_to_thread_executor.pop(context, None)
