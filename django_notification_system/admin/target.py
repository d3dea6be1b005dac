"""The admin of targets."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..delivery.handlers.find import find_handler
from ..exceptions import TargetUnavailable
from ..models import NotificationTarget
from ..operations.destination import destination
from .base import NotificationSystemAdmin


@admin.register(NotificationTarget)
class NotificationTargetAdmin(NotificationSystemAdmin):
    """Shows for each target whether a handler can deliver to the target."""

    list_display = ("name", "notification_module_name", "handler")
    search_fields = ("name", "notification_module_name")
    ordering = ("name",)
    fields = ("name", "notification_module_name")
    readonly_fields = ("handler", "goes_to", "created_date", "modified_date")
    #: Only an existing target can be paused, and its pause ended.
    pause_fields = ("paused_until", "pause_reason")

    def get_fields(self, request: HttpRequest, obj: NotificationTarget | None = None) -> Any:
        """Add the fields of an existing target."""
        if obj is None:
            return self.fields
        return (*self.fields, *self.pause_fields, *self.readonly_fields)

    @admin.display(description=_("handler"))
    def handler(self, target: NotificationTarget) -> SafeString:
        """Return where the handler is, or why there is none."""
        try:
            icon, text = "yes", find_handler(target).source
        except TargetUnavailable as error:
            icon, text = "no", str(error)
        return format_html(
            '<img src="{}" alt="{}"> {}', static(f"admin/img/icon-{icon}.svg"), ALT[icon], text
        )

    @admin.display(description=_("goes to"), empty_value="-")
    def goes_to(self, target: NotificationTarget) -> str | None:
        """Return the destination of the target's messages, as the handler says."""
        try:
            return destination(find_handler(target)) or None
        except TargetUnavailable:
            return None  # the handler's field says why


ALT = {"yes": _("Found:"), "no": _("Not found:")}
