"""Checks requests against descriptions of the providers' APIs, written from their documents.

``NAME.json`` beside this file is an OpenAPI 3.1 description: its schemas are JSON Schema.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from django_notification_system.testing.exchange import ReceivedRequest

FOLDER = Path(__file__).parent
FORM = "application/x-www-form-urlencoded"
#: The beginning of references to the description itself.
ADDRESS = "urn:description"
#: The beginning of a description's paths. A prefix from ``base_url`` may stand before.
BEGINNINGS = {"twilio": "/2010-04-01/", "expo": "/--/api/"}


def violations(
    name: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
) -> list[str]:
    """Return the faults of a request; none, where the provider would understand the request.

    Args:
        name: The description's name: ``"twilio"`` or ``"expo"``.
        method: The HTTP method.
        path: The path, with the prefix from ``base_url``.
        headers: The headers; the names are in lower case.
        body: The body, unpacked.
    """
    description = load(name)
    for template, operations in description["paths"].items():
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template))
        if found := re.search(f"{pattern}$", path.partition("?")[0]):
            operation = operations.get(method.lower())
            if operation is None:
                return [f"{method} {template}: no such method"]
            wrong = [
                *_in_parameters(name, operation, found.groupdict()),
                *_in_headers(description, operation, headers),
                *_in_body(name, operation, headers, body),
            ]
            return [f"{method} {template}: {each}" for each in wrong]
    return [f"{method} {path}: no such path"]


def violations_of_requests(requests: Iterable[ReceivedRequest]) -> list[str]:
    """Return the faults of the requests that a stand-in has received.

    Args:
        requests: All requests; requests to a provider without a description are passed over.
    """
    return [
        wrong
        for request in requests
        for name, beginning in BEGINNINGS.items()
        if beginning in request.path and (FOLDER / f"{name}.json").exists()
        for wrong in violations(name, "POST", request.path, request.headers, request.body)
    ]


@cache
def load(name: str) -> Any:
    """Return a description whose references contain its name: so they hold in its parts, too."""
    text = (FOLDER / f"{name}.json").read_text()
    return json.loads(text.replace('"$ref": "#/', f'"$ref": "{ADDRESS}#/'))


@cache
def _registry(name: str) -> Registry[Any]:
    resource = Resource.from_contents(load(name), default_specification=DRAFT202012)
    return Registry().with_resource(ADDRESS, resource)


def _in_value(name: str, schema: Any, value: Any) -> Iterator[str]:
    validator = Draft202012Validator(schema, registry=_registry(name))
    for error in validator.iter_errors(value):
        yield f"{error.json_path}: {error.message}"


def _in_parameters(name: str, operation: Any, values: Mapping[str, str]) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            for wrong in _in_value(name, parameter["schema"], values[parameter["name"]]):
                yield f"{parameter['name']}: {wrong}"


def _in_headers(description: Any, operation: Any, headers: Mapping[str, str]) -> Iterator[str]:
    alternatives = operation.get("security", ())
    given = headers.get("authorization", "").partition(" ")[0].lower()
    schemes = description.get("components", {}).get("securitySchemes", {})
    # An empty alternative: without any scheme.
    wanted = {schemes[key]["scheme"] for each in alternatives for key in each}
    if wanted and given not in wanted and not (given == "" and {} in alternatives):
        yield f"Authorization: {given or 'none'!r} in place of {' or '.join(sorted(wanted))}"


def _in_body(name: str, operation: Any, headers: Mapping[str, str], body: bytes) -> Iterator[str]:
    content = operation["requestBody"]["content"]
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in content:
        yield f"Content-Type: {kind!r} in place of {' or '.join(content)}"
        return
    schema = content[kind]["schema"]
    try:
        value = _form(name, schema, body) if kind == FORM else json.loads(body)
    except ValueError as error:
        yield f"the body is no {kind}: {error}"
        return
    yield from _in_value(name, schema, value)


def _form(name: str, schema: Any, body: bytes) -> dict[str, Any]:
    """Return a form's fields, in the types of the description.

    Raises:
        ValueError: When the body is no such form.
    """
    fields = parse_qs(
        body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict"
    )
    while "$ref" in schema:
        schema = _registry(name).resolver().lookup(schema["$ref"]).contents
    properties = schema.get("properties", {})
    return {key: _typed(properties.get(key, {}), values) for key, values in fields.items()}


def _typed(schema: Any, values: list[str]) -> Any:
    if schema.get("type") == "array" or len(values) > 1:
        return values
    [value] = values
    if schema.get("type") in ("integer", "number", "boolean"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
