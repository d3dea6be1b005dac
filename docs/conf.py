"""How Sphinx builds the documentation: ``make docs``."""

import re
import sys
from pathlib import Path

import django
from django.conf import settings
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

# The docstrings are read from the real modules, and those with models need a configured Django.
settings.configure(
    SECRET_KEY="only to read docstrings",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django_notification_system",
        "django_notification_system.contrib.inbox",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    USE_TZ=True,
)
django.setup()

from django_notification_system import __version__  # noqa: E402

project = "Django Notification System"
author = "the Django Notification System's authors"
copyright = author  # noqa: A001 # Sphinx's own name
version = release = __version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "settings_table"]
exclude_patterns = ["_build", "examples", "output"]
nitpicky = False

html_theme = "furo"
html_title = f"Django Notification System {version}"
html_static_path: list[str] = []
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 72
highlight_language = "none"


def setup(app: Sphinx) -> None:
    """Let the site have the changelog, which GitHub and package indexes read as Markdown."""
    app.connect("include-read", markdown_to_rst)


def markdown_to_rst(app: Sphinx, path: Path, page: str, content: list[str]) -> None:
    """Change included Markdown, of as much of it as the changelog uses, to reStructuredText."""
    if path.suffix != ".md":
        return
    text = re.sub(r"`([^`]+)`", r"``\1``", content[0])
    content[0] = re.sub(r"^(#+) (.+)$", underlined, text, flags=re.MULTILINE)


def underlined(heading: re.Match[str]) -> str:
    """Return a Markdown heading as reStructuredText has it."""
    line = "=-~"[len(heading[1]) - 1]
    return f"{heading[2]}\n{line * len(heading[2])}"
