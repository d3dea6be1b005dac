"""A handler for it, loaded by its path.

As in the example, two names are used that nothing defines, what is returned on success is nothing,
and the number of attempts is never counted.
"""

from carrior_pigeon_sdk import (
    PigeonDiedException,
    PigeonGotLostException,
    request_delivery,
    request_economy_aka_old_pigeon_delivery,  # noqa: F401 # imported and not used there
    request_priority_delivery,  # noqa: F401 # imported and not used there
)
from dateutil.relativedelta import relativedelta
from django.utils import timezone

from ..utils import check_and_update_retry_attempts  # noqa: F401 # imported and not used there


def send_notification(notification) -> str:
    try:
        request_delivery(
            recipient=notification.target_user_record.target_user_id,
            sender="An app",
            title=notification.title,
            body=notification.body,
            talking_pigeon="speak_message" in test and extra["speak_message"],  # noqa: F821
            pay_on_delivery="cheapskate" in test and extra["cheapskate"],  # noqa: F821
        )
    except PigeonDiedException:
        notification.attempted_delivery = timezone.now()
        notification.status = notification.DELIVERY_FAILURE
        notification.save()
        return "The pigeon has died."
    except PigeonGotLostException:
        notification.attempted_delivery = timezone.now()
        if notification.retry_attempts < notification.max_retries:
            notification.status = notification.RETRY
            notification.scheduled_delivery = timezone.now() + relativedelta(
                minutes=notification.retry_time_interval
            )
            notification.save()
            return "The pigeon is lost; another goes later."
        notification.status = notification.DELIVERY_FAILURE
        notification.save()
        return "One pigeon too many is lost."
