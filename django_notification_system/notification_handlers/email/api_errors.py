"""The answer of a mail provider's API, read from a backend's error.

No backend is imported: the errors are known by their common attributes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: How many causes of an error are read; a longer chain says no more about the answer.
LONGEST_CHAIN = 5


@dataclass(frozen=True)
class ApiAnswer:
    """The answer of a provider's API.

    Attributes:
        status: The HTTP status, or ``None``.
        code: The provider's own name for the error, or an empty text.
        retry_after: The header ``Retry-After``, or ``None``.
    """

    status: int | None = None
    code: str = ""
    retry_after: str | None = None


NO_API_ANSWER = ApiAnswer()


def answer_of_api(error: BaseException) -> ApiAnswer:
    """Return the provider's answer, as far as an error or its causes have the answer.

    An error of requests, as django-anymail raises, has a ``response``, an object with
    ``status_code`` and ``headers``; other errors have a ``status_code`` themselves. An error of
    botocore (``ClientError``), as django-ses raises, has a dictionary as ``response``; so has
    django-anymail's ``AnymailAPIError`` around a ``ClientError``.
    https://boto3.amazonaws.com/v1/documentation/api/latest/guide/error-handling.html

    Args:
        error: The backend's error.
    """
    answers = [_of_one(each) for each in _chain(error)]
    return next((answer for answer in answers if answer != NO_API_ANSWER), NO_API_ANSWER)


def _chain(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    for _ in range(LONGEST_CHAIN):
        if found is None:
            return
        yield found
        found = found.__cause__


def _of_one(error: BaseException) -> ApiAnswer:
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        return _of_botocore(response)
    status = getattr(error, "status_code", None)
    if status is None:
        status = getattr(response, "status_code", None)
    if not isinstance(status, int):
        return NO_API_ANSWER
    headers = getattr(response, "headers", None)
    return ApiAnswer(status, retry_after=_retry_after(headers))


def _of_botocore(response: Mapping[str, Any]) -> ApiAnswer:
    said = response.get("Error")
    metadata = response.get("ResponseMetadata")
    code = said.get("Code") if isinstance(said, Mapping) else None
    status = headers = None
    if isinstance(metadata, Mapping):
        status, headers = metadata.get("HTTPStatusCode"), metadata.get("HTTPHeaders")
    return ApiAnswer(
        status if isinstance(status, int) else None,
        code if isinstance(code, str) else "",
        _retry_after(headers),
    )


def _retry_after(headers: object) -> str | None:
    if not isinstance(headers, Mapping):
        return None
    value = headers.get("Retry-After") or headers.get("retry-after")
    return value if isinstance(value, str) else None
