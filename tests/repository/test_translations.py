"""The catalogs: complete, up to date, compiled, and in agreement with the texts they translate."""

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import django
import pytest
from babel.messages.catalog import Catalog
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po

from tests import translations
from tests.settings import TEST_DATABASE

pytestmark = pytest.mark.skipif(
    TEST_DATABASE != "sqlite", reason="The catalogs are the same on every database."
)

LANGUAGES = translations.languages()
MEND = "Run `make messages`, and fill in what is empty."
#: What a translation must have as often as the text: placeholders and tags of HTML.
KEPT = re.compile(r"%\(\w+\)[a-z]|%[a-z%]|</?[a-z]+>|--[a-z][a-z-]+")


Key = tuple[tuple[str, ...], str | None]


def forms(value: Any) -> tuple[str, ...]:
    """Return singular and plural, or the one text that there is."""
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def entries(catalog: Catalog) -> dict[Key, tuple[str, ...]]:
    """Return the translations by text and context, without the header."""
    return {
        (forms(message.id), _text(message.context)): forms(message.string)
        for message in catalog
        if message.id
    }


def _text(context: Any) -> str | None:
    # Babel leaves the contexts in a compiled catalog as they are in the file.
    return context.decode() if isinstance(context, bytes) else context


def test_german_is_there() -> None:
    assert "de" in LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_marked_text_is_translated_and_no_other(language: str) -> None:
    catalog = translations.read_catalog(language)
    marked = entries(translations.marked_texts())
    assert len(marked) > 200
    assert set(entries(catalog)) - set(marked) == set(), MEND
    assert set(marked) - set(entries(catalog)) == set(), MEND
    assert translations.untranslated(catalog) == [], MEND
    assert not catalog.obsolete, MEND


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_placeholders_tags_options_and_spaces(language: str) -> None:
    catalog = translations.read_catalog(language)
    for (original, _context), translated in entries(catalog).items():
        for index, string in enumerate(translated):
            source = original[0] if index == 0 else original[-1]
            assert Counter(KEPT.findall(string)) == Counter(KEPT.findall(source)), source
            assert string[:1].isspace() == source[:1].isspace(), source
            assert string[-1:].isspace() == source[-1:].isspace(), source
    assert [(message.id, errors) for message, errors in catalog.check()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_people_wrote(language: str) -> None:
    compiled = entries(translations.read_compiled(language))
    assert compiled == entries(translations.read_catalog(language)), MEND


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_django_says_too_is_said_as_django_does(language: str) -> None:
    # All apps share one catalog, so that another word of ours would change Django's own pages.
    ours = entries(translations.read_catalog(language))
    differing = []
    for folder in ("conf", "contrib/admin", "contrib/auth"):
        path = Path(django.__file__).parent / folder / f"locale/{language}/LC_MESSAGES/django.po"
        with path.open("rb") as file:
            theirs = entries(read_po(file))
        differing += [key for key in ours.keys() & theirs.keys() if ours[key] != theirs[key]]
    assert differing == []


def test_the_texts_of_modules_and_templates_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "some.py").write_text(
        'f"{_(\'inside\')}"; ngettext("%d one", "%d many", n); pgettext("month", "May"); _(name)\n'
        '_("joined"\n  " up"); other("unmarked")\n'
    )
    (tmp_path / "some.html").write_text(
        '{% load i18n %}{% translate "short" %} unmarked {% translate "May" context "verb" %}'
        "{% blocktranslate count number=n %}{{ number }} tin{% plural %}{{ number }} tins"
        "{% endblocktranslate %}"
    )
    (tmp_path / "some.txt").write_text('{% load i18n %}{% translate "in a mail" %}')
    monkeypatch.setattr(translations, "ROOT", tmp_path)
    monkeypatch.setattr(translations, "PACKAGE", tmp_path)
    assert set(entries(translations.marked_texts())) == {
        (("inside",), None),
        (("%d one", "%d many"), None),
        (("May",), "month"),
        (("joined up",), None),
        (("short",), None),
        (("in a mail",), None),
        (("May",), "verb"),
        (("%(number)s tin", "%(number)s tins"), None),
    }


def test_one_command_begins_a_language_and_keeps_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(translations.LOCALE, tmp_path / "locale")
    monkeypatch.setattr(translations, "LOCALE", tmp_path / "locale")
    total, missing = translations.bring_up_to_date("fr")
    assert (total, missing) == (total, total)
    path = translations.catalog_path("fr", ".po")
    begun = path.read_text()
    # How many plurals French has is Babel's to know, and releases of it differ.
    assert f"Plural-Forms: {get_plural('fr').plural_forms}" in " ".join(begun.split())
    path.write_text(
        begun.replace('msgid "Send now"\nmsgstr ""', 'msgid "Send now"\nmsgstr "Envoi"')
    )
    assert translations.bring_up_to_date("fr") == (total, total - 1)
    assert 'msgstr "Envoi"' in path.read_text()
    assert translations.read_compiled("fr").get("Send now").string == "Envoi"
    # And what is up to date stays as it is, to the letter.
    german = translations.catalog_path("de", ".po")
    before = german.read_bytes()
    translations.bring_up_to_date("de")
    assert german.read_bytes() == before
