"""CSV files with a header, line by line: from a spreadsheet, a provider, or this app."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TextIO

from django.utils import timezone
from django.utils.translation import gettext as _

from ..exceptions import InvalidPreference, NotificationSystemError
from ..models.moments import as_project_time, is_at_calendars_end
from ..preferences.questions import known_target_key

#: How many lines a transaction writes.
LINES_AT_ONCE = 2000

#: How many keys of targets an import remembers, known and unknown.
KEYS_REMEMBERED = 1000

#: A line's number in the file, and its values by the column's name.
Line = tuple[int, Mapping[str, str]]
#: Takes a bad line's number and the complaint.
Refuse = Callable[[int, str], None]


class BadFile(NotificationSystemError):
    """A file that cannot be read as CSV with the expected columns."""


class BadLine(NotificationSystemError):
    """A line that is left out, with the reason for people."""


def remembering_keys(using: str) -> Callable[[str], str]:
    """Return ``known_target_key()``, with a query for each key and not for each line.

    An unknown key is remembered too: each line of a file may have the same mistake.

    Args:
        using: The database's alias.
    """

    @lru_cache(maxsize=KEYS_REMEMBERED)
    def said_of(key: str) -> str | InvalidPreference:
        try:
            return known_target_key(key, using=using)
        except InvalidPreference as error:
            return error.with_traceback(None)

    def known(key: str) -> str:
        said = said_of(key)
        if isinstance(said, InvalidPreference):
            raise BadLine(str(said))
        return said

    return known


@contextmanager
def reading(path: Path) -> Iterator[TextIO]:
    """Open a CSV file in UTF-8, with or without a byte order mark.

    Args:
        path: The file.

    Raises:
        BadFile: When the file cannot be read, or is in another encoding.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError as error:
        raise BadFile(
            _("%(path)s is not in UTF-8: %(error)s. Save the file as UTF-8.")
            % {"path": path, "error": error.reason}
        ) from error
    except OSError as error:
        raise BadFile(_("The file cannot be read: %s") % error) from error


def lines_of(
    file: Iterable[str], columns: Mapping[str, str], *, headless: Sequence[str] = ()
) -> Iterator[Line]:
    """Yield the lines, with this app's names of the columns.

    Args:
        file: The text, line by line.
        columns: This app's names, by the names in files, in small letters; others are left out.
        headless: This app's names where the first line is no header, but has an address.

    Raises:
        BadFile: When no column is known, or the text is no CSV.
    """
    reader = csv.reader(file)
    try:
        first = next(reader, [])
        names = [columns.get(_plain(cell), "") for cell in first]
        if not any(names):
            if not headless or "@" not in "".join(first[:1]):
                raise BadFile(
                    _("The first line names no known column. Known are: %s.")
                    % ", ".join(sorted(columns))
                )
            names = list(headless)
            yield reader.line_num, _named(names, first)
        for row in reader:
            if any(row):  # no empty line
                yield reader.line_num, _named(names, row)
    except csv.Error as error:
        raise BadFile(
            _("Line %(line)d is no CSV: %(error)s.") % {"line": reader.line_num, "error": error}
        ) from error


def refuse_unstorable(values: Mapping[str, str]) -> None:
    """Refuse a line with a character that PostgreSQL stores in no text.

    Args:
        values: The line's values by the column's name.

    Raises:
        BadLine: When a value has a NUL.
    """
    for name, value in values.items():
        if "\0" in value:
            raise BadLine(_("%s has a NUL character") % name)


def moment_read(moment: datetime | None) -> datetime | None:
    """Return a file's moment in the project's own form, with a time zone or without.

    Args:
        moment: The moment; without a time zone, the moment is in UTC.

    Returns:
        The moment; ``None`` for none, and for a moment at the calendar's end, which pages and
        drivers cannot show.
    """
    if moment is None or is_at_calendars_end(moment):
        return None
    return as_project_time(moment.replace(tzinfo=UTC) if timezone.is_naive(moment) else moment)


def moment_written(moment: datetime) -> str:
    """Return a moment for a file in ISO 8601, always with a time zone.

    Args:
        moment: The moment from the database; without a time zone in ``TIME_ZONE``.
    """
    return (timezone.make_aware(moment) if timezone.is_naive(moment) else moment).isoformat()


def _plain(cell: str) -> str:
    return cell.strip().casefold().replace(" ", "_")


def _named(names: Sequence[str], row: Sequence[str]) -> Mapping[str, str]:
    return {name: cell.strip() for name, cell in zip(names, row, strict=False) if name}
