"""The files in a call of ``notify()``, checked before anything is stored."""

import mimetypes
import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from django.core.files import File
from django.core.mail.message import DEFAULT_ATTACHMENT_MIME_TYPE
from django.utils.translation import gettext as _

from ..conf import engine_settings
from ..exceptions import InvalidNotification
from ..models.attached import Attached
from ..storable import storable_text

#: RFC 6838, section 4.2: the characters of a media type.
MEDIA_TYPE = re.compile(r"[A-Za-z0-9][\w!#$&^.+-]*/[A-Za-z0-9][\w!#$&^.+-]*", re.ASCII)
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
LONGEST_NAME = 255
MEBIBYTE = 2**20


def files_of(given: Any) -> tuple[Attached, ...]:
    """Return the files that a caller gives.

    Args:
        given: An iterable of files: tuples of name, content and perhaps media type, or Django's
            ``File`` objects, such as a ``ContentFile`` with a name. ``None``: no files.

    Raises:
        InvalidNotification: When a file is in another form, has no name, or all files together are
            larger than ``MAX_ATTACHMENTS_MB`` allows.
    """
    if given is None:
        return ()
    if isinstance(given, str | bytes | File) or not isinstance(given, Iterable):
        raise _invalid(
            _("attachments must be a list of files, not %s. Put a single file into a list.")
            % type(given).__name__
        )
    files = tuple(_file(number, each) for number, each in enumerate(given))
    refuse_too_large(files)
    return files


def refuse_too_large(files: Iterable[Attached]) -> None:
    """Refuse files that are larger together than the setting allows.

    Args:
        files: The files of a notification.

    Raises:
        InvalidNotification: When they are.
    """
    most = engine_settings().max_attachments_mb
    size = sum(len(each.content) for each in files)
    if size > most * MEBIBYTE:
        raise _invalid(
            _(
                "The attachments have %(size)s bytes together, more than the %(most)s MiB of"
                " NOTIFICATION_SYSTEM['MAX_ATTACHMENTS_MB']. Send a link to the file, or raise the"
                " setting: many mail servers take no more than 10 or 25 MiB."
            )
            % {"size": f"{size:,}", "most": f"{most:g}"}
        )


def _file(number: int, given: Any) -> Attached:
    place = f"attachments[{number}]"
    if isinstance(given, File):
        return _of_file(place, given)
    if isinstance(given, list | tuple) and len(given) in (2, 3):
        name, content, *rest = given
        return _attached(place, name, content, rest[0] if rest else None)
    said = _(
        "%(place)s is a %(type)s; it must be a tuple such as"
        ' ("invoice.pdf", data, "application/pdf"), or a ContentFile with a name.'
    ) % {"place": place, "type": type(given).__name__}
    if isinstance(given, str):
        said += " " + _('A path in the default storage goes into extra["attachments"].')
    raise _invalid(said)


def _of_file(place: str, given: "File[Any]") -> Attached:
    if not given.name:
        raise _invalid(
            _('%s has no name. Give it one: ContentFile(data, name="invoice.pdf").') % place
        )
    try:
        given.seek(0)
        content = given.read()
    except (OSError, ValueError) as error:  # closed, or gone
        raise _invalid(
            _("%(place)s cannot be read (%(error)s). Pass an open file, or its content.")
            % {"place": place, "error": type(error).__name__}
        ) from error
    return _attached(place, PurePath(given.name).name, content, None)


def _attached(place: str, name: Any, content: Any, mimetype: Any) -> Attached:
    if not isinstance(name, str) or not name.strip():
        raise _invalid(_("%s has no name. Pass a name such as “invoice.pdf”.") % place)
    if CONTROL_CHARACTER.search(name):
        raise _invalid(
            _("The name of %s has a line break or another control character. Remove it.") % place
        )
    if len(name) > LONGEST_NAME:
        raise _invalid(
            _("The name of %(place)s has %(length)d characters; at most %(most)d are kept.")
            % {"place": place, "length": len(name), "most": LONGEST_NAME}
        )
    if isinstance(content, str):
        content = content.encode(errors="surrogateescape")
    elif isinstance(content, bytearray | memoryview):
        content = bytes(content)
    if not isinstance(content, bytes):
        raise _invalid(
            _("The content of %(place)s must be bytes or a str, not %(type)s.")
            % {"place": place, "type": type(content).__name__}
        )
    if mimetype is None:
        mimetype = mimetypes.guess_type(name)[0] or DEFAULT_ATTACHMENT_MIME_TYPE
    if not isinstance(mimetype, str) or not MEDIA_TYPE.fullmatch(mimetype):
        raise _invalid(
            _("%(place)s has the media type %(type)r; it must be one such as “application/pdf”.")
            % {"place": place, "type": mimetype}
        )
    return Attached(name=storable_text(place, name), content=content, mimetype=mimetype)


def _invalid(said: str) -> InvalidNotification:
    return InvalidNotification(said, argument="attachments")
