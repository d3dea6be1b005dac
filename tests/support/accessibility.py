"""Pages as axe-core judges them: light and dark, on a phone and on a desk."""

import re
from collections.abc import Iterator
from typing import Any

from axe_playwright_python.sync_playwright import Axe

from tests.nightly import NIGHTLY

SIZES = {"phone": {"width": 390, "height": 800}, "desk": {"width": 1280, "height": 900}}
GRAVE = ("serious", "critical")
#: What axe-core looks at again where only the colours are others.
RULES_OF_COLOURS = ["color-contrast", "link-in-text-block"]
#: Django lets the colours of links change by and by.
UNTIL_COLOURS_STAND = (
    "Promise.all(document.getAnimations().map(each => each.finished)).then(() => null)"
)
#: By which each page is looked at; by day each size and each scheme once.
LOOKS: tuple[tuple[str, str, list[str] | None], ...] = (
    ("desk", "light", None),
    ("desk", "dark", RULES_OF_COLOURS),
    ("phone", "dark", RULES_OF_COLOURS),
    ("phone", "light", None),
)
if not NIGHTLY:
    LOOKS = (("desk", "light", None), ("phone", "dark", None))
#: Faults of Django's own admin, which are the same on the pages of every app: by rule, and by how
#: their elements begin.
OF_DJANGO = {
    "link-in-text-block": (
        r'<a href="[^"]*">(Home|Notification system|Notifications|Notification targets|User Targets'
        r"|Suppressions|Consent log|Users?|[^<]* object \([^<]*)</a>$",  # the breadcrumbs
        r'<a href="\?[^"]*">(Show all|\d+ total)</a>',  # beside the number of what was found
    ),
    "label-title-only": (r"<input [^>]*id=\"searchbar\"",),
    "aria-input-field-name": (r'<span class="select2-selection',),  # the library that searches
}


def grave_faults(page: Any, rules: list[str] | None = None) -> Iterator[str]:
    """Yield what axe-core finds serious or critical on a page, but for what is Django's."""
    # Not what is in frames: the preview is looked at by itself, and in it is somebody's mail.
    options: dict[str, Any] = {"resultTypes": ["violations"], "iframes": False}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    if not page.evaluate("'axe' in window"):  # its half a megabyte is parsed once for a page
        page.evaluate(Axe().axe_script)
    for violation in page.evaluate("options => axe.run(options)", options)["violations"]:
        known = OF_DJANGO.get(violation["id"], ())
        for node in violation["nodes"]:
            if violation["impact"] in GRAVE and not any(
                re.match(pattern, node["html"]) for pattern in known
            ):
                yield f"{violation['impact']} {violation['id']}: {node['html']}"
