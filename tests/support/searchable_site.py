"""Builds of the site what its search needs: ``python -m`` this, with a folder.

The index of the search is the whole site's. Of the pages only the first is written: the menus of
all pages take longer than all that the index is made of, and the search shows no more than links.
"""

import gc
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parents[2] / "docs"
#: Has the field that leads to the search.
WRITTEN = "index"


def main(folder: Path) -> int:
    """Build into the folder, and return the exit status."""
    gc.disable()  # the pages stay in memory to the end, and a collection would go through them all
    site = Sphinx(
        *(DOCS, DOCS, folder, folder / ".doctrees", "html"),
        confoverrides={"html_show_search_summary": False},  # it is read from the pages
        status=None,
    )
    write: Any = site.builder.write_doc

    def write_one(name: str, document: Any) -> None:
        if name == WRITTEN:
            write(name, document)

    site.builder.write_doc = write_one  # type: ignore[method-assign, assignment]
    site.build()
    return site.statuscode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
