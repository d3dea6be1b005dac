"""The admin of notifications."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest
from django.urls import path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import Notification, NotificationTarget
from ..models.notification import refuse_bad_extra
from .actions import ACTIONS, permitted, possible_actions
from .base import NotificationSystemAdmin
from .bulk import in_readers_language
from .dashboard import dashboard_page
from .filters import (
    AttemptedFilter,
    ErrorFilter,
    ExtentFilter,
    PersonFilter,
    PriorityFilter,
    StatusFilter,
    TargetFilter,
)
from .form import VersionedForm
from .history import AttemptInline
from .notification_list import NotificationList, badge
from .preview import framed_preview_page
from .search import user_search_fields

#: What brings files of the project's into a message.
FILES_IN_EXTRA = ("attachments", "template_name")


class ExtraField(forms.JSONField):
    """JSON that every database can store; whatever else was typed is shown again as it was."""

    def to_python(self, value: Any) -> Any:
        """Return the object.

        Raises:
            ValidationError: When it is none, or none that could be stored.
        """
        try:
            extra = super().to_python(value)
        except (ValueError, RecursionError) as error:
            # Python's own limits: an integer of too many digits, too many brackets.
            raise ValidationError(
                self.error_messages["invalid"], code="invalid", params={"value": value}
            ) from error
        refuse_bad_extra(extra)
        return extra

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what the field shows after an error."""
        if data is not None and not self.disabled:
            try:
                self.to_python(data)
            except ValidationError:
                return InvalidJSONInput(data)
        return super().bound_data(data, initial)


class NotificationForm(VersionedForm):
    """Offers the statuses that agree with what has become of the notification.

    Attributes:
        may_choose_files: Whether the person may have any file of the default storage sent, and
            any template rendered.
    """

    may_choose_files = False

    class Meta:
        field_classes = {"extra": ExtraField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        notification = self.instance
        if notification._state.adding:
            notification.status = Notification.SCHEDULED
        elif "status" in self.fields:
            impossible = (
                {Notification.SCHEDULED}
                if notification.attempted_delivery
                else set(Notification.ATTEMPTED_STATUSES)
            )
            self.fields["status"].choices = [  # type: ignore[attr-defined] # a ChoiceField
                (status, label)
                for status, label in Notification.STATUS_CHOICES
                if status not in impossible or status == notification.status
            ]

    def clean_extra(self) -> Any:
        """Leave it to superusers to name files.

        Whoever may add a notification may address it to themself.

        Raises:
            ValidationError: When somebody else has named one that was not there before.
        """
        extra = self.cleaned_data["extra"]
        if self.may_choose_files or not isinstance(extra, dict):
            return extra
        before = self.instance.extra if isinstance(self.instance.extra, dict) else {}
        for name in FILES_IN_EXTRA:
            if name in extra and (name not in before or extra[name] != before[name]):
                raise ValidationError(
                    _("Only superusers may set “%(name)s” here. Leave it as it was."),
                    code="superusers_only",
                    params={"name": name},
                )
        return extra


@admin.register(Notification)
class NotificationAdmin(NotificationSystemAdmin):
    """What is to be said, and what became of it; the latter is the engine's, to be read only."""

    class Media:
        css = {"all": ("django_notification_system/admin.css",)}

    form = NotificationForm
    actions = ACTIONS
    inlines = (AttemptInline,)
    list_display = (
        "target_user_record",
        "title",
        "status_badge",
        "scheduled_delivery",
        "attempted_delivery",
        "record_target",
        "priority",
    )
    named_by = ("target_user_record__user", "target_user_record__target")
    date_hierarchy = "scheduled_delivery"
    list_filter = (
        ExtentFilter,
        StatusFilter,
        TargetFilter,
        AttemptedFilter,
        "scheduled_delivery",
        ErrorFilter,
        PriorityFilter,
        PersonFilter,
    )
    # By anything else, a database would sort the whole table.
    sortable_by = ("scheduled_delivery",)
    # Not the body, as in release 1.5.3: bodies are most of what the table holds, and no index
    # helps to find a word inside them.
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
        (None, {"fields": ("target_user_record", "title", "body", "extra")}),
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
                )
            },
        ),
        (
            _("What became of it"),
            {
                "fields": (
                    "attempted_delivery",
                    "retry_attempts",
                    "response",
                    "provider_message_id",
                    "provider_status",
                    "confirmed_at",
                    "idempotency_key",
                    "claimed_until",
                    "created_date",
                    "modified_date",
                )
            },
        ),
    )
    add_fieldsets = (
        (None, {"fields": ("target_user_record", "title", "body", "extra")}),
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
    readonly_fields = (
        "attempted_delivery",
        "retry_attempts",
        "response",
        "provider_message_id",
        "provider_status",
        "confirmed_at",
        "idempotency_key",
        "claimed_until",
        "created_date",
        "modified_date",
    )

    def get_fieldsets(self, request: HttpRequest, obj: Notification | None = None) -> Any:
        """Leave out of the add page what only delivery makes; a new one is always scheduled."""
        return self.add_fieldsets if obj is None else super().get_fieldsets(request, obj)

    def get_inlines(self, request: HttpRequest, obj: Notification | None) -> Any:
        """Leave out of the add page the history that there is not."""
        return [] if obj is None else super().get_inlines(request, obj)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Return the form, which Django makes anew for each request, for this person."""
        form = super().get_form(request, obj, change, **kwargs)
        form.may_choose_files = getattr(request.user, "is_superuser", False)  # type: ignore[attr-defined] # a NotificationForm
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        """Offer to send it at once."""
        return {
            "scheduled_delivery": timezone.now(),
            **super().get_changeform_initial_data(request),
        }

    def get_urls(self) -> Any:
        """Add the pages of this app's own."""
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        preview = self.admin_site.admin_view(partial(framed_preview_page, self))
        dashboard = self.admin_site.admin_view(partial(dashboard_page, self))
        return [
            path("dashboard/", dashboard, name=f"{name}_dashboard"),
            path("<path:object_id>/preview/", preview, name=f"{name}_preview"),
            *super().get_urls(),
        ]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> Any:
        """Add what can be done with the notification, and where its preview is."""
        if obj is not None:
            name = f"admin:{self.opts.app_label}_{self.opts.model_name}_preview"
            context |= {
                "possible_actions": possible_actions(self, request, obj),
                "preview_url": reverse(name, args=[obj.pk], current_app=self.admin_site.name),
            }
        return super().render_change_form(request, context, add, change, form_url, obj)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow the filter by target, whose name in addresses is as Django's own would be."""
        if lookup == TargetFilter.parameter_name:
            return True
        return super().lookup_allowed(lookup, value, request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list whose periods cost nothing."""
        return NotificationList

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Show the log in the reader's language."""
        response = super().history_view(request, object_id, extra_context)
        if entries := (getattr(response, "context_data", None) or {}).get("action_list"):
            in_readers_language(entries)
        return response

    @admin.display(description=_("status"), ordering="status")
    def status_badge(self, notification: Notification) -> SafeString:
        """Return the status, to be told at a glance."""
        return badge(notification)

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

    @admin.display(description=_("target"))
    def record_target(self, notification: Notification) -> NotificationTarget:
        """Return the kind of destination."""
        return notification.target_user_record.target
