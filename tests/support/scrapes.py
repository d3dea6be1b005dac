"""Scrape metrics over a socket, like Prometheus, and read them with Prometheus's parser."""

from collections.abc import Mapping

import requests
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

PREFIX = "notification_system_"
#: The header of Prometheus 2 and 3.
ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5"

Samples = dict[str, float]


def scrape(address: str, *, accept: str = ACCEPT, **headers: str) -> Samples:
    """Return an address's samples, as ``name{label="value"}`` without the project's prefix."""
    answer = requests.get(address, headers={"Accept": accept, **headers}, timeout=20)
    assert answer.status_code == 200, answer.text
    is_openmetrics = answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert is_openmetrics == ("openmetrics" in accept)
    return samples_of(answer.text, is_openmetrics=is_openmetrics)


def samples_of(text: str, *, is_openmetrics: bool = False) -> Samples:
    """Return the samples of a text in one of Prometheus's formats."""
    families = parse_openmetrics(text) if is_openmetrics else parse_text(text)
    return {
        sample.name.removeprefix(PREFIX) + labels(sample.labels): sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith(PREFIX)
    }


def labels(values: Mapping[str, str]) -> str:
    inner = ",".join(f"{name}={value}" for name, value in sorted(values.items()))
    return f"{{{inner}}}"
