"""What the package imports is what pyproject.toml declares: for the core, and for each extra."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from tests.support.lock import PYPROJECT
from tests.support.places import ROOT

PACKAGE = ROOT / "django_notification_system"
OWN = PACKAGE.name
#: Which extra brings what the modules of a folder, or whose names begin so, import.
OWNERS = {
    "contrib/anymail": "anymail",
    "contrib/celery": "celery",
    "contrib/css": "css",
    "contrib/opentelemetry": "opentelemetry",
    "contrib/prometheus": "prometheus",
    "contrib/tasks": "tasks",
    "contrib/twilio": "twilio",
    "contrib/webpush": "webpush",
    "notification_handlers/apprise": "apprise",
    "notification_handlers/expo": "expo",
    "notification_handlers/fcm": "fcm",
    "notification_handlers/twilio": "twilio",
    "notification_handlers/webhook": "webhook",
    "notification_handlers/webpush": "webpush",
    "operations/console/progress": "progress",
    "testing/fcm_api": "fcm",
    "testing/push_service": "webpush",
    "testing/smtp": "testing",
    "testing/webhook_receiver": "webhook",
}
#: Modules that several extras need, and no project without one of them imports.
SHARED = {"notification_handlers/http": ("expo", "twilio", "http", "webpush", "fcm", "webhook")}
#: What a provider's folder may import that has no extra of its own.
PROVIDERS = re.compile(r"notification_handlers/\w+/")
#: The plugin is imported by pytest alone; Google's library brings what makes keys.
NOT_DECLARED = {"testing/pytest_plugin": {"pytest"}, "testing/fcm_api": {"cryptography"}}
#: What Django itself requires and hands to its projects: its documentation imports from it.
#: https://docs.djangoproject.com/en/stable/topics/async/#asgiref-sync-sync-to-async
BY_DJANGO = {"asgiref"}
#: What installs a package that has another name than its distribution, where it is not installed.
DISTRIBUTIONS = {"django_tasks": "django-tasks"}


def modules() -> dict[str, Path]:
    """Return the package's modules by their places in it."""
    return {
        path.relative_to(PACKAGE).with_suffix("").as_posix(): path
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def imported_by(path: Path) -> set[str]:
    """Return the top-level packages that a module imports and that do not come with Python."""
    return {
        name.partition(".")[0]
        for name in _imports(ast.parse(path.read_text()))
        if name.partition(".")[0] not in sys.stdlib_module_names | {OWN}
    }


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@cache
def declared(extra: str = "") -> set[NormalizedName]:
    """Return the distributions that the core or an extra asks for."""
    project = PYPROJECT["project"]
    texts = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return {canonicalize_name(Requirement(text).name) for text in texts}


def distributions_of(package: str) -> set[NormalizedName]:
    """Return what installs a package, by the names that pyproject.toml would give it."""
    installed = installed_packages().get(package, [DISTRIBUTIONS.get(package, package)])
    return {canonicalize_name(name) for name in installed}


@cache
def installed_packages() -> Mapping[str, list[str]]:
    return packages_distributions()


def extras_of(name: str) -> tuple[str, ...]:
    """Return the extras one of which whoever imports a module has installed."""
    owner = tuple(extra for beginning, extra in OWNERS.items() if name.startswith(beginning))
    shared = [extras for beginning, extras in SHARED.items() if name.startswith(beginning)]
    of_provider = ("http",) if PROVIDERS.match(name) else ()
    return owner or (shared[0] if shared else of_provider)


def test_what_a_module_imports_is_declared_where_it_is_needed() -> None:
    undeclared = [
        f"{name}: {package} is not in {f'extra {extra}' if extra else 'dependencies'}"
        for name, path in modules().items()
        for extra in extras_of(name) or ("",)
        for package in sorted(imported_by(path) - BY_DJANGO - NOT_DECLARED.get(name, set()))
        if not distributions_of(package) & (declared() | (declared(extra) if extra else set()))
    ]
    assert undeclared == []


def test_every_extra_but_all_is_some_modules() -> None:
    extras = {*OWNERS.values(), *(extra for extras in SHARED.values() for extra in extras)}
    assert extras == set(PYPROJECT["project"]["optional-dependencies"]) - {"all"}


def test_all_has_every_extra() -> None:
    (text,) = PYPROJECT["project"]["optional-dependencies"]["all"]
    assert Requirement(text).extras == set(PYPROJECT["project"]["optional-dependencies"]) - {"all"}


def test_every_floor_is_a_release() -> None:
    texts = [*PYPROJECT["project"]["dependencies"]]
    for extra, asked in PYPROJECT["project"]["optional-dependencies"].items():
        texts += asked if extra != "all" else []
    assert [text for text in texts if not re.search(r">=\d", text)] == []
