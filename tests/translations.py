"""The texts marked for translation, and the catalogs with their translations.

``python -m tests.translations fr`` brings a language's catalog in line with the source, or begins a
catalog; without a language, all catalogs. Needs only Babel: Django's own ``makemessages`` and
``compilemessages`` need GNU gettext.
"""

import argparse
import ast
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from tests.support.places import ROOT

PACKAGE = ROOT / "django_notification_system"
LOCALE = PACKAGE / "locale"
#: The functions that mark a text, and the positions of texts among their arguments; "c" is a
#: context.
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
#: Babel signs with its release, so that every new release would change every catalog.
GENERATED_BY = re.compile(rb'^"Generated-By: .*"\n', re.MULTILINE)
#: Modules, and templates of pages and of mails.
SOURCES = ("*.py", "*.html", "*.txt")
HEADER = """\
# Translations of the Django Notification System.
# This file is distributed under the same licence as the Django Notification System.
#"""


def marked_texts() -> Catalog:
    """Return every marked text in the package's modules and templates."""
    catalog = Catalog(project="django-notification-system", charset="utf-8")
    for path in sorted(path for kind in SOURCES for path in PACKAGE.rglob(kind)):
        name = path.relative_to(ROOT).as_posix()
        for message, context in _marked_in(path):
            catalog.add(message, None, [(name, None)], context=context)
    return catalog


def _marked_in(path: Path) -> tuple[tuple[Any, str | None], ...]:
    """Return the marked texts in a file, with their contexts."""
    return _marked_in_source(path.read_text(), path.suffix)


@cache  # for each language the same
def _marked_in_source(text: str, suffix: str) -> tuple[tuple[Any, str | None], ...]:
    if suffix == ".py":
        return tuple(_marked_in_module(text))
    source = io.BytesIO(templatize(text).encode())  # Django turns the tags into calls
    found = extract("python", source, KEYWORDS)
    return tuple((message, context) for _line, message, _comments, context in found)


def _marked_in_module(text: str) -> Iterator[tuple[Any, str | None]]:
    # Not by Babel: before Python 3.12 Babel sees nothing inside an f-string.
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id not in KEYWORDS:
            continue
        texts = [
            each.value
            for each in node.args
            if isinstance(each, ast.Constant) and isinstance(each.value, str)
        ]
        context = texts.pop(0) if texts and "pgettext" in node.func.id else None
        if texts:  # no text for a translated variable: its value is marked in another place
            yield (tuple(texts[:2]) if len(texts) > 1 else texts[0]), context


def languages() -> list[str]:
    """Return the languages with a catalog."""
    return sorted(path.parent.parent.name for path in LOCALE.glob("*/LC_MESSAGES/*.po"))


def catalog_path(language: str, suffix: str) -> Path:
    """Return where a language's catalog is: ``.po`` for people, ``.mo`` for Django."""
    return LOCALE / language / "LC_MESSAGES" / f"django{suffix}"


def read_catalog(language: str) -> Catalog:
    """Return the catalog that people write."""
    with catalog_path(language, ".po").open("rb") as file:
        return read_po(file, locale=language)


def read_compiled(language: str) -> Catalog:
    """Return the catalog that Django reads."""
    with catalog_path(language, ".mo").open("rb") as file:
        return read_mo(file)


def bring_up_to_date(language: str) -> tuple[int, int]:
    """Write a language's catalog anew with the present texts, and compile it.

    Args:
        language: The language's code.

    Returns:
        The number of texts, and the number without a translation.
    """
    path = catalog_path(language, ".po")
    if path.exists():
        catalog = read_catalog(language)
    else:
        path.parent.mkdir(parents=True)
        now = datetime.now(UTC)
        catalog = Catalog(locale=language, charset="utf-8", fuzzy=False, revision_date=now)
    # No guesses: a person who understands a changed text translates it.
    catalog.update(marked_texts(), no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()
    catalog.project, catalog.version = "django-notification-system", "2"
    catalog.msgid_bugs_address = catalog.last_translator = catalog.language_team = ""
    catalog.header_comment = HEADER
    written = io.BytesIO()
    # Without line numbers, because every change of the source would change them.
    write_po(written, catalog, width=100, sort_output=True, include_lineno=False)
    path.write_bytes(GENERATED_BY.sub(b"", written.getvalue()))
    with catalog_path(language, ".mo").open("wb") as file:
        write_mo(file, catalog)
    return len(catalog), len(untranslated(catalog))


def untranslated(catalog: Catalog) -> list[str]:
    """Return the texts without a translation in a catalog, or with only a guess."""
    return [
        str(message.id)
        for message in catalog
        if message.id and (message.fuzzy or not all(_forms(message.string)))
    ]


def _forms(string: Any) -> tuple[str, ...]:
    return tuple(string) if isinstance(string, tuple | list) else (string,)


def main() -> None:
    """Bring catalogs up to date."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE", help="such as fr or pt_BR")
    for language in parser.parse_args().languages or languages():
        total, missing = bring_up_to_date(language)
        path = catalog_path(language, ".po").relative_to(ROOT)
        print(f"{path}: {total} texts, {missing} not translated")


if __name__ == "__main__":
    main()
