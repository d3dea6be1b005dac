"""A device's address: its registration token, in the record's details or in its address."""

import re

from ...models import TargetUserRecord
from ...models.details import is_short_address

#: Google gives no form, and may change the form: all that is sure is that a token is one word.
TOKEN = re.compile(r"[!-~]+")
#: The name of the token in a record's details.
TOKEN_IN_DETAILS = "token"  # noqa: S105 # no password


def is_token(text: str) -> bool:
    """Return whether a text could be a registration token.

    Args:
        text: The text.
    """
    return TOKEN.fullmatch(text) is not None and not is_short_address(text)


def token_of(record: TargetUserRecord) -> str:
    """Return a record's registration token; an empty text where the record has none.

    Args:
        record: The record. A short address stands for the token in the details; any other address
            is the token itself.
    """
    address = str(record.target_user_id)
    if not is_short_address(address):
        return address if is_token(address) else ""
    details = record.details if isinstance(record.details, dict) else {}
    token = details.get(TOKEN_IN_DETAILS)
    return token if isinstance(token, str) and is_token(token) else ""
