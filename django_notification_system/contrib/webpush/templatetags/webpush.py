"""``{% load webpush %}{% webpush_button %}``: the button by which people subscribe."""

from typing import Any

from django import template
from django.template import Context
from django.urls import reverse

from ..site_key import public_key

register = template.Library()


@register.inclusion_tag("django_notification_system/webpush/button.html", takes_context=True)
def webpush_button(context: Context, service_worker: str = "", scope: str = "") -> dict[str, Any]:
    """Show a button that turns push messages on and off; nothing where nobody is logged in.

    The browser asks for the permission when a person presses the button, and never before.

    Args:
        context: The template's context, with ``request``.
        service_worker: The address of the project's own service worker, which imports the
            package's; by default the package's own.
        scope: The service worker's scope; by default the folder of its address, so that no other
            service worker of the site has to give way.

    Raises:
        RuntimeError: When the context has no ``request``.
    """
    request = context.get("request")
    if request is None:
        raise RuntimeError(
            "webpush_button needs request in the template's context: add"
            " 'django.template.context_processors.request' to the context processors in TEMPLATES."
        )
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or not (key := public_key()):
        return {"is_shown": False}
    return {
        "is_shown": True,
        "public_key": key,
        "service_worker": service_worker
        or reverse("django_notification_system_webpush:service_worker"),
        "scope": scope,
        "subscription": reverse("django_notification_system_webpush:subscription"),
        "nonce": context.get("csp_nonce"),
    }
