"""The places of the project's files, for tests that read files or start processes."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
