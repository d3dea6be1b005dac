"""The page on which a person with the permission changes the preferences of somebody else."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from ..models import ConsentLog
from ..preferences.forms import PreferencesForm
from ..preferences.owners import UserOwner
from .consent import may_act_for, reachable_by

TEMPLATE = "admin/django_notification_system/usertarget/preferences.html"


def preferences_page(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Show the preferences of a record's user, and store the visitor's changes in the user's name.

    Args:
        model_admin: The admin of user targets.
        request: The visitor's request.
        object_id: The record's key, as in the URL.

    Raises:
        Http404: When there is no such record, or the record has no user.
        PermissionDenied: When the visitor may not see the record, or not change preferences.
    """
    record = model_admin.get_object(request, unquote(object_id))
    if record is None or record.user is None:
        raise Http404
    if not model_admin.has_view_or_change_permission(request, record) or not may_act_for(
        request, record
    ):
        raise PermissionDenied
    owner = UserOwner(record.user, how=ConsentLog.How.ADMIN, by=request.user)
    visible = reachable_by(model_admin, request, record.user_id)
    owner.targets = {key: name for key, name in owner.targets.items() if key in visible}
    form = PreferencesForm(owner, request.POST if request.method == "POST" else None)
    opts, site = model_admin.opts, model_admin.admin_site
    name = f"admin:{opts.app_label}_{opts.model_name}_change"
    back = reverse(name, args=[record.pk], current_app=site.name)
    if form.is_bound and form.is_valid():
        form.save()
        messages.success(
            request, _("The preferences of %(user)s are stored.") % {"user": record.user}
        )
        return HttpResponseRedirect(back)
    context = {
        **site.each_context(request),
        "title": _("Preferences of %(user)s") % {"user": record.user},
        "opts": opts,
        "media": model_admin.media,
        "original": record,
        "back": back,
        "preferences": form,
    }
    request.current_app = site.name
    return TemplateResponse(request, TEMPLATE, context)
