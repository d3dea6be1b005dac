"""The pictures in the documentation: the script makes all that it names, and they are small."""

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageStat

from tests.settings import TEST_DATABASE
from tests.support.places import ROOT
from tests.support.subprocesses import run_python

pytestmark = pytest.mark.skipif(
    TEST_DATABASE != "sqlite", reason="The example has a database of its own."
)

FOLDER = ROOT / "docs/screenshots"
LARGEST = 100_000
PNG = b"\x89PNG\r\n\x1a\n"


def named_pictures() -> set[str]:
    """Return the names of the pictures that the documentation shows."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*/*.rst"), *(ROOT / "docs").glob("*.rst")]
    text = "\n".join(page.read_text() for page in pages)
    return set(re.findall(r"screenshots/([\w-]+\.png)", text))


def brightness(picture: bytes) -> float:
    """Return how bright a picture is on the whole, from 0 to 255."""
    with Image.open(BytesIO(picture)) as image:
        return float(ImageStat.Stat(image.convert("L")).mean[0])


def test_the_pictures_that_the_documentation_shows_are_there_and_small() -> None:
    kept = {path.name: path.read_bytes() for path in FOLDER.iterdir()}
    assert kept.keys() == named_pictures()
    assert len(kept) == 12
    for name, picture in kept.items():
        assert picture.startswith(PNG), name
        assert len(picture) < LARGEST, name


def test_the_script_makes_every_picture(
    browser: Any, tmp_path: Path, downloads: Callable[[str], Path]
) -> None:
    browsers = downloads("browsers")  # where the fixture has put one, if it had to
    done = run_python(
        str(ROOT / "docs/make_screenshots.py"),
        *("--folder", str(tmp_path), "--browsers", str(browsers)),
        folder=tmp_path,
        environment={},
    )
    assert done.returncode == 0, done.stderr
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made.keys() == named_pictures()
    for name, picture in made.items():
        width, height = (int.from_bytes(picture[at : at + 4]) for at in (16, 20))
        assert picture.startswith(PNG), name
        assert len(picture) < LARGEST, name
        assert (width == 390) == name.endswith("-phone.png"), (name, width)
        assert height > 150, (name, height)
    for page in ("list", "dashboard", "inbox"):
        assert brightness(made[f"{page}-dark.png"]) < 100 < brightness(made[f"{page}-light.png"])
