"""The admin of target user records; people know records as user targets."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_permission_codename
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..models import Notification, TargetUserRecord, UserTarget
from .base import NotificationSystemAdmin
from .consent import consent_of
from .listing.filters import (
    AccountFilter,
    ExtentFilter,
    JustMeFilter,
    PersonFilter,
    RecordFilter,
    notifications_of,
)
from .listing.paginator import capped_count
from .listing.quick_search import records_meant
from .listing.search import user_search_fields, words
from .preferences import preferences_page
from .visible import visible_notifications

#: The fields of the unique constraint, so that the constraint's index gives the page. The newest
#: users come first if users' keys count up. PostgreSQL lists records without a user before them,
#: other databases after them.
ORDERING = ("-user_id", "-target_id", "-target_user_id")

#: The attribute of a shown record with the notifications that the person may see.
SEEN = "notifications_seen"


class UserTargetList(ChangeList):
    """Keeps an order that can be read from an index."""

    def get_ordering(self, request: HttpRequest, queryset: Any) -> Any:
        """Return the order without Django's additional key: a proxy hides its constraints."""
        ordering = list(super().get_ordering(request, queryset))
        is_total = set(ORDERING) <= set(ordering)
        return ordering[:-1] if is_total and ordering[-1] == "-pk" else ordering


@admin.register(UserTarget)
class UserTargetAdmin(NotificationSystemAdmin):
    """Users' addresses in targets, for people with the permissions of ``TargetUserRecord``."""

    list_display = ("person", "target", "description", "target_user_id", "active")
    named_by = ("user", "target")
    list_filter = (ExtentFilter, "active", JustMeFilter, AccountFilter, "target")
    sortable_by = ("description", "target_user_id", "active")
    search_fields = (*user_search_fields("user__"), "target_user_id", "description")
    quickly_searched = search_fields
    search_help_text = _(
        "Users, addresses and descriptions. A quick search looks at 1,000 users in full, as a rule"
        " the latest, and at the rest by how addresses and user names begin."
    )
    ordering = ORDERING
    searched_fields = ("user", "target")
    fields = ("user", "target", "target_user_id", "description", "active")
    readonly_fields = (
        "notifications",
        "hard_bounces",
        "inactive_reason",
        "origin",
        "created_date",
        "modified_date",
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the records that match every word."""
        if not self.searches_quickly(request):
            return super().get_search_results(request, queryset, search_term)
        for meant in records_meant(words(search_term), using=queryset.db, described=True):
            queryset = queryset.filter(pk__in=meant)
        return queryset, False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list whose order stays in its index."""
        return UserTargetList

    def get_fields(self, request: HttpRequest, obj: TargetUserRecord | None = None) -> Any:
        """Add the fields of an existing record."""
        if obj is None:
            return self.fields
        shown = (*self.fields, *self.readonly_fields)
        if self._may_see_notifications(request):
            return shown
        return tuple(name for name in shown if name != "notifications")

    @admin.display(description=_("user"))
    def person(self, record: TargetUserRecord) -> str:
        """Return the user, or that there is none."""
        return gettext("No account") if record.user is None else str(record.user)

    @admin.display(description=_("notifications of the user"))
    def notifications(self, record: TargetUserRecord) -> SafeString:
        """Return a link to the notifications for all records of the user, with their number.

        Without a user, the notifications are the record's.
        """
        rows = getattr(record, SEEN, None)
        name = f"admin:{Notification._meta.app_label}_{Notification._meta.model_name}_changelist"
        return format_html(
            '<a href="{}?{}">{}</a>',
            reverse(name, current_app=self.admin_site.name),
            urlencode(
                {RecordFilter.parameter_name: str(record.pk)}
                if record.user_id is None
                else {PersonFilter.parameter_name: str(record.user_id)}
            ),
            "…" if rows is None else capped_count(_of_recipient(record, rows)),
        )

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Return the record, with the notifications that the person may see."""
        record = super().get_object(request, object_id, from_field)
        if record is not None and self._may_see_notifications(request):
            notifications = self.admin_site.get_model_admin(Notification)
            setattr(record, SEEN, visible_notifications(notifications, request))
        return record

    def get_urls(self) -> Any:
        """Add the page with the preferences of a record's user."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_preferences"
        page = self.admin_site.admin_view(partial(preferences_page, self))
        return [path("<path:object_id>/preferences/", page, name=name), *super().get_urls()]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> Any:
        """Add the end of the page: the preferences of the record's user, and the log of consent."""
        if obj is not None:
            context["consent"] = consent_of(self, request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _may_see_notifications(self, request: HttpRequest) -> bool:
        if not self.admin_site.is_registered(Notification):
            return False
        notifications: Any = self.admin_site.get_model_admin(Notification)
        return bool(notifications.has_view_or_change_permission(request))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save; reset the bounces for a new address, or an address that a person switched on.

        Details belong to the former address, and go with it.
        """
        changed = form.changed_data if change else []
        if "target_user_id" in changed:
            obj.details = None
        super().save_model(request, obj, form, change)
        if "target_user_id" in changed or ("active" in changed and obj.active):
            TargetUserRecord.objects.using(obj._state.db).filter(pk=obj.pk).update(
                hard_bounces=0, inactive_reason="", details=obj.details
            )

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the person may see records."""
        return _has_permission(request, "view") or _has_permission(request, "change")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Tell whether the person may add records."""
        return _has_permission(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the person may change records."""
        return _has_permission(request, "change")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the person may delete records."""
        return _has_permission(request, "delete")


@admin.register(TargetUserRecord)
class TargetUserRecordAdmin(UserTargetAdmin):
    """The same at release 1.5.3's address, where notifications look for records too."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return false: the index has "User Targets"."""
        return False


def _of_recipient(record: TargetUserRecord, notifications: QuerySet[Any]) -> QuerySet[Any]:
    if record.user_id is None:
        return notifications.filter(target_user_record=record.pk)
    return notifications_of(record.user_id, notifications)


def _has_permission(request: HttpRequest, action: str) -> bool:
    options = TargetUserRecord._meta
    codename = get_permission_codename(action, options)
    return request.user.has_perm(f"{options.app_label}.{codename}")
