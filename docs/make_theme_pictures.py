"""Makes pictures of the admin in other people's themes, to be looked at: none is kept here.

``python docs/make_theme_pictures.py FOLDER --packages THEMES``, where THEMES is a folder with the
themes' packages: ``pip install --target THEMES django-unfold django-jazzmin django-grappelli
openwisp-utils``. A theme that is absent is skipped.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from make_screenshots import BROWSERS, DESK, LIST, PASSWORD, PHONE, USERNAME, example_server

from tests.support.browsers import running_browser

#: A theme's apps, which go before Django's admin, and the module that must be there.
THEMES = {
    "django": ([], "django"),
    "unfold": (["unfold"], "unfold"),
    "jazzmin": (["jazzmin"], "jazzmin"),
    "grappelli": (["grappelli"], "grappelli"),
    "openwisp": (["openwisp_utils.admin_theme"], "openwisp_utils"),
}

GRAPPELLIS_URLS = """
from django.urls import include
urlpatterns += [path("grappelli/", include("grappelli.urls"))]
"""


def main() -> None:
    """Make the pictures of every theme that is there."""
    parser = argparse.ArgumentParser(description="Make pictures of the admin in other themes.")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--packages", type=Path, required=True, help="where the themes are")
    parser.add_argument("--theme", choices=THEMES, help="only this theme")
    parser.add_argument("--browsers", type=Path, default=BROWSERS, help="where a browser is kept")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    options.browsers.mkdir(parents=True, exist_ok=True)
    packages = options.packages.absolute()
    with running_browser(options.browsers) as browser:
        for theme, (apps, module) in THEMES.items():
            if options.theme not in (None, theme):
                continue
            if theme != "django" and not (packages / module).exists():
                print(f"{theme}: skipped, {packages} has no {module}")
                continue
            lines = {"settings": f"INSTALLED_APPS = {apps} + INSTALLED_APPS\n"}
            if theme == "grappelli":
                lines["urls"] = GRAPPELLIS_URLS
            with example_server(lines, packages if apps else None) as (url, shown):
                for name, page in pictures(browser, url, shown):
                    page.screenshot(path=options.folder / f"{theme}-{name}.png", full_page=True)
                    print(f"{theme}-{name}.png: {headings(page)}", flush=True)


def pictures(browser: Any, url: str, shown: str) -> Iterator[tuple[str, Any]]:
    """Yield each page, in a wide window and in a phone's."""
    for size, viewport in (("wide", DESK), ("phone", PHONE)):
        context = browser.new_context(viewport=viewport, locale="en")
        page = context.new_page()
        page.goto(f"{url}/admin/")
        page.fill("input[name=username]", USERNAME)
        page.fill("input[name=password]", PASSWORD)
        page.locator("input[name=password]").press("Enter")  # a theme has a button of its own
        page.locator("input[name=password]").wait_for(state="detached")
        for name, path in (
            ("list", LIST),
            ("dashboard", f"{LIST}dashboard/"),
            ("page", f"{LIST}{shown}/change/"),
            ("action", f"{LIST}?status__exact=SCHEDULED"),
        ):
            page.goto(url + path)
            if name == "action":
                page.locator("#result_list a[href*='/change/']").first.click()
                page.locator(".notification-actions button").first.click()
            page.wait_for_load_state("networkidle")
            yield f"{name}-{size}", page
        context.close()


def headings(page: Any) -> list[str]:
    """Return the first headings that the page shows."""
    texts = page.locator("h1:visible, h2:visible").all_inner_texts()
    return [text.strip() for text in texts if text.strip()][:4]


if __name__ == "__main__":
    main()
