"""Each sentence of the page of promises is held by a test that the page's source names."""

import ast
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from django_notification_system.conf import (
    EngineSettings,
)
from django_notification_system.database import PATIENCE_SECONDS
from django_notification_system.delivery.claims.interrupted import size_of_group
from django_notification_system.delivery.runs.lull import LONGEST_LULL_SECONDS
from django_notification_system.delivery.runs.unrecorded import RECORD_AFTER_SECONDS
from django_notification_system.models.notification import RESPONSE_MAX_LENGTH
from django_notification_system.notification_handlers.email import MOST_TOGETHER
from django_notification_system.notification_handlers.email.settings import EmailSettings
from django_notification_system.notification_handlers.expo import MESSAGES_IN_A_REQUEST
from django_notification_system.notification_handlers.expo.settings import ExpoSettings
from django_notification_system.notification_handlers.twilio.settings import TwilioSettings
from django_notification_system.operations.console.forced_end import FORCE_AFTER_SECONDS
from django_notification_system.outcome import LONGEST_TEXT
from tests.support.documentation import DOCS
from tests.support.places import ROOT

PAGE = DOCS / "explanation" / "promises.rst"
HELD = ".. held by"
#: What tells why, and asserts nothing of the program.
REASON = "reason: "
MOST_REASONS = 4


def promises() -> list[tuple[list[str], list[str]]]:
    """Return each paragraph's sentences, and what the source says that they are held by."""
    blocks = PAGE.read_text().split("\n\n")
    return [
        (rows(paragraph) or sentences(paragraph), lines_of(held))
        for paragraph, held in pairwise(blocks)
        if held.startswith(HELD)
    ]


def lines_of(held: str) -> list[str]:
    """Return a line for each sentence; a sentence of several tests goes on after a comma."""
    _, *lines = held.splitlines()
    return [line.strip() for line in re.sub(r",\n\s+", ", ", "\n".join(lines)).splitlines()]


def rows(paragraph: str) -> list[str]:
    """Return the rows of a table of two columns; none where the paragraph is prose."""
    lines = paragraph.splitlines()
    return [line for line in lines if not line.startswith("=")] if lines[0].startswith("=") else []


def sentences(paragraph: str) -> list[str]:
    """Split a paragraph at its full stops; its heading in bold is a sentence, too."""
    heading, text = re.fullmatch(r"(\*\*.+?\*\* )?(.*)", one_line(paragraph)).groups()  # type: ignore[union-attr]
    told = re.split(r"(?<=[.!?])\s+(?=[A-Z`\"(*])", text)
    return [heading.strip(), *told] if heading else told


def one_line(text: str) -> str:
    return " ".join(text.split())


@cache
def functions_of(path: Path) -> set[str]:
    """Return the names of a module's functions that no mark has skipped everywhere."""
    tree = ast.parse(path.read_text())
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and not any(ast.unparse(each)[-9:] == "mark.skip" for each in marks(node))
    }


def marks(node: ast.FunctionDef) -> list[ast.expr]:
    return [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]


def test_every_paragraph_names_its_tests() -> None:
    prose = [
        block
        for block in PAGE.read_text().split("\n\n")
        if re.match(r"[A-Z*`]", block) and not re.search(r"^[=-]{3,}", block, re.MULTILINE)
    ]
    assert len(prose) >= 15
    held = [" ".join(told) for told, _ in promises()]
    without = [block for block in prose if not any(one_line(block).endswith(h) for h in held)]
    assert without == prose[:1]  # what this page is


@pytest.mark.parametrize(("told", "held"), promises(), ids=lambda value: value[0][:40])
def test_every_sentence_has_its_test(told: list[str], held: list[str]) -> None:
    assert len(told) == len(held), told
    for line in held:
        if line.startswith(REASON):
            continue
        for test in line.split(", "):
            path, _, name = test.partition("::")
            assert name in functions_of(ROOT / path), test


def test_hardly_a_sentence_does_without() -> None:
    lines = [line for _, held in promises() for line in held]
    assert len(lines) > 50
    assert sum(line.startswith(REASON) for line in lines) <= MOST_REASONS


@pytest.mark.parametrize(
    ("settings", "each"),
    [(TwilioSettings, 1), (ExpoSettings, MESSAGES_IN_A_REQUEST)],
    ids=["Twilio", "Expo"],
)
def test_the_table_of_copies_follows_from_the_settings(settings: type, each: int) -> None:
    unrecorded, connections = EngineSettings().record_every, settings().connections
    factor = f"{each} \N{MULTIPLICATION SIGN} " if each > 1 else ""
    copies = unrecorded + each * connections
    assert f"{unrecorded} + {factor}{connections} = {copies}" in PAGE.read_text()


def test_the_copies_of_emails_follow_from_the_settings() -> None:
    unrecorded, together = EngineSettings().record_every, MOST_TOGETHER
    assert EmailSettings().connections <= together
    assert f"{unrecorded} + {together} = {unrecorded + together}" in PAGE.read_text()


def test_the_numbers_are_those_of_the_settings() -> None:
    text = " ".join(PAGE.read_text().split())
    engine = EngineSettings()
    assert (engine.pause_after, engine.pause_seconds) == (10, 60)
    assert "After ten such failures in a row" in text
    assert "is paused for a minute" in text
    assert PATIENCE_SECONDS == 60
    assert "A run waits up to a minute for a database" in text
    assert LONGEST_LULL_SECONDS == 30
    assert "a wait of up to half a minute" in text
    assert FORCE_AFTER_SECONDS < 10
    assert "gone within ten seconds" in text
    # The run looks once in this time for outcomes that have waited for as long.
    assert 2 * RECORD_AFTER_SECONDS == 0.1
    assert "for a tenth of a second" in text
    assert EmailSettings().when_unknown == "retry"
    assert 'With the default, ``"retry"``, the app tries again.' in text
    assert engine.max_interruptions == 3
    assert "After three deaths" in text
    first = size_of_group(1, engine)
    assert f"a batch of {engine.batch_size} with a row that kills" in text
    assert f"in groups of {first}," in text
    assert f"cut after {LONGEST_TEXT:,} characters" in text
    assert f"{RESPONSE_MAX_LENGTH} characters are stored" in text
    assert f"LEASE_SECONDS, {engine.lease_seconds} by default" in text
