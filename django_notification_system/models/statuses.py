"""The statuses of a notification, and the groups of statuses that several places ask for.

``Notification`` has the statuses as attributes, each with its meaning.
"""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

CANCELLED = "CANCELLED"
DELIVERED = "DELIVERED"
DELIVERY_FAILURE = "DELIVERY FAILURE"
EXPIRED = "EXPIRED"
INACTIVE_DEVICE = "INACTIVE DEVICE"
OPTED_OUT = "OPTED OUT"
RETRY = "RETRY"
SCHEDULED = "SCHEDULED"

LABELS = {
    CANCELLED: _("Cancelled"),
    DELIVERED: _("Delivered"),
    DELIVERY_FAILURE: _("Delivery Failure"),
    EXPIRED: _("Expired"),
    INACTIVE_DEVICE: _("Inactive Device"),
    OPTED_OUT: _("Opted Out"),
    RETRY: pgettext_lazy("status", "Retry"),
    SCHEDULED: _("Scheduled"),
}

#: Still to be delivered.
PENDING = (SCHEDULED, RETRY)
#: Reached by an attempt, so never without ``attempted_delivery``.
ATTEMPTED = (DELIVERED, DELIVERY_FAILURE, RETRY)
#: Never changed by a run again.
ENDED = tuple(status for status in LABELS if status not in PENDING)
#: Ended without a delivery.
UNDELIVERED = tuple(status for status in ENDED if status != DELIVERED)
#: Ended without a delivery, and by nobody's wish.
ENDED_IN_ERROR = (DELIVERY_FAILURE, EXPIRED, INACTIVE_DEVICE)
