"""Storing attachments: a content once, however many notifications have it."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connections
from django.utils import timezone
from django.utils.translation import gettext as _

from ..batches import batched
from ..database import STATEMENT_SIZE, leaving_existing
from ..exceptions import InvalidNotification
from .attached import Attached
from .attachment import AttachmentContent, NotificationAttachment

#: A content in use gets a new ``used_at`` at most so often: transactions that use the content wait
#: for each other only then.
USE_NOTED_EVERY = timedelta(hours=1)
#: How long an unused content stays. A transaction that uses a content must not be open for longer.
UNUSED_FOR = timedelta(days=1)
#: The most contents asked for in a query: SQLite may allow no more than 999 parameters.
#: https://www.sqlite.org/limits.html#max_variable_number
DIGESTS_IN_QUERY = 900
#: The most rows in a statement.
ROWS_IN_STATEMENT = 1000
#: Smaller contents fit into every server's ``max_allowed_packet``.
SMALL_BYTES = 512 * 1024
#: The rest of a statement with one content.
ROOM_FOR_STATEMENT = 1024
#: Bytes that MariaDB's clients write as two.
ESCAPED = b"\x00\n\r\x1a\"'\\"


def store_contents(contents: Mapping[str, bytes], *, using: str) -> None:
    """Store contents that the database does not have yet.

    The key of a row is the content's hash, so the caller can refer to a row that another
    transaction stored first.

    Args:
        contents: The contents, by digest.
        using: The database's alias; a transaction is open on the connection.

    Raises:
        InvalidNotification: When the database's server takes no statement as long as a content.
    """
    missing = _missing(sorted(contents), using=using)
    for portion in _portions({digest: contents[digest] for digest in missing}, using=using):
        # Ignored where another transaction was first. That row is too young for a purge.
        AttachmentContent.objects.using(using).bulk_create(
            [
                AttachmentContent(digest=digest, data=data, size=len(data))
                for digest, data in portion
            ],
            **leaving_existing("size", using=using),
        )


def attach_to(attached: Mapping[uuid.UUID, Sequence[Attached]], *, using: str) -> None:
    """Insert the attachments of notifications just inserted.

    Args:
        attached: The attachments, by the notification's key; the contents are stored.
        using: The database's alias; a transaction is open on the connection.
    """
    NotificationAttachment.objects.using(using).bulk_create(
        [
            NotificationAttachment(
                notification_id=key,
                position=position,
                name=each.name,
                mimetype=each.mimetype,
                kind=each.kind,
                headers=each.headers,
                content_id=each.digest,
            )
            for key, attachments in attached.items()
            for position, each in enumerate(attachments)
        ],
        batch_size=ROWS_IN_STATEMENT,
    )


def _missing(digests: Sequence[str], *, using: str) -> list[str]:
    """Return the digests without a row, and note the use of the others."""
    now = timezone.now()
    rows = AttachmentContent.objects.using(using)
    used: dict[str, datetime] = {}
    for some in batched(digests, DIGESTS_IN_QUERY):
        used.update(rows.filter(digest__in=some).values_list("digest", "used_at"))
    for digest in [digest for digest, moment in used.items() if moment < now - USE_NOTED_EVERY]:
        # No row: a purge was faster, or another transaction's change waits to be seen.
        if not rows.filter(digest=digest).update(used_at=now):
            del used[digest]
    return [digest for digest in digests if digest not in used]


def _portions(contents: Mapping[str, bytes], *, using: str) -> Iterator[list[tuple[str, bytes]]]:
    """Yield contents for one statement each; a large content goes alone."""
    portion: list[tuple[str, bytes]] = []
    size = 0
    for digest, data in contents.items():
        _refuse_too_long(data, using=using)
        if portion and (size + len(data) > STATEMENT_SIZE or len(portion) == ROWS_IN_STATEMENT):
            yield portion
            portion, size = [], 0
        portion.append((digest, data))
        size += len(data)
    if portion:
        yield portion


def _refuse_too_long(data: bytes, *, using: str) -> None:
    """Refuse a content longer than a statement of MariaDB: the server closes the connection."""
    connection = connections[using]
    if connection.vendor != "mysql" or len(data) <= SMALL_BYTES:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@max_allowed_packet")
        (longest,) = cursor.fetchone()
    size = len(data) + sum(data.count(byte) for byte in ESCAPED) + ROOM_FOR_STATEMENT
    if size > longest:
        raise InvalidNotification(
            _(
                "An attachment takes %(size)s bytes in a statement, and the database's server takes"
                " %(longest)s. Raise max_allowed_packet, or send a link to the file."
            )
            % {"size": f"{size:,}", "longest": f"{longest:,}"},
            argument="attachments",
        )
