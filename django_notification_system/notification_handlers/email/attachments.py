"""Files of the default storage that go along with a mail."""

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

    Raises:
        CannotBuildMessage: When there is no such file, or it cannot be read.
    """
    with _explained(path), _storage().open(path, "rb") as file:
        content: bytes = file.read()
    return content


def attachment_type(name: str, content: bytes) -> str | None:
    """Return the media type that carries a file as it is; ``None`` for that of the file's name.

    Text and mails are sent in lines, which must not have NUL, a carriage return of its own or more
    than 998 octets (RFC 5321, section 4.5.3.1.6; RFC 5322, section 2.1.1). A mail that is attached
    must not be encoded to get around that (RFC 2046, section 5.2.1).

    Args:
        name: The file's.
        content: What it has.
    """
    kind = mimetypes.guess_type(name)[0] or ""
    is_mail = kind.startswith("message/")
    if not is_mail and not kind.startswith("text/"):
        return None
    is_spoilt = NO_LINE.search(content) or (is_mail and LONG_LINE.search(content))
    return DEFAULT_ATTACHMENT_MIME_TYPE if is_spoilt else None


def check_attachment(path: str) -> None:
    """Open a file as if it were to be read, so that what keeps it from being read is told now.

    Raises:
        CannotBuildMessage: When there is no such file, or it cannot be read.
    """
    with _explained(path):
        _storage().open(path, "rb").close()


def attachment_size(path: str) -> int:
    """Return how large a file is, in bytes, as its storage tells; nothing of it is read.

    Raises:
        CannotBuildMessage: When there is no such file, or the storage does not tell.
    """
    with _explained(path):
        return _storage().size(path)


def _storage() -> Storage:
    """Return the default storage, unless that is the project itself.

    Django's default for MEDIA_ROOT is empty, which means the folder that the process runs in: the
    one with the settings, as a rule, and their passwords.
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
    """Turn what a storage raises into words."""
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
