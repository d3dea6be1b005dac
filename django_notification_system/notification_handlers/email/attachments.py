"""Attachments: files of the default storage."""

import mimetypes
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.core.mail.message import DEFAULT_ATTACHMENT_MIME_TYPE

from ..base import one_line
from .cannot_build_message import CannotBuildMessage

NO_LINE = re.compile(rb"\x00|\r(?!\n)")
LONG_LINE = re.compile(rb"[^\r\n]{999}")


def read_attachment(path: str) -> bytes:
    """Return a file's content.

    Args:
        path: The file's path in the default storage.

    Raises:
        CannotBuildMessage: When no such file exists, or the file cannot be read.
    """
    with _explained(path), _storage().open(path, "rb") as file:
        content: bytes = file.read()
    return content


def attachment_type(name: str, content: bytes, kind: str = "") -> str | None:
    """Return a media type that keeps a file unchanged; ``None`` where the file's own type does.

    Texts and mails are sent in lines, without NUL and lone carriage returns, and of at most 998
    octets (RFC 5321, section 4.5.3.1.6; RFC 5322, section 2.1.1). An attached mail must not be
    encoded to get around these limits (RFC 2046, section 5.2.1).

    Args:
        name: The file's name.
        content: The file's content.
        kind: The file's media type; by default the name tells.
    """
    kind = kind or mimetypes.guess_type(name)[0] or ""
    is_mail = kind.startswith("message/")
    if not is_mail and not kind.startswith("text/"):
        return None
    is_spoilt = NO_LINE.search(content) or (is_mail and LONG_LINE.search(content))
    return DEFAULT_ATTACHMENT_MIME_TYPE if is_spoilt else None


def check_attachment(path: str) -> None:
    """Open a file, so that the creator of a notification hears of a missing file at once.

    Args:
        path: The file's path in the default storage.

    Raises:
        CannotBuildMessage: When no such file exists, or the file cannot be read.
    """
    with _explained(path):
        _storage().open(path, "rb").close()


def attachment_size(path: str) -> int:
    """Return a file's size in bytes, as the storage says; the file is not read.

    Args:
        path: The file's path in the default storage.

    Raises:
        CannotBuildMessage: When no such file exists, or the storage does not know the size.
    """
    with _explained(path):
        return _storage().size(path)


def _storage() -> Storage:
    """Return the default storage, unless the storage is the project's own folder.

    Django's default for MEDIA_ROOT is empty: the process's working directory, mostly the folder
    with the settings and their passwords.
    """
    storage = storages["default"]
    if isinstance(storage, FileSystemStorage) and os.path.normpath(storage.base_location or "") == (
        "."
    ):
        raise CannotBuildMessage(
            "extra['attachments'] is refused while MEDIA_ROOT is empty, for then the default"
            " storage is the folder of the project's own files. Set MEDIA_ROOT to a folder of"
            " its own."
        )
    return storage


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Turn a storage's errors into sentences for people."""
    try:
        yield
    except CannotBuildMessage:
        raise
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        reason = "is not in the default storage. Put it there, or correct extra['attachments']."
        raise CannotBuildMessage(f"the attachment {path!r} {reason}") from None
    except (SuspiciousOperation, ValueError) as error:
        reason = "is no path in the default storage. Correct extra['attachments']."
        raise CannotBuildMessage(f"the attachment {path!r} {reason}") from error
    except Exception as error:
        raise CannotBuildMessage(
            f"the attachment {path!r} could not be read ({one_line(error)}).", temporary=True
        ) from error
