"""Count the pronoun-like words in the docstrings and comments of Python files.

A sentence with many of these words must be read twice: the reader looks for the nouns that they
stand for. The package is held under ``LIMIT`` such words per 1,000.

- ``python -m tests.prose`` prints the figure of each file of the package, and the total.
- ``python -m tests.prose PATH ...`` does so for other files and folders.
- ``python -m tests.prose --worst 20`` prints the 20 worst files and the 20 worst sentences.
- ``python -m tests.prose --check`` prints the total; above the limit, also the worst files and
  sentences, and the exit status is 1.

Code in backticks is not counted, neither as a pronoun nor as a word.
"""

import argparse
import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "django_notification_system"
#: Pronoun-like words per 1,000 words; Django, procrastinate and django-anymail have 29 to 42.
LIMIT = 60
PRONOUNS = frozenset(
    {"it", "its", "that", "those", "these", "this", "what", "whatever", "one", "ones", "each"}
    | {"which", "who", "whoever", "whom", "whose", "they", "them", "their"}
)
#: Migrations up to this number are final; their comments stay as well.
LAST_FINAL_MIGRATION = 27
CODE = re.compile(r"(:[\w:]+:)?(``.*?``|`[^`]*`)", re.DOTALL)
WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")
#: The end of a sentence, of a paragraph, or of an item in a list of arguments or points.
END_OF_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n\s*\n|\n\s*(?=- |\w+: )")
#: Comments for tools.
DIRECTIVE = re.compile(r"#\s*(noqa|type:|mypy:|ruff:|pragma:|nosec|fmt:|!)")
#: In the list of the worst sentences, a short sentence needs more than a high share.
FEWEST_PRONOUNS_OF_WORST = 3


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many words a text has, and how many of them are pronoun-like."""

    words: int
    pronouns: int

    @property
    def per_thousand(self) -> float:
        """Return the pronoun-like words per 1,000 words."""
        return 1000 * self.pronouns / self.words if self.words else 0.0


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A sentence of a docstring or comment, without the code in it."""

    path: Path
    line: int  # where the docstring or comment begins
    text: str

    @property
    def count(self) -> Count:
        """Count the words of the sentence."""
        return count_words(self.text)


def count_words(text: str) -> Count:
    """Count the words of a text, except the code in backticks."""
    words = [word.lower() for word in WORD.findall(CODE.sub(" ", text))]
    # "it's" is "it is": the pronoun is the part before the apostrophe.
    pronouns = sum(word.partition("'")[0] in PRONOUNS for word in words)
    return Count(words=len(words), pronouns=pronouns)


def prose_of(source: str) -> Iterator[tuple[int, str]]:
    """Yield the docstrings and comments of a module's source, with the line where each begins."""
    yield from _docstrings(source)
    yield from _comments(source)


def _docstrings(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
            continue
        if isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """Yield the comments; lines of comment that follow one another are one comment."""
    begin, lines, last = 0, list[str](), (0, 0)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or DIRECTIVE.match(token.string):
            continue
        if lines and token.start != (last[0] + 1, last[1]):
            yield begin, "\n".join(lines)
            lines = []
        begin = begin if lines else token.start[0]
        lines.append(token.string.lstrip("#:").strip())
        last = token.start
    if lines:
        yield begin, "\n".join(lines)


def sentences_of(path: Path) -> Iterator[Sentence]:
    """Yield the sentences in the docstrings and comments of a file."""
    for line, text in prose_of(path.read_text(encoding="utf-8")):
        for sentence in END_OF_SENTENCE.split(text):
            if sentence and sentence.strip():
                yield Sentence(path=path, line=line, text=" ".join(sentence.split()))


def python_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the Python files among the paths and in their folders, except final migrations."""
    for path in paths:
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            if not _is_final_migration(file):
                yield file


def _is_final_migration(path: Path) -> bool:
    number = re.match(r"\d{4}(?=_)", path.name)
    if number is None or path.parent != PACKAGE / "migrations":
        return False
    return int(number[0]) <= LAST_FINAL_MIGRATION


def total(counts: Iterable[Count]) -> Count:
    """Return the sum of counts."""
    words = pronouns = 0
    for count in counts:
        words += count.words
        pronouns += count.pronouns
    return Count(words=words, pronouns=pronouns)


def files_in_figures(sentences: Iterable[Sentence]) -> dict[Path, Count]:
    """Return the count of each file."""
    of_file: dict[Path, list[Count]] = {}
    for sentence in sentences:
        of_file.setdefault(sentence.path, []).append(sentence.count)
    return {path: total(counts) for path, counts in of_file.items()}


def worst_files(figures: dict[Path, Count], number: int) -> list[Path]:
    """Return the files with the most pronoun-like words above the limit."""

    def above_the_limit(path: Path) -> float:
        return figures[path].pronouns - figures[path].words * LIMIT / 1000

    return sorted(figures, key=above_the_limit, reverse=True)[:number]


def worst_sentences(sentences: Iterable[Sentence], number: int) -> list[Sentence]:
    """Return the sentences with the highest share of pronoun-like words."""
    candidates = [one for one in sentences if one.count.pronouns >= FEWEST_PRONOUNS_OF_WORST]
    return sorted(candidates, key=lambda one: one.count.per_thousand, reverse=True)[:number]


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _print_count(name: str, count: Count) -> None:
    print(f"{count.per_thousand:6.1f} {count.pronouns:6} of {count.words:6}  {name}")


def _print_worst(sentences: list[Sentence], figures: dict[Path, Count], number: int) -> None:
    for path in worst_files(figures, number):
        _print_count(_shown(path), figures[path])
    for sentence in worst_sentences(sentences, number):
        print(f"{_shown(sentence.path)}:{sentence.line}: {sentence.text}")


def main() -> int:
    """Print the figures; return 1 where they are above the limit and were to be checked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="*", type=Path, default=[PACKAGE])
    parser.add_argument("--worst", type=int, metavar="N", help="the worst files and sentences")
    parser.add_argument("--check", action="store_true", help=f"fail above {LIMIT} per 1,000")
    options = parser.parse_args()

    paths = [path.resolve() for path in options.paths]
    sentences = [one for file in python_files(paths) for one in sentences_of(file)]
    figures = files_in_figures(sentences)
    everything = total(figures.values())
    is_refused = options.check and everything.per_thousand > LIMIT

    if options.worst or is_refused:
        _print_worst(sentences, figures, options.worst or 20)
    elif not options.check:
        for path, count in figures.items():
            _print_count(_shown(path), count)
    _print_count("total", everything)
    if is_refused:
        print(f"The limit is {LIMIT} pronoun-like words per 1,000: name the nouns.")
    return int(is_refused)


if __name__ == "__main__":
    sys.exit(main())
