"""Causes of failures: handlers' responses without the parts that vary by message."""

import re
from functools import lru_cache

from ...outcome import shortened

#: Patterns and replacements, in this order. A pattern's time grows with the text's length and not
#: with the square: a provider's words may be crafted to make a pattern backtrack.
VARYING: tuple[tuple[re.Pattern[str], str], ...] = (
    # Addresses: of email; of a device, as a provider writes it: SomeToken[…].
    (
        re.compile(
            r"(?<![^\s@<>()\[\],;:\"'])[^\s@<>()\[\],;:\"']++"
            r"@[^\s@<>()\[\],;:\"']*[^\s@<>()\[\],;:\"'.]"
        ),
        "…",
    ),
    (re.compile(r"\b(\w*Token)\[[^\[\]]*+\]"), r"\1[…]"),
    # Machine-made names: UUIDs, and mixtures of letters and digits.
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "…"),
    (re.compile(r"(?<![\w-])(-*+)(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{8,}\b"), r"\1…"),
)
NUMBER = re.compile(r"(?P<word>\b\w++[ =#]{1,2}|\+)?(?<![\w.])(?P<number>\d+(?:\.\d+)*)(?!\w)")
#: RFC 3463: an enhanced status code.
STATUS_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
#: The reply codes of SMTP and HTTP.
REPLY_CODE = re.compile(r"[1-5]\d\d")
IP_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
#: After these words, a number names the error or the place.
WORDS_BEFORE_CODES = frozenset({"answered", "code", "errno", "error", "http", "port", "status"})


@lru_cache(maxsize=1000)
def cause(response: str) -> str:
    """Return a response without the ids, addresses and numbers that differ between messages.

    The marks of a cause stay: the reply codes of SMTP and HTTP, enhanced status codes such as
    ``5.1.1``, and the codes of providers and of the operating system.

    Args:
        response: A handler's response.
    """
    text = shortened(response)
    for pattern, replacement in VARYING:
        text = pattern.sub(replacement, text)
    return NUMBER.sub(_code_or_number, text)


def _code_or_number(match: re.Match[str]) -> str:
    word, number = match["word"] or "", match["number"]
    if STATUS_CODE.fullmatch(number) or IP_ADDRESS.fullmatch(number):
        return match[0]
    named = word.rstrip(" =#").lower()
    if named in WORDS_BEFORE_CODES or (not word and REPLY_CODE.fullmatch(number)):
        return match[0]
    return f"{word.rstrip('+')}#"
