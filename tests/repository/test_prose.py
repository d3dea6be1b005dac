"""The program that counts pronoun-like words: tests/prose.py."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.prose import PACKAGE, ROOT, count_words, prose_of, python_files, sentences_of

HARD_TO_READ = '''"""That which it does to those is what they asked it for."""\n'''


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.prose", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("text", "words", "pronouns"),
    [
        ("Record the outcome.", 3, 0),
        ("It's what they said.", 4, 3),
        ("Each of THOSE, one by one", 6, 4),
        ("Return ``that`` and `what is this` and :class:`It`.", 3, 0),
        ("", 0, 0),
    ],
)
def test_pronoun_like_words_are_counted_outside_of_code(text, words, pronouns):
    count = count_words(text)

    assert (count.words, count.pronouns) == (words, pronouns)


def test_docstrings_and_comments_are_prose_and_other_strings_and_directives_are_not():
    source = (
        '"""The module."""\n'
        'text = "no prose"  # a word aside\n'
        "# the first line\n"
        "# and the second\n"
        "import os  # noqa: F401\n"
        "class Row:\n"
        '    """A row."""\n'
        "    field: int\n"
        '    """A field."""\n'
    )

    assert sorted(prose_of(source)) == [
        (1, "The module."),
        (2, "a word aside"),
        (3, "the first line\nand the second"),
        (7, "A row."),
        (9, "A field."),
    ]


def test_a_sentence_ends_at_a_full_stop_a_paragraph_or_an_item(tmp_path):
    path = tmp_path / "module.py"
    path.write_text('"""One\nline. Two!\n\nThree\n\nArgs:\n    row: A row.\n    - an item\n"""\n')

    texts = [sentence.text for sentence in sentences_of(path)]

    assert texts == ["One line.", "Two!", "Three", "Args:", "row: A row.", "- an item"]


def test_final_migrations_are_not_counted():
    own = PACKAGE / "migrations"
    names = {path.name for path in python_files([PACKAGE]) if path.parent == own}

    assert "0001_initial.py" not in names
    assert "_operations.py" in names


def test_a_text_above_the_limit_is_refused_and_shown(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(HARD_TO_READ)

    refused = run("--check", path)

    assert refused.returncode == 1
    assert f"{path}:1: That which it does" in refused.stdout


def test_a_text_below_the_limit_is_not_refused(tmp_path):
    path = tmp_path / "module.py"
    path.write_text('"""Record the outcome of the row."""\n')

    accepted = run("--check", path)

    assert accepted.returncode == 0
    assert accepted.stdout.splitlines() == ["   0.0      0 of      6  total"]


def test_the_worst_files_and_sentences_come_first(tmp_path):
    (tmp_path / "a.py").write_text('"""Record the outcome of the row."""\n')
    (tmp_path / "b.py").write_text(HARD_TO_READ)

    lines = run("--worst", "1", tmp_path).stdout.splitlines()

    assert lines[0].endswith(str(tmp_path / "b.py"))
    assert lines[1].startswith(f"{tmp_path / 'b.py'}:1: ")
    assert lines[-1].endswith("total")
