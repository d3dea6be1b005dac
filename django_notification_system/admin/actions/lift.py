"""The action that lifts suppressions, however many; a page asks before."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ...batches import by_key
from ...exceptions import TargetUnavailable
from ...models import Suppression
from ...preferences.suppressions import lift
from ..listing.paginator import capped_count

TEMPLATE = "admin/django_notification_system/suppression/lift_confirmation.html"
#: The number of suppressions in memory.
READ_AT_ONCE = 500
#: The number of suppressions named on the page.
NAMED = 10


@admin.action(permissions=["delete"], description=_("Lift"))
def lift_selected(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Suppression]
) -> TemplateResponse | None:
    """Lift suppressions, each in a transaction of its own, with all that follows.

    In place of Django's action: Django loads and names all rows, and its page posts the key of
    each, of which a server takes no more than a thousand.
    """
    if "confirmed" not in request.POST:
        return _page(model_admin, request, queryset)
    lifted = 0
    #: Without repetitions: the targets whose modules this process lacks have an error each.
    errors: dict[str, None] = {}
    for suppression in _in_batches(queryset):
        try:
            is_lifted = lift(suppression, by=request.user)
        except TargetUnavailable as error:
            errors[str(error)] = None
            continue
        if is_lifted:
            model_admin.log_deletions(request, [suppression])
            lifted += 1
    for said in errors:
        model_admin.message_user(request, said, messages.ERROR)
    if errors and not lifted:
        return None
    text = ngettext(
        "%(number)d suppression was lifted.", "%(number)d suppressions were lifted.", lifted
    )
    model_admin.message_user(request, text % {"number": lifted}, messages.SUCCESS)
    return None


def _in_batches(rows: QuerySet[Suppression]) -> Iterator[Suppression]:
    """Yield the rows in the order of their keys, without those made meanwhile."""
    newest = rows.order_by("pk").last()
    if newest is not None:
        for found in by_key(rows.filter(pk__lte=newest.pk), READ_AT_ONCE):
            yield from found


def _page(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Suppression]
) -> TemplateResponse:
    number = capped_count(queryset)
    named = list(queryset.order_by("-pk")[: NAMED + 1])
    title = ngettext("Lift %(number)s suppression", "Lift %(number)s suppressions", number)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title % {"number": number},
        "opts": model_admin.opts,
        "action_name": "lift_selected",
        "destroys": True,
        "expected": {"changed": number},
        "named": [
            (
                model_admin.shown_address(row),
                row.target_key,
                model_admin.shown_category(row),
                row.get_reason_display(),
            )
            for row in named[:NAMED]
        ],
        "shortened": len(named) > NAMED,
        "media": model_admin.media,
        "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "select_across": request.POST.get("select_across", "0"),
        "checkbox_name": ACTION_CHECKBOX_NAME,
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, TEMPLATE, context)
