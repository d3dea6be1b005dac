"""The directive ``settings-table``: settings of a target or of the engine, as the code has them.

``.. settings-table:: expo`` names a key of ``NOTIFICATION_SYSTEM_TARGETS``; ``engine`` and
``retry`` name the dictionaries ``NOTIFICATION_SYSTEM`` and, in that, ``RETRY``.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import Field, fields
from importlib import import_module
from typing import Any

from docutils import nodes
from docutils.parsers.rst.directives.tables import CSVTable
from docutils.statemachine import StringList
from sphinx.application import Sphinx

from django_notification_system.conf import EngineSettings, RetryPolicy, TargetSettings
from django_notification_system.modules import BUILT_IN_HANDLERS
from django_notification_system.targets import built_in_keys, describe_built_in, module_name_of

HEADER = ["Key", "Default", "What it says"]


class SettingsTable(CSVTable):
    required_arguments = 1
    optional_arguments = 0
    has_content = False

    def run(self) -> list[nodes.Node]:
        name = self.arguments.pop()
        if name not in {"engine", "retry", *built_in_keys()}:
            raise self.error(f"{name!r} is no target's key, and neither 'engine' nor 'retry'.")
        written = io.StringIO()
        csv.writer(written, lineterminator="\n").writerows([HEADER, *rows(name)])
        self.content = StringList(written.getvalue().splitlines(), f"settings of {name}")
        self.options |= {"header-rows": 1, "widths": [25, 20, 55]}
        return super().run()


def rows(name: str) -> Iterator[list[str]]:
    """Yield a row for each setting: its key, its default, its sentence."""
    if name == "engine":
        yield from (row(each, each.name.upper()) for each in fields(EngineSettings))
    elif name == "retry":
        yield from (row(each, each.name) for each in fields(RetryPolicy))
    else:
        yield from rows_of_target(module_name_of(name))


def rows_of_target(module_name: str) -> Iterator[list[str]]:
    """Yield the target's own settings first; a receipt is for providers that have receipts."""
    settings_class = describe_built_in(module_name).settings_class
    common = [each.name for each in fields(TargetSettings)]
    asks = hasattr(import_module(f"{BUILT_IN_HANDLERS}.{module_name}"), "fetch_receipts")
    for each in sorted(fields(settings_class), key=lambda each: each.name in common):
        if asks or each.name != "receipts_after":
            yield row(each, each.name)


def row(field: Field[Any], name: str) -> list[str]:
    default = repr(field.default).replace("'", '"')
    return [f"``{name}``", f"``{default}``", field.metadata["says"]]


def setup(app: Sphinx) -> None:
    app.add_directive("settings-table", SettingsTable)
