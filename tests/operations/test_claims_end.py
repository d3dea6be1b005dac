"""The end of a run's claim, which the database's clock gives, is shown by the project's clock."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from django_notification_system.delivery.claims.due import Due
from django_notification_system.delivery.claims.take import take
from django_notification_system.models import TargetUserRecord
from django_notification_system.operations.queue.status import queue_status
from tests.conftest import MakeDue

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("use_tz", [True, False])
def test_a_claims_end_is_shown_as_other_moments(
    use_tz: bool,
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    settings: Any,
    admin_client: Client,
) -> None:
    settings.USE_TZ, settings.TIME_ZONE = use_tz, "Asia/Kolkata"
    notification = make_due(records["Email"], title="held")
    now = timezone.now()
    target = records["Email"].target
    take(Due(target=target, due_by=now, using="default"), 1, lease_seconds=300)

    [claim] = queue_status([target], using="default").claims
    assert abs(claim.claimed_until - now - 5 * MINUTE) < MINUTE

    url = reverse("admin:django_notification_system_notification_change", args=[notification.pk])
    page = admin_client.get(url).text
    local = timezone.localtime(claim.claimed_until) if use_tz else claim.claimed_until
    assert date_format(local, "DATETIME_FORMAT") in page
