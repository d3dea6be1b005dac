"""A visitor's rows, for counts and names outside a list.

A project narrows the visible rows by ``get_queryset()`` of its own admin classes. A page's words on
other rows would disclose these rows.
"""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import get_user_model
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from ..models import Notification, NotificationTarget, TargetUserRecord, UserTarget
from ..models.notification_queryset import NotificationQuerySet


def visible_notifications(model_admin: Any, request: HttpRequest) -> NotificationQuerySet:
    """Return the notifications that a visitor may see, without the admin's joins and annotations.

    Where nothing is narrowed, the query has nothing of the project's: the project's joins and
    annotations would be counted too, and keep a database from its indexes.

    Args:
        model_admin: The admin of notifications.
        request: The visitor's request.
    """
    rows = model_admin.get_queryset(request)
    notifications = Notification.objects.using(rows.db)
    is_narrowed = rows.query.has_filters() or rows.query.is_sliced or rows.query.combinator
    if not is_narrowed:
        return notifications
    return notifications.filter(pk__in=rows.prefetch_related(None).order_by().values("pk"))


def visible_targets(model_admin: Any, request: HttpRequest) -> QuerySet[NotificationTarget]:
    """Return the targets that a visitor may know of; by default all, as in the list's filter.

    Args:
        model_admin: The admin of notifications.
        request: The visitor's request.
    """
    using = model_admin.get_queryset(request).db
    if not model_admin.admin_site.is_registered(NotificationTarget):
        return NotificationTarget.objects.using(using)
    target_admin: Any = model_admin.admin_site.get_model_admin(NotificationTarget)
    rows: QuerySet[NotificationTarget] = target_admin.get_queryset(request).using(using)
    return rows


def may_name_user(model_admin: Any, request: HttpRequest, user: Any) -> bool:
    """Tell whether a visitor knows of a user: by a notification, a record, or the user itself.

    Args:
        model_admin: The admin of notifications.
        request: The visitor's.
        user: The user.
    """
    notifications = visible_notifications(model_admin, request)
    records = TargetUserRecord.objects.using(notifications.db).filter(user=user.pk)
    if notifications.filter(target_user_record__in=records).exists():
        return True
    site = model_admin.admin_site
    return (
        _seen(site, request, UserTarget).filter(user=user.pk).exists()
        or _seen(site, request, TargetUserRecord).filter(user=user.pk).exists()
        or _seen(site, request, get_user_model()).filter(pk=user.pk).exists()
    )


def may_name_record(model_admin: Any, request: HttpRequest, record: TargetUserRecord) -> bool:
    """Tell whether a visitor knows of a record: by a notification, or the record itself.

    Args:
        model_admin: The admin of notifications.
        request: The visitor's.
        record: The record.
    """
    site = model_admin.admin_site
    return (
        visible_notifications(model_admin, request).filter(target_user_record=record.pk).exists()
        or _seen(site, request, UserTarget).filter(pk=record.pk).exists()
        or _seen(site, request, TargetUserRecord).filter(pk=record.pk).exists()
    )


def _seen(site: AdminSite, request: HttpRequest, model: type[Model]) -> QuerySet[Any]:
    if not site.is_registered(model):
        return model._default_manager.none()
    model_admin: Any = site.get_model_admin(model)
    if not model_admin.has_view_or_change_permission(request):
        return model._default_manager.none()
    rows: QuerySet[Any] = model_admin.get_queryset(request)
    return rows
