"""How Sphinx builds the documentation: ``make docs``."""

import sys
from pathlib import Path

import django
from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# The docstrings are read from the real modules, and those with models need a configured Django.
settings.configure(
    SECRET_KEY="only to read docstrings",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django_notification_system",
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

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon"]
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
