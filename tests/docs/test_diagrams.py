"""The diagrams of the pages: there for everybody, readable on light and dark, and right."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from django_notification_system.models import Notification
from tests.settings import TEST_DATABASE
from tests.support.documentation import DOCS, pages

pytestmark = pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="Pictures use no database.")

DIAGRAMS = sorted((DOCS / "diagrams").glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
FIGURE = re.compile(r"^\.\. figure:: (\S+\.svg)\n   :alt: (.+(?:\n      .+)*)", re.MULTILINE)


def one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def figures() -> dict[Path, str]:
    return {
        (page.parent / path).resolve(): one_line(alt)
        for page in pages()
        for path, alt in FIGURE.findall(page.read_text())
    }


def test_every_diagram_is_on_a_page_that_tells_in_words_what_it_shows() -> None:
    assert set(figures()) == set(DIAGRAMS)
    assert len(DIAGRAMS) >= 3
    for diagram in DIAGRAMS:
        tree = ElementTree.parse(diagram)
        assert figures()[diagram] == one_line(tree.findtext(f"{SVG}desc"))
        assert tree.findtext(f"{SVG}title")


def colours(style: str) -> dict[str, str]:
    return dict(re.findall(r"--(\w+): (#\w{6})", style))


def luminance(colour: str) -> float:
    """Return the relative luminance. Source: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted([luminance(one), luminance(other)], reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("diagram", DIAGRAMS, ids=lambda path: path.stem)
def test_diagrams_can_be_read_on_light_and_dark(diagram: Path) -> None:
    style = ElementTree.parse(diagram).findtext(f"{SVG}style") or ""
    light, dark = style.split("@media (prefers-color-scheme: dark)")
    schemes = [colours(light), colours(dark)]
    assert schemes[0].keys() == schemes[1].keys() == set(re.findall(r"var\(--(\w+)\)", style))
    assert luminance(schemes[0]["paper"]) > 0.5 > luminance(schemes[1]["paper"])
    for scheme in schemes:
        for ground in scheme.keys() - {"ink", "line"}:
            assert contrast(scheme["ink"], scheme[ground]) >= 7, ground
            assert contrast(scheme["line"], scheme[ground]) >= 3, ground


def test_diagram_of_the_states_has_all_of_them() -> None:
    tree = ElementTree.parse(DOCS / "diagrams" / "states.svg")
    said = {text.text for text in tree.iter(f"{SVG}text")}
    assert {word for word in said if word and word.isupper()} == set(
        dict(Notification.STATUS_CHOICES)
    )
