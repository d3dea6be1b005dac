"""A message for one record, with the state of the delivery."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Unpack

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, router
from django.utils.translation import gettext_lazy as _

from ..categories import KEY_MAX_LENGTH
from ..setting_rules import LONGEST_INTERVAL
from ..signals import notifications_created
from . import statuses
from .abstract import CreatedModifiedAbstractModel
from .alias import AliasModel
from .content_rules import content_errors
from .digest import DigestField
from .fields import TargetOfRecordField
from .identified import IdentifiedModel
from .indexes import NOTIFICATION_INDEXES
from .keys import new_key
from .long_texts import LongJSONField, LongTextField
from .moments import as_project_time
from .notification_queryset import NotificationManager
from .notification_queryset import NotificationQuerySet as NotificationQuerySet
from .opted_out import is_opted_out
from .repetition import find_repeated
from .retry_interval import next_interval
from .target import NotificationTarget
from .target_user_record import TargetUserRecord

if TYPE_CHECKING:
    from ..message_types.texts import Rendered
    from .typed import NotificationFields

#: The lowest, which is the default, and the highest.
LOWEST_PRIORITY, HIGHEST_PRIORITY = 0, 9
#: How much of a handler's response is kept, in characters.
RESPONSE_MAX_LENGTH = 500


class Notification(IdentifiedModel, AliasModel, CreatedModifiedAbstractModel):
    """A message for one record, with the state of the delivery.

    ``user_target`` is another name of ``target_user_record`` in the constructor, in ``create()``,
    on instances, in lookups, ``order_by()``, ``values()`` and ``select_related()``. Without
    ``expires_at``, the notification never expires; without ``attempted_delivery``, no attempt was
    made.

    ``clean()``, and so every form and the admin, refuses a title with a line break, an ``extra``
    that is no object, a status that contradicts ``attempted_delivery``, a user who has opted out,
    and a repetition. As with every Django model, ``save()`` does not call ``clean()``.

    Attributes:
        target_user_record: The recipient's address.
        target: The record's target, stored beside the notification for an index; may be empty until
            the notification is due.
        title: One line, at most 100 characters: an email's subject, a push notification's title.
            Twilio sends the title only where the body is empty.
        body: The message. For email, the body may be HTML, or empty where ``extra`` names a
            template.
        extra: A JSON object with further options of the target's handler; by default empty.
        has_attachments: Whether ``attachments`` may have rows; every other notification is sent
            without a query for attachments.
        status: ``SCHEDULED``, the default, and ``RETRY`` wait for delivery; every other status is
            an end.
        scheduled_delivery: The moment from which the notification is due. A failed attempt with a
            retry moves this moment.
        expires_at: From this moment, the notification is not sent but ends as ``EXPIRED``.
        priority: From 0 to 9. Among due notifications, a higher priority goes first.
        category: The key of the category; empty without a category.
        attempted_delivery: The moment of the last attempt.
        follows_retry_policy: Whether ``NOTIFICATION_SYSTEM["RETRY"]`` sets the time of retries, as
            for a notification from ``notify()`` without an interval.
        retry_time_interval: **Minutes** from a failed attempt to the next, where the notification
            does not follow the policy. By default 0: the next run. The creators for email and
            Twilio use 1,440 (a day), the creator for Expo 60.
        retry_attempts: Number of failed attempts so far.
        max_retries: Number of failed attempts after which the notification becomes
            ``DELIVERY FAILURE``. By default 3: three attempts in all. One attempt is made with 0,
            too.
        response: The last response of a handler or provider, the third line of the notification's
            block; cut to 500 characters.
        provider_message_id: The provider's name for the message of the last attempt: Twilio's SID,
            Expo's ticket, an email's Message-ID.
        provider_status: The provider's last report on the message, in the provider's own word; at
            most 50 characters. Empty: no report yet. ``no receipt``: the provider was asked until
            receipts expire, and reported nothing.
        receipt_due_at: The moment of the next request for the message's receipt. Empty: the
            provider is not asked.
        confirmed_at: The moment at which the message arrived, by the provider's report.
        idempotency_key: The key given to ``notify()``, if any: no second notification gets the same
            key.
        digest: A value that the database accepts only once; see ``notification_digest()``.
        claim_token: The token of the run that has claimed the notification, if any.
        claimed_until: The end of the claim, by the database's clock.
        interruptions: Number of runs in a row that claimed the notification and recorded nothing:
            runs that died or froze, and the present run. An outcome resets the number to 0.
        id: The key.
        created_date: When the row was made.
        modified_date: When the row was last changed.
    """

    #: A person, or the project, has cancelled the notification.
    CANCELLED = statuses.CANCELLED
    #: The mail server, Twilio or Expo has accepted the message. ``confirmed_at`` says whether the
    #: message has also been reported as arrived.
    DELIVERED = statuses.DELIVERED
    #: The message was refused for good, failed ``max_retries`` times, or was accepted and later
    #: reported as failed.
    DELIVERY_FAILURE = statuses.DELIVERY_FAILURE
    #: ``expires_at`` came before the message was sent or could be tried again.
    EXPIRED = statuses.EXPIRED
    #: The record is inactive, or the provider reported that the address will never work.
    INACTIVE_DEVICE = statuses.INACTIVE_DEVICE
    #: The user has opted out, or answered STOP.
    OPTED_OUT = statuses.OPTED_OUT
    #: An attempt has failed; the notification waits for the next attempt.
    RETRY = statuses.RETRY
    #: The notification waits for its time.
    SCHEDULED = statuses.SCHEDULED

    STATUS_CHOICES = tuple(statuses.LABELS.items())
    #: Still to be delivered.
    PENDING_STATUSES = statuses.PENDING
    #: Reached by an attempt, so never without ``attempted_delivery``.
    ATTEMPTED_STATUSES = statuses.ATTEMPTED

    #: Whether the handler has begun to send the notification, in this process, and whether a
    #: stopping run has given the notification back before. The handler's thread writes the first
    #: and reads the second.
    is_on_its_way = False
    is_released = False
    #: Of a notification of a type: the texts, rendered by the run's thread right before the send.
    rendered: "Rendered | None" = None
    #: Bytes of body and ``extra``, where a claim has left long texts in the database.
    long_size = 0
    #: Recipients of a queued mail to be left out, because their addresses are suppressed.
    suppressed_recipients: frozenset[str] = frozenset()

    id = models.UUIDField(primary_key=True, default=new_key, editable=False)
    target_user_record = models.ForeignKey(
        TargetUserRecord,
        on_delete=models.CASCADE,
        related_name="notifications",
        verbose_name=_("target user record"),
    )
    target = TargetOfRecordField(
        NotificationTarget,
        # A copy of the record's target; the record has the constraint and the index.
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        null=True,
        editable=False,
        verbose_name=_("target"),
    )
    title = models.CharField(_("title"), max_length=100)
    body = LongTextField(_("body"), blank=True)
    extra = LongJSONField(_("extra"), blank=True, null=True, default=dict)
    has_attachments = models.BooleanField(
        _("has attachments"), default=False, db_default=False, editable=False
    )
    status = models.CharField(_("status"), max_length=16, choices=STATUS_CHOICES, default=SCHEDULED)
    scheduled_delivery = models.DateTimeField(_("scheduled delivery"))
    expires_at = models.DateTimeField(
        _("expires"), null=True, blank=True, help_text=_("From then on it is not sent.")
    )
    # A plain integer: a constraint of the column's would have PostgreSQL read a whole live table.
    priority = models.SmallIntegerField(
        _("priority"),
        default=LOWEST_PRIORITY,
        db_default=LOWEST_PRIORITY,
        validators=[MinValueValidator(LOWEST_PRIORITY), MaxValueValidator(HIGHEST_PRIORITY)],
        help_text=_("From 0 to 9. A higher one goes first among what is due."),
    )
    category = models.CharField(
        _("category"),
        max_length=KEY_MAX_LENGTH,
        blank=True,
        default="",
        db_default="",
        help_text=_("People may have switched it off."),
    )
    attempted_delivery = models.DateTimeField(_("attempted delivery"), null=True, blank=True)
    retry_time_interval = models.PositiveIntegerField(
        _("retry time interval"), default=0, help_text=_("In minutes.")
    )
    follows_retry_policy = models.BooleanField(
        _("follows the retry policy"),
        default=False,
        db_default=False,
        editable=False,
        help_text=_("The project's settings say when a failed attempt is repeated."),
    )
    retry_attempts = models.PositiveIntegerField(_("retry attempts"), default=0)
    max_retries = models.PositiveIntegerField(_("max retries"), default=3)
    response = models.CharField(
        _("response"),
        max_length=RESPONSE_MAX_LENGTH,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )
    provider_message_id = models.CharField(
        _("provider's message id"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )
    provider_status = models.CharField(
        _("provider's status"),
        max_length=50,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )
    receipt_due_at = models.DateTimeField(_("receipt due"), null=True, blank=True, editable=False)
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True, editable=False)
    idempotency_key = models.CharField(  # noqa: DJ001 # NULL: none was given, "" is a key too
        _("idempotency key"), max_length=200, null=True, blank=True, editable=False
    )
    digest = DigestField(_("digest"), null=True, blank=True, editable=False)
    claim_token = models.UUIDField(_("claim token"), null=True, blank=True, editable=False)
    claimed_until = models.DateTimeField(_("claimed until"), null=True, blank=True, editable=False)
    interruptions = models.SmallIntegerField(
        _("interruptions"), default=0, db_default=0, editable=False
    )

    #: Whether the next outcome overwrites the reports on an earlier message.
    forgets_report: bool = False

    objects = NotificationManager()

    if TYPE_CHECKING:

        def __init__(self, *args: Any, **fields: Unpack["NotificationFields"]) -> None: ...

    class Meta:
        db_table = "notification_system_notification"
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        # The admin's actions. Permission to change a notification allows the same for single
        # notifications; these permissions are for up to 100,000 at once, and for people who must
        # not change a text.
        permissions = (
            ("send_notification", "Can send notifications now"),
            ("retry_notification", "Can send failed notifications again"),
            ("cancel_notification", "Can cancel notifications"),
            ("reschedule_notification", "Can reschedule notifications"),
        )
        constraints = [
            models.UniqueConstraint(fields=["digest"], name="notification_digest_unique"),
        ]
        indexes = NOTIFICATION_INDEXES

    def __str__(self) -> str:
        return (
            f"{self.target_user_record.recipient_name} - {self.status} - {self.scheduled_delivery}"
        )

    def save(self, *args: Any, **kwargs: Any) -> None:
        """As Django's; on commit, hand over a new and due notification if so configured.

        Args:
            args: As of Django's ``save()``.
            kwargs: As of Django's ``save()``.
        """
        is_new = self._is_new()
        if is_new:
            using = self._database_to_save_in(*args, **kwargs)
            find_repeated(Notification._base_manager.using(using), [self])
        super().save(*args, **kwargs)
        if is_new:
            notifications_created.send(
                Notification, notifications=[self], using=str(self._state.db)
            )

    def _database_to_save_in(
        self,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Any = None,
    ) -> str:
        """Return the alias, from the arguments of ``save()``."""
        return using or router.db_for_write(type(self), instance=self)

    def _is_new(self) -> bool:
        return self._state.adding or self.pk is None

    def forget_report(self) -> None:
        """Clear the provider's reports, which were on an earlier message.

        Only this instance changes; the caller saves.
        """
        reports = (self.receipt_due_at, self.confirmed_at)
        if self.provider_status or any(moment is not None for moment in reports):
            self.provider_status = ""
            self.receipt_due_at = None
            self.confirmed_at = None
            self.forgets_report = True

    def await_receipt(self, due_at: datetime) -> None:
        """Set the moment of the request for the message's receipt.

        Only this instance changes; the caller saves.

        Args:
            due_at: The moment.
        """
        self.receipt_due_at = due_at
        self.forgets_report = True

    def is_due(self, at: datetime) -> bool:
        """Tell whether the notification is due at a moment.

        Args:
            at: The moment.
        """
        scheduled_delivery = models.DateTimeField().to_python(self.scheduled_delivery)
        is_pending = self.status in self.PENDING_STATUSES
        return is_pending and as_project_time(scheduled_delivery) <= at

    def has_expired(self, at: datetime) -> bool:
        """Tell whether the notification has expired at a moment.

        Args:
            at: The moment.
        """
        if self.expires_at is None:
            return False
        expires_at = models.DateTimeField().to_python(self.expires_at)  # may be a text, as given
        return as_project_time(expires_at) <= at

    def count_failed_attempt(self, at: datetime, minutes: float | None = None) -> None:
        """Count a failed attempt: schedule the next, or give up after ``max_retries`` failures.

        Only this instance changes; the caller saves.

        Args:
            at: When the attempt was made.
            minutes: Minutes from ``at`` to the next attempt; by default the notification's own
                ``retry_time_interval``, or the interval of ``NOTIFICATION_SYSTEM["RETRY"]`` if the
                notification follows the policy.
        """
        interval = next_interval(self) if minutes is None else minutes
        self.retry_attempts += 1
        self.attempted_delivery = at
        if self.retry_attempts >= self.max_retries:
            self.status = self.DELIVERY_FAILURE
            return
        self.status = self.RETRY
        self.scheduled_delivery = at + timedelta(minutes=min(interval, LONGEST_INTERVAL))

    def clean(self) -> None:
        """Refuse contradictory values, and values that could not be delivered.

        Forms and the admin call this through ``full_clean()``; as with every Django model,
        ``save()`` does not.

        Raises:
            ValidationError: When the title has a line break, a text or ``extra`` could not be
                stored, a new notification has an unknown category, status and
                ``attempted_delivery`` contradict each other, the user has opted out,
                or the notification repeats another.
        """
        super().clean()
        if self._is_new() and not self.has_own_digest():
            self.digest = None  # a copy has the original's, which would be refused
        errors = content_errors(self)
        if self.attempted_delivery and self.status == self.SCHEDULED:
            errors["status"] = _("Status cannot be “SCHEDULED” if there is an attempted delivery.")
        elif not self.attempted_delivery and self.status in self.ATTEMPTED_STATUSES:
            errors["attempted_delivery"] = _(
                "Attempted delivery must be filled out if status is “%(status)s”."
            ) % {"status": self.status}
        if errors:
            raise ValidationError(errors)
        self._clean_recipient()

    def _clean_recipient(self) -> None:
        if not self.target_user_record_id or self.scheduled_delivery is None:
            return  # the form has its own errors for these
        is_pending = self.status in self.PENDING_STATUSES
        if is_pending and is_opted_out(self.target_user_record.user, self.category):
            raise ValidationError(_("This user has opted out of notifications."))
        if self._is_new() and self.digest is None:
            identity = self.identity()
            if identity and type(self).objects.filter(digest__in=identity.digests()).exists():
                raise ValidationError(
                    _(
                        "A notification with this title and extra already exists for this record"
                        " and moment."
                    )
                )
