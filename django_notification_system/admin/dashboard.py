"""The page that shows at a glance whether notifications go out."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from ..delivery.claims.pause import is_paused
from ..models import NotificationTarget
from ..operations.queue.status import Cause, QueueStatus, queue_status
from .chart import DAY, HEIGHT, KINDS, WEEK, WIDTH, charts
from .listing.errors import AttemptedInFilter, ErrorFilter
from .listing.filters import TargetFilter
from .listing.paginator import AtLeast
from .visible import visible_notifications, visible_targets

TEMPLATE = "admin/django_notification_system/notification/dashboard.html"
#: Enough rows to see workers at work; ``notification_status`` reads more.
CLAIMS_AMONG = 500
SPANS = {"day": (_("24 hours"), DAY), "week": (_("7 days"), WEEK)}


def dashboard_page(model_admin: Any, request: HttpRequest) -> TemplateResponse:
    """Return the page.

    Args:
        model_admin: The admin of notifications.
        request: The visitor's request.

    Raises:
        PermissionDenied: When the person may not see notifications.
    """
    if not model_admin.has_view_or_change_permission(request):
        raise PermissionDenied
    chosen = request.GET.get("span", "day")
    chosen = chosen if chosen in SPANS else "day"
    rows = visible_notifications(model_admin, request)
    at = timezone.now()
    targets = list(visible_targets(model_admin, request).order_by("name"))
    status = queue_status(targets, using=rows.db, claims_among=CLAIMS_AMONG, among=rows)
    by_name = {target.name: target for target in targets}
    claimed = sum(claim.notifications for claim in status.claims)
    drawn = charts(targets, SPANS[chosen][1], at, rows)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Dashboard"),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "at": at,
        "status": status,
        "causes": [
            (cause, _link_to_rows(cause, status, by_name[cause.target])) for cause in status.causes
        ],
        "claimed": AtLeast(claimed) if claimed >= CLAIMS_AMONG else claimed,
        "paused": [target for target in targets if is_paused(target, at=at)],
        "chosen": chosen,
        "charts": drawn.shown,
        "charted_from": drawn.counted_from,
        "charts_left_out": drawn.left_out,
        "kinds": KINDS.items(),
        "width": WIDTH,
        "height": HEIGHT,
        "spans": [(name, label, name == chosen) for name, (label, _span) in SPANS.items()],
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, TEMPLATE, context)


def _link_to_rows(cause: Cause, status: QueueStatus, target: NotificationTarget) -> str:
    """Return the list's parameters for the rows that are counted for a cause."""
    span = AttemptedInFilter.value_of(status.failures_since, status.at)
    return urlencode(
        {
            ErrorFilter.parameter_name: cause.text,
            TargetFilter.parameter_name: str(target.pk),
            AttemptedInFilter.parameter_name: span,
        }
    )
