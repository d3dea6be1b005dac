"""Render the template of a message's text."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, Literal

from django.template import TemplateDoesNotExist
from django.template.backends.base import BaseEngine
from django.template.backends.django import Template as DjangoTemplate
from django.template.context import make_context
from django.template.loader import get_template

ContentSubtype = Literal["html", "plain"]

SUBTYPE_OF_SUFFIX: Mapping[str, ContentSubtype] = {".html": "html", ".htm": "html", ".txt": "plain"}


def subtype_of(name: str) -> ContentSubtype | None:
    """Return the kind of a template's text by its name: ``hello.txt``, ``hello.html.j2``.

    Args:
        name: The template's name.

    Returns:
        ``"plain"`` or ``"html"``; ``None`` for another ending.
    """
    suffixes = (suffix.lower() for suffix in reversed(PurePosixPath(name).suffixes))
    return next(
        (SUBTYPE_OF_SUFFIX[suffix] for suffix in suffixes if suffix in SUBTYPE_OF_SUFFIX), None
    )


def first_existing(names: Iterable[str]) -> str | None:
    """Return the first name of an existing template, or ``None``.

    Args:
        names: The names.

    Raises:
        TemplateSyntaxError: When the first existing template does not compile.
    """
    for name in names:
        try:
            get_template(name)
        except TemplateDoesNotExist as missing:
            if missing.args[:1] != (name,):
                raise  # a template that this one needs
            continue
        return name
    return None


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
