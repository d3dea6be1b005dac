"""Converts markup that asks for too much, in a process of little time and memory.

Run by tests/handlers/test_html_to_text.py; ends with an error where a text grows beyond its HTML.
"""

import resource
import sys

from django_notification_system.notification_handlers.html.to_text import html_to_text

MEMORY = 512 * 2**20
CPU_SECONDS = 30
#: A text part is at most so many times as long as its HTML.
GROWTH = 3
N = 1_000

MARKUP = {
    "padding": '<div style="padding-left:999999em">' * 60 + "x<br>" * 400,
    "nested blocks": "<div>" * 100_000 + "x",
    "nested tables": "<table><tr><td>" * N + "x<br>" * N,
    "tables in second cells": "<table><tr><td>a<td>" * N,
    "nested lists": "<ul><li>" * N + "x<br>" * N,
    "nested quotations": "<blockquote>" * N + "x<br>" * N,
    "nested descriptions": "<dl><dd>" * N + "x<br>" * N,
    "one long cell": "<table><tr><td>" + "x" * 20_000 + "<td>y" + "<tr><td>a<td>b" * 300,
    "one wide cell": "<table><tr><td>" + "x" * 70 + "<td>y" + "<tr><td>a<td>b" * N,
    "one tall cell": "<table><tr>" + "<td>x" * 30 + "<td>" + "y<br>" * N,
    "many columns": "<table><tr>" + "<td>" * N + "<tr><td>a<td>b" * N,
    "wide spans": "<table>" + "<tr><td colspan=999999999>a<td>b" * N,
    "tall spans": "<table><tr>" + "<td rowspan=99999>" * 90 + "<tr><td>a<td>b" * N,
    "many tables": "<tr><td><table><tr><td>x</table>" * N,
    "left open": "<p>" + "".join(f"<font size={n}>" for n in range(N)) + "</p>" + "<p>x</p>" * N,
    "never opened": "<div>" * N + "</span>" * N,
    "out of order": "<b><p></b>" * N,
    "hidden": "<span hidden>" * N + "</b>" * N,
    "items far from their list": "<ul>" + "<b style=display:block>" * N + "<li>" * N,
    "rules": "<hr>" * N,
    "numbers": "<ol start=999999999>" + "<li>x" * N,
    "links": "<a href=https://example.com/><b>" * N,
    "a link of what is no URI": "<a href='https://example.com/" + "<" * N + "'>x</a>",
    "line breaks": "<pre>" + "\n" * N + "x" + "<br>" * N,
    "a long style": "<p style='" + "a:b;/*" * 20_000 + "'>x",
    "a long attribute": "<p title='" + "x" * 10**6 + "'>x",
    "tags without an end": "<a " * 100_000,
    "comments without an end": "<!--" * 100_000,
    "scripts without an end": "<script>" + "</scrip" * 100_000,
    "references": "&" * 100_000 + "&notit;" * 10_000,
}

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    for name, source in MARKUP.items():
        length = len(html_to_text(source))
        if length > GROWTH * len(source):
            sys.exit(f"{name}: {len(source):,} characters became {length:,}")
    sys.stdout.write(f"{len(MARKUP)} converted")
