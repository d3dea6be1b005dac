"""Render the Django template of a mail's body."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, Literal

from django.template.backends.base import BaseEngine
from django.template.backends.django import Template as DjangoTemplate
from django.template.context import make_context
from django.template.loader import get_template

ContentSubtype = Literal["html", "plain"]

SUBTYPE_OF_SUFFIX: Mapping[str, ContentSubtype] = {".html": "html", ".htm": "html", ".txt": "plain"}


def subtype_of(name: str) -> ContentSubtype | None:
    """Return the kind of a template's text by its name: ``hello.txt``, ``hello.html.j2``."""
    suffixes = (suffix.lower() for suffix in reversed(PurePosixPath(name).suffixes))
    return next(
        (SUBTYPE_OF_SUFFIX[suffix] for suffix in suffixes if suffix in SUBTYPE_OF_SUFFIX), None
    )


def render(name: str, context: Mapping[str, Any], subtype: ContentSubtype | None) -> str:
    """Return a template's text; in plain text no characters are escaped.

    Args:
        name: The template's name.
        context: The template's variables.
        subtype: The kind of text, if known.

    Raises:
        Exception: The template engine's own error.
    """
    template: Any = get_template(name)
    values = dict(context)
    if subtype != "plain":
        return str(template.render(values))
    if isinstance(template, DjangoTemplate):
        return str(template.template.render(make_context(values, autoescape=False)))
    if (environment := _environment_of_jinja2(template)) is not None:
        template.template = _without_escapes(environment).get_template(name)
    return str(template.render(values))


# Kept: an environment keeps its compiled templates.
@lru_cache(maxsize=8)
def _without_escapes(environment: Any) -> Any:
    return environment.overlay(autoescape=False)


def _environment_of_jinja2(template: Any) -> Any:
    """Return the environment of a template loaded by Jinja2, else ``None``."""
    backend: BaseEngine | None = getattr(template, "backend", None)
    module = type(template).__module__
    return getattr(backend, "env", None) if module == "django.template.backends.jinja2" else None
