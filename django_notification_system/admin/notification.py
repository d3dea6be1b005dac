"""The admin of notifications."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.contrib.admin.views.main import ChangeList
from django.db import DEFAULT_DB_ALIAS
from django.http import HttpRequest
from django.urls import path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ..categories import all_categories
from ..message_types.registry import all_types
from ..models import Notification
from ..models.expressions import by_local_clock
from ..models.reserved import is_queued_mail
from .actions.bulk import in_readers_language
from .actions.choices import ACTIONS, permitted, possible_actions
from .base import NotificationSystemAdmin
from .dashboard import dashboard_page
from .history import SHOWN, latest_attempts
from .labels import category_label
from .listing.errors import AttemptedInFilter, ErrorFilter
from .listing.filters import (
    AttemptedFilter,
    CategoryFilter,
    ExtentFilter,
    PersonFilter,
    PriorityFilter,
    RecordFilter,
    StatusFilter,
    TargetFilter,
)
from .listing.notification_list import NotificationList, badge
from .listing.search import user_search_fields
from .moments import short
from .notification_form import NotificationForm
from .preview import framed_preview_page
from .recipient import recipient
from .summary import summary_of
from .superusers_keys import superusers_keys
from .types import types_pages

#: The fields that an attempt has sent, or tried to send: history from then on.
CONTENT = ("target_user_record", "title", "body", "extra", "category")
#: The fields that nobody enters.
WRITTEN_BY_RUNS = (
    "attempted_delivery",
    "retry_attempts",
    "interruptions",
    "response",
    "provider_message_id",
    "provider_status",
    "receipt_due_at",
    "confirmed_at",
    "idempotency_key",
    "claim_end",
    "created_date",
    "modified_date",
)
#: Of a queued mail, the fields that stand for a message kept elsewhere: a change would change
#: nothing that is sent.
OF_QUEUED_MAIL = ("target_user_record", "title")


@admin.register(Notification)
class NotificationAdmin(NotificationSystemAdmin):
    """A notification's content, and its delivery; the delivery's fields are read-only.

    Attributes:
        left_unread: The fields that the list does not read, unless ``list_display`` names them: a
            hundred bodies may be too much for a web server's memory. A project's own column made
            from such a field takes a query for each row, unless the project removes the field here.
    """

    left_unread: tuple[str, ...] = ("body", "extra")

    form = NotificationForm
    actions = ACTIONS
    list_display = ("status_badge", "title", "recipient", "due", "attempted")
    named_by = ("target_user_record__user", "target_user_record__target")
    date_hierarchy = "scheduled_delivery"
    list_filter = (
        ExtentFilter,
        StatusFilter,
        TargetFilter,
        CategoryFilter,
        AttemptedFilter,
        "scheduled_delivery",
        ErrorFilter,
        PriorityFilter,
        PersonFilter,
        RecordFilter,
        AttemptedInFilter,
    )
    # By anything else, a database would sort the whole table.
    sortable_by = ("due", "scheduled_delivery")
    # Without the body, which release 1.5.3 searched: bodies are most of the table's data, and no
    # index helps to find a word inside.
    search_fields = (
        "title",
        "target_user_record__target_user_id",
        *user_search_fields("target_user_record__user__"),
    )
    quickly_searched = search_fields
    search_help_text = _(
        "Titles, addresses and users. A quick search looks at the latest in full, and at the rest"
        " by how addresses and user names begin."
    )
    ordering = ("-scheduled_delivery",)
    searched_fields = ("target_user_record",)
    fieldsets = (
        (None, {"fields": ("target_user_record", "category", "title", "body", "extra")}),
        (
            _("Delivery"),
            {
                "fields": (
                    "status",
                    "scheduled_delivery",
                    "expires_at",
                    "priority",
                    "max_retries",
                    "retry_time_interval",
                    "follows_retry_policy",
                )
            },
        ),
        (
            _("What became of it"),
            {"fields": WRITTEN_BY_RUNS},
        ),
    )
    add_fieldsets = (
        (None, {"fields": ("target_user_record", "category", "title", "body", "extra")}),
        (
            _("Delivery"),
            {
                "fields": (
                    "scheduled_delivery",
                    "expires_at",
                    "priority",
                    "max_retries",
                    "retry_time_interval",
                )
            },
        ),
    )
    readonly_fields = ("follows_retry_policy", *WRITTEN_BY_RUNS)

    @admin.display(description=_("claimed until"))
    def claim_end(self, notification: Notification) -> str:
        """Return the end of a run's claim, as the other moments are shown."""
        using = notification._state.db or DEFAULT_DB_ALIAS
        moment = by_local_clock(notification.claimed_until, using=using)
        return display_for_value(moment, self.get_empty_value_display())

    def get_fieldsets(self, request: HttpRequest, obj: Notification | None = None) -> Any:
        """Leave the delivery's fields out of the add page: a new notification is scheduled."""
        fieldsets = self.add_fieldsets if obj is None else super().get_fieldsets(request, obj)
        if obj is not None and is_queued_mail(obj):  # the preview shows all of the message
            fieldsets = [_without(_without(fields, "extra"), "body") for fields in fieldsets]
        if all_categories() or (obj is not None and obj.category):
            return fieldsets
        return [_without(fields, "category") for fields in fieldsets]

    def get_list_display(self, request: HttpRequest) -> Any:
        """Show the category where the project has categories, and no columns of its own."""
        columns = super().get_list_display(request)
        if columns != NotificationAdmin.list_display or not all_categories():
            return columns
        return (*columns[:2], "category_label", *columns[2:])

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save; a notification with an interval of its own no longer follows the policy."""
        super().save_model(request, obj, form, change)
        if change and "retry_time_interval" in form.changed_data and obj.follows_retry_policy:
            rows = Notification.objects.using(obj._state.db).filter(pk=obj.pk)
            rows.update(follows_retry_policy=False)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Return the form for this person; Django makes a new form class for each request."""
        form = super().get_form(request, obj, change, **kwargs)
        form.may_direct_mail = self.may_direct_mail(request)  # type: ignore[attr-defined] # a NotificationForm
        return form

    def may_direct_mail(self, request: HttpRequest) -> bool:
        """Tell whether the person may set all of ``extra``; see ``superusers_keys()``."""
        return bool(getattr(request.user, "is_superuser", False))

    def get_readonly_fields(self, request: HttpRequest, obj: Notification | None = None) -> Any:
        """Keep sent content and queued mails unchanged, and files with their recipient."""
        fields = tuple(super().get_readonly_fields(request, obj))
        if obj is None:
            return fields
        if obj.attempted_delivery is not None:
            return (*CONTENT, *fields)
        if is_queued_mail(obj):
            return (*OF_QUEUED_MAIL, *fields)
        if self.may_direct_mail(request):
            return fields
        if obj.has_attachments or (obj.extra and superusers_keys().bring_files(obj.extra)):
            return ("target_user_record", *fields)
        return fields

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        """Offer to send the notification at once."""
        return {
            "scheduled_delivery": timezone.now(),
            **super().get_changeform_initial_data(request),
        }

    def get_urls(self) -> Any:
        """Add the pages of this app."""
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        preview = self.admin_site.admin_view(partial(framed_preview_page, self))
        dashboard = self.admin_site.admin_view(partial(dashboard_page, self))
        return [
            path("dashboard/", dashboard, name=f"{name}_dashboard"),
            *types_pages(self),
            path("<path:object_id>/preview/", preview, name=f"{name}_preview"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Link to the page of types, where there are types and the person may look at them."""
        offers_types = bool(all_types()) and self.has_change_permission(request)
        context = {"offers_types": offers_types, **(extra_context or {})}
        return super().changelist_view(request, context)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> Any:
        """Add the beginning of the page: status, actions, preview and attempts."""
        if obj is not None:
            name = f"admin:{self.opts.app_label}_{self.opts.model_name}_preview"
            context |= {
                "title": _("“%(title)s” to %(recipient)s")
                % {"title": obj.title, "recipient": recipient(obj)},
                "subtitle": None,
                "summary": summary_of(obj, timezone.now()),
                "possible_actions": possible_actions(self, request, obj),
                "is_to_be_sent": obj.status in Notification.PENDING_STATUSES,
                "preview_url": reverse(name, args=[obj.pk], current_app=self.admin_site.name),
                "attempts": latest_attempts(obj),
                "attempts_shown": SHOWN,
            }
        return super().render_change_form(request, context, add, change, form_url, obj)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow the filter by target, whose parameter has the name that Django would give."""
        if lookup == TargetFilter.parameter_name:
            return True
        return super().lookup_allowed(lookup, value, request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list with periods that cost nothing."""
        return NotificationList

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Show the log in the reader's language."""
        response = super().history_view(request, object_id, extra_context)
        if entries := (getattr(response, "context_data", None) or {}).get("action_list"):
            in_readers_language(entries)
        return response

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        """Let the title lead to the notification, where the list shows the title."""
        if self.list_display_links == () and "title" in list_display:
            return ("title",)
        return super().get_list_display_links(request, list_display)

    @admin.display(description=_("status"), ordering="status")
    def status_badge(self, notification: Notification) -> SafeString:
        """Return the status as a coloured word with a sign."""
        return badge(notification)

    @admin.display(description=pgettext_lazy("recipient", "to"))
    def recipient(self, notification: Notification) -> str:
        """Return the person and the target."""
        return recipient(notification)

    @admin.display(description=_("category"))
    def category_label(self, notification: Notification) -> Any:
        """Return the label of the category, or the key of a category that is known no more."""
        return category_label(notification.category)

    @admin.display(description=_("due"), ordering="scheduled_delivery")
    def due(self, notification: Notification) -> SafeString:
        """Return when the notification is due."""
        return short(notification.scheduled_delivery)

    @admin.display(description=_("attempted"))
    def attempted(self, notification: Notification) -> SafeString:
        """Return when the last attempt was made."""
        return short(notification.attempted_delivery)

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Tell whether the person may send notifications now."""
        return permitted(request, "send")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Tell whether the person may send failed notifications again."""
        return permitted(request, "retry")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Tell whether the person may cancel notifications."""
        return permitted(request, "cancel")

    def has_reschedule_permission(self, request: HttpRequest) -> bool:
        """Tell whether the person may reschedule notifications."""
        return permitted(request, "reschedule")


def _without(fieldset: Any, name: str) -> Any:
    """Return a fieldset without a field."""
    heading, options = fieldset
    fields = tuple(field for field in options["fields"] if field != name)
    return heading, {**options, "fields": fields}
