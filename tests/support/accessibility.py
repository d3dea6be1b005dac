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
FINISH_COLOURS = "document.getAnimations().forEach(each => each.finish())"
#: A size, a scheme, and the rules if not all.
Look = tuple[str, str, list[str] | None]
#: By which each page is looked at; by day each size and each scheme once.
LOOKS: tuple[Look, ...] = (
    ("desk", "light", None),
    ("desk", "dark", RULES_OF_COLOURS),
    ("phone", "dark", RULES_OF_COLOURS),
    ("phone", "light", None),
)
if not NIGHTLY:
    LOOKS = (("desk", "light", None), ("phone", "dark", None))
RUN = "async ([context, options]) => (await axe.run(context, options)).violations"
#: Around each page of the admin, and the same there.
AROUND = [["#header"], ["#nav-sidebar"], ["#footer"]]
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


def looks_at(place: int) -> tuple[Look, ...]:
    """Return by what a page is looked at: by day the further ones of a kind by one look in turn.

    Args:
        place: How many pages of the same kind, of one template, come before the page.
    """
    return LOOKS if NIGHTLY or not place else LOOKS[place % 2 :][:1]


def grave_faults(
    page: Any, rules: list[str] | None = None, *, around: bool = True
) -> Iterator[str]:
    """Yield what axe-core finds serious or critical on a page, but for what is Django's.

    Args:
        page: The page.
        rules: The rules, if not all.
        around: Whether to look by day at what is around each page of the admin too.
    """
    # Not what is in frames: the preview is looked at by itself, and in it is somebody's mail.
    options: dict[str, Any] = {"resultTypes": ["violations"], "iframes": False}
    options |= {"selectors": False, "preload": False}  # which nobody reads, and no rule
    context = {"exclude": [] if around or NIGHTLY else AROUND}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    if not page.evaluate("'axe' in window"):  # its half a megabyte is parsed once for a page
        page.evaluate(Axe().axe_script)
    for violation in page.evaluate(RUN, [context, options]):
        known = OF_DJANGO.get(violation["id"], ())
        for node in violation["nodes"]:
            if violation["impact"] in GRAVE and not any(
                re.match(pattern, node["html"]) for pattern in known
            ):
                yield f"{violation['impact']} {violation['id']}: {node['html']}"
