"""The actions of the list of notifications; a page asks before each action."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy, pgettext_lazy

from ...models import Notification
from ...models.changes import Changed
from ..form import name_parts
from ..listing.paginator import COUNTED_ROWS, AtLeast
from ..moments import short
from ..recipient import recipient
from .bulk import CHANGES, apply, first_rows, preview, reasons

TEMPLATE = "admin/django_notification_system/notification/action_confirmation.html"
#: The number of notifications named on the page.
NAMED = 10

Action = Callable[[Any, HttpRequest, Any], TemplateResponse | None]


class MomentForm(forms.Form):
    """Asks for the new time of notifications."""

    moment = forms.SplitDateTimeField(label=_("New time"), widget=AdminSplitDateTime)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name_parts(self.fields["moment"])

    def clean_moment(self) -> datetime:
        """Refuse a time that has passed.

        Raises:
            ValidationError: When the time has passed; another action is for now.
        """
        moment: datetime = self.cleaned_data["moment"]
        if moment <= timezone.now():
            raise ValidationError(
                _("This time has passed. Enter a later one, or use “Send now”."), code="past"
            )
        return moment


@admin.action(permissions=["send"], description=_("Send now"))
def send_now(model_admin: Any, request: HttpRequest, queryset: Any) -> TemplateResponse | None:
    """Make later notifications due now."""
    return _ask_or_do(model_admin, request, queryset, "send_now")


@admin.action(permissions=["retry"], description=_("Send failed ones again"))
def retry_failed(model_admin: Any, request: HttpRequest, queryset: Any) -> TemplateResponse | None:
    """Schedule failed notifications again, with all their attempts."""
    return _ask_or_do(model_admin, request, queryset, "retry_failed")


@admin.action(permissions=["cancel"], description=pgettext_lazy("notifications", "Cancel"))
def cancel(model_admin: Any, request: HttpRequest, queryset: Any) -> TemplateResponse | None:
    """Cancel pending notifications."""
    return _ask_or_do(model_admin, request, queryset, "cancel")


@admin.action(permissions=["reschedule"], description=_("Reschedule"))
def reschedule(model_admin: Any, request: HttpRequest, queryset: Any) -> TemplateResponse | None:
    """Move pending notifications to a time entered on the page."""
    return _ask_or_do(model_admin, request, queryset, "reschedule", MomentForm)


ACTIONS: tuple[Action, ...] = (send_now, retry_failed, cancel, reschedule)
#: Not read from ``get_actions()``: Django 6.1 has replaced its tuples by objects.
DESCRIPTIONS: dict[str, Any] = {
    action.__name__: action.short_description  # type: ignore[attr-defined] # by the decorator
    for action in ACTIONS
}
#: The texts of the title and the button on an action's page.
SENTENCES: dict[str, Any] = {
    "send_now": ngettext_lazy(
        "Send %(number)s notification now", "Send %(number)s notifications now", "number"
    ),
    "retry_failed": ngettext_lazy(
        "Send %(number)s notification again", "Send %(number)s notifications again", "number"
    ),
    "cancel": ngettext_lazy(
        "Cancel %(number)s notification", "Cancel %(number)s notifications", "number"
    ),
    "reschedule": ngettext_lazy(
        "Reschedule %(number)s notification", "Reschedule %(number)s notifications", "number"
    ),
}
#: The irreversible actions, with a red button.
DESTROYING = ("cancel",)


def _ask_or_do(
    model_admin: Any,
    request: HttpRequest,
    queryset: Any,
    name: str,
    form_class: type[MomentForm] | None = None,
) -> TemplateResponse | None:
    confirmed = "confirmed" in request.POST
    form = None
    moment = timezone.now()
    if form_class is not None:
        form = form_class(request.POST if confirmed else None)
        if confirmed and form.is_valid():
            moment = form.cleaned_data["moment"]
    if confirmed and (form is None or form.is_valid()):
        result = apply(name, queryset, moment, user_id=request.user.pk)
        _tell(model_admin, request, result)
        return None
    expected = preview(name, queryset, moment)
    named = first_rows(name, queryset, moment, NAMED + 1)
    return _page(model_admin, request, name, expected, named, form)


def _page(
    model_admin: Any,
    request: HttpRequest,
    name: str,
    expected: Changed,
    named: Sequence[tuple[Notification, Any]],
    form: MomentForm | None,
) -> TemplateResponse:
    is_more = expected.changed + expected.left.total() > COUNTED_ROWS
    number = AtLeast(expected.changed) if is_more else expected.changed
    context = {
        **model_admin.admin_site.each_context(request),
        "title": SENTENCES[name] % {"number": number},
        "opts": model_admin.opts,
        "action_name": name,
        "destroys": name in DESTROYING,
        "expected": expected,
        "reasons": reasons(expected),
        "counted": COUNTED_ROWS,
        "more_than_counted": is_more,
        "named": [
            (row, recipient(row), short(row.scheduled_delivery, timezone.now()), reason)
            for row, reason in named[:NAMED]
        ],
        "shortened": len(named) > NAMED,
        "form": form,
        "media": model_admin.media + form.media if form else model_admin.media,
        "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "select_across": request.POST.get("select_across", "0"),
        "checkbox_name": ACTION_CHECKBOX_NAME,
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, TEMPLATE, context)


def _tell(model_admin: Any, request: HttpRequest, result: Changed) -> None:
    if result.changed:
        text = ngettext(
            "%(number)s notification was changed.",
            "%(number)s notifications were changed.",
            result.changed,
        )
        model_admin.message_user(request, text % {"number": result.changed}, messages.SUCCESS)
    if not result.left:
        return
    said = "; ".join(f"{number} ({reason})" for number, reason in reasons(result))
    number = result.left.total()
    text = ngettext(
        "%(number)s notification was left as it was: %(reasons)s.",
        "%(number)s notifications were left as they were: %(reasons)s.",
        number,
    )
    model_admin.message_user(request, text % {"number": number, "reasons": said}, messages.WARNING)


def possible_actions(
    model_admin: Any, request: HttpRequest, notification: Notification
) -> list[tuple[str, Any]]:
    """Return the actions that a person may use on a notification now.

    Args:
        model_admin: The admin of notifications.
        request: The person's request.
        notification: The notification.

    Returns:
        The names of the actions, with their descriptions.
    """
    return [
        (name, DESCRIPTIONS[name])
        for name in model_admin.get_actions(request)
        if name in CHANGES and notification.status in CHANGES[name].statuses
    ]


def permitted(request: HttpRequest, verb: str) -> bool:
    """Tell whether a person has the permission of an action.

    Args:
        request: The person's request.
        verb: The permission's verb, such as ``send``.
    """
    return request.user.has_perm(f"{Notification._meta.app_label}.{verb}_notification")
