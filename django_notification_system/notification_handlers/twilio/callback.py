"""Name each attempt in the address for Twilio's reports.

Where no answer comes, Twilio's name for the message stays unknown. Twilio still reports on the
message, to the address that came with the request.
"""

from urllib.parse import urlsplit
from uuid import uuid4

#: The parameter of the address.
PARAMETER = "attempt"


def name_attempt() -> str:
    """Return a name for an attempt that nobody can guess."""
    return uuid4().hex


def message_id_of_attempt(name: str) -> str:
    """Return a stand-in for Twilio's name of a message without an answer.

    Args:
        name: The attempt's name.
    """
    return f"{PARAMETER}:{name}"


def address_of_attempt(callback_url: str, name: str) -> str:
    """Return the address for Twilio's reports on an attempt.

    Args:
        callback_url: The address in the settings. The part after ``#`` tells Twilio how often to
            try, and stays at the end.
        name: The attempt's name.
    """
    parts = urlsplit(callback_url)
    query = f"{parts.query}&" if parts.query else ""
    return parts._replace(query=f"{query}{PARAMETER}={name}").geturl()
