"""``notify()``: the one call for everyday use."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.files import File
from django.db import router
from django.db.models import Manager, Model

from ..categories import Category
from ..models import Notification, NotificationTarget
from ..on_site import Fallback
from .chosen import Chosen, choose, is_inbox_alone
from .create import Creation
from .created import Created
from .draft import INBOX_TITLE_MAX_LENGTH, TITLE_MAX_LENGTH, make_draft
from .inbox import inbox_of_call
from .nothing_created import nothing_created
from .recipient import Content, SameForAll
from .recipients import is_user

#: Name, content and perhaps media type; or a ``ContentFile``.
GivenFile: TypeAlias = tuple[str, bytes | str] | tuple[str, bytes | str, str] | File  # type: ignore[type-arg] # not generic at run time

GivenTarget: TypeAlias = str | NotificationTarget | Fallback


def notify(
    users: AbstractBaseUser | Iterable[AbstractBaseUser] | Manager[AbstractBaseUser],
    title: str,
    body: str = "",
    *,
    target: GivenTarget | Iterable[GivenTarget] | None = None,
    scheduled_delivery: datetime | None = None,
    expires_at: datetime | None = None,
    extra: dict[str, Any] | None = None,
    retry_time_interval: int | None = None,
    max_retries: int | None = None,
    idempotency_key: str | None = None,
    quiet: bool = False,
    priority: int = 0,
    category: str | Category = "",
    attachments: Iterable[GivenFile] | None = None,
    actor: Model | None = None,
    about: Model | None = None,
    action_object: Model | None = None,
) -> Created:
    """Create notifications for a user or for many, in one transaction: all of them or none.

    Users who have opted out, and users without an active record, are skipped. An existing
    notification (same record, moment, title, body and ``extra``) is not created again. Where
    ``NOTIFICATION_SYSTEM_CREATORS`` has a creator for a target, the creator's
    ``create_notification()`` is called for every user. All other notifications are inserted in
    bulk, without ``pre_save`` and ``post_save`` signals; the number of queries grows with every
    2,500 users, and a queryset's users are never all in memory.

    Args:
        users: A user, an iterable of users, or a queryset of users.
        title: One line of at most 100 characters: an email's subject, for instance. For the inbox
            alone, at most 200.
        body: The message. An email's may be HTML, and is optional where ``extra`` names a template.
        target: A target or its name, or an iterable of targets and names. By default every active
            record of a user gets a notification, whatever its target. With
            ``django_notification_system.contrib.inbox`` installed, ``"inbox"`` is the users' inbox
            on the site, and ``Fallback("Email", after=timedelta(minutes=10))`` a target for what
            is not read there by then.
        scheduled_delivery: When the notifications are due, with a time zone; by default at once.
        expires_at: From then on a notification is not sent but ends as ``EXPIRED``; with a time
            zone, and later than ``scheduled_delivery``. By default no notification expires.
        extra: Further content for the target's handler, as JSON. For email: ``template_name``
            (rendered when the email is sent, with ``extra``, ``user`` and ``notification`` as
            context), ``cc``, ``bcc``, ``reply_to``, ``headers`` and ``attachments`` (paths of files
            in the default storage, there now and when the email is sent). For the inbox: ``url``,
            ``level``, ``verb`` and ``data``.
        retry_time_interval: Minutes from a failed attempt to the next, always the same. By default
            ``NOTIFICATION_SYSTEM["RETRY"]`` says when: after about 1, 5 and 25 minutes, 2, 10 and
            24 hours. (A creator of the project's own has its own default.)
        max_retries: Attempts before a notification becomes ``DELIVERY FAILURE``; by default the
            number in ``NOTIFICATION_SYSTEM["RETRY"]``, 7.
        idempotency_key: Names the occasion, such as ``f"invoice-{invoice.pk}"``. A record gets one
            notification for a key, ever, whatever the other arguments are: a web request or a task
            that runs twice notifies once.
        quiet: Return 0 instead of raising one of the first three errors below.
        priority: From 0 to 9. Among a target's due notifications, a higher priority goes first.
        category: The category, or its key. People may have switched the category off. By default a
            notification has no category.
        attachments: Files, for targets that send files, as email does: tuples of name, content and
            perhaps media type, such as ``("invoice.pdf", data, "application/pdf")``, or
            ``ContentFile`` objects with a name. The database keeps each content once, however many
            notifications have it. In a call without ``target``, only the notifications of targets
            that send files get the files.
        actor: The object that has done something; for the inbox.
        about: The object that the message is about; for the inbox.
        action_object: The object that the actor made or used; for the inbox.

    Returns:
        How many notifications were created, an ``int`` whose ``keys`` are the keys of the created
        notifications (``None`` for more than 500). Items of the inbox count, too. With an
        ``idempotency_key`` the number is 0, without an error, when all of them exist already.

    Raises:
        UserIsOptedOut: When nothing was created because the users have opted out.
        UserHasNoTargetRecords: When nothing was created because the users have no active records.
        NotificationsNotCreated: When nothing was created for another reason.
        InvalidNotification: When a notification could never be delivered, or a target does not
            exist. ``quiet`` does not silence this error.
        TargetUnavailable: When a target's creator in ``NOTIFICATION_SYSTEM_CREATORS`` cannot be
            imported, or defines no ``create_notification()``.
    """
    draft = make_draft(
        title=title,
        body=body,
        extra=extra,
        scheduled_delivery=scheduled_delivery,
        expires_at=expires_at,
        retry_time_interval=retry_time_interval,
        max_retries=max_retries,
        idempotency_key=idempotency_key,
        priority=priority,
        category=category,
        attachments=attachments,
        recipient=users if is_user(users) else None,
        title_max_length=INBOX_TITLE_MAX_LENGTH if is_inbox_alone(target) else TITLE_MAX_LENGTH,
    )
    objects = {"actor": actor, "about": about, "action_object": action_object}
    return create(users, SameForAll(draft), target=target, quiet=quiet, objects=objects)


def create(
    users: Any,
    content: Content,
    *,
    target: Any,
    quiet: bool,
    objects: Mapping[str, Any] | None = None,
) -> Created:
    """Create the notifications of a call; see ``notify()``.

    Args:
        users: See ``notify()``.
        content: The content.
        target: See ``notify()``.
        quiet: See ``notify()``.
        objects: ``actor``, ``about`` and ``action_object`` of ``notify()``.
    """
    using = router.db_for_write(Notification)
    known = list(NotificationTarget.objects.using(using).order_by("created_date", "name"))
    chosen = Chosen(targets=known) if target is None else choose(target, known)
    creation = Creation(
        content,
        chosen.targets,
        using=using,
        everywhere=target is None,
        with_creators=True,
        inbox=inbox_of_call(chosen, content, objects or {}, using=using),
    )
    tally = creation.run(users)
    existed = tally.reached and content.draft.idempotency_key is not None
    if tally.inserted or quiet or existed or content.declined:
        return tally.created()
    raise nothing_created(tally, chosen.targets, using=using)
