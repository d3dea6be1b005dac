"""Files with people's data: nobody but their owner may read them."""

import os
from pathlib import Path
from typing import TextIO


def open_private(path: Path, *, newline: str | None = None) -> TextIO:
    """Open a file for writing text in UTF-8; a new file gets the rights 0600.

    Args:
        path: The file.
        newline: As for ``open()``.

    Raises:
        OSError: When the file cannot be written.
    """
    return open(path, "w", encoding="utf-8", newline=newline, opener=_for_owner)


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
