"""Naming each attempt in the address that Twilio reports to.

Where no answer comes, the message's own name is not known. Twilio reports of it all the same, to
the address that came with the request.
"""

from urllib.parse import urlsplit
from uuid import uuid4

#: The parameter of the address.
PARAMETER = "attempt"


def name_attempt() -> str:
    """Return a name for an attempt that nobody can guess."""
    return uuid4().hex


def message_id_of_attempt(name: str) -> str:
    """Return what stands in for Twilio's name of a message of which no answer came.

    Args:
        name: The attempt's.
    """
    return f"{PARAMETER}:{name}"


def address_of_attempt(callback_url: str, name: str) -> str:
    """Return the address that Twilio is to report to.

    Args:
        callback_url: The address in the settings. What stands behind ``#`` tells Twilio how often
            to try, and stays at the end.
        name: The attempt's name.
    """
    parts = urlsplit(callback_url)
    query = f"{parts.query}&" if parts.query else ""
    return parts._replace(query=f"{query}{PARAMETER}={name}").geturl()
