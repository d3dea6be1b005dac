"""A service behind Apprise: the plugin for any host that takes JSON.

Source: https://appriseit.com/services/json/
"""

import uuid

from .exchange import Answer, ReceivedMessage, ReceivedRequest


def respond(name: str, request: ReceivedRequest) -> tuple[Answer, list[ReceivedMessage]]:
    """Return the answer to a message, and the message if accepted.

    Args:
        name: The service's name in the request's path.
        request: The request.
    """
    try:
        sent = request.json()
    except ValueError:
        sent = None
    if not isinstance(sent, dict) or not {"version", "title", "message", "type"} <= sent.keys():
        return Answer(status=400, text="This is no message of Apprise.\n"), []
    message = ReceivedMessage(
        provider="apprise",
        message_id=uuid.uuid4().hex,
        to=name,
        title=sent["title"],
        body=sent["message"],
        fields=sent,
    )
    return Answer(status=200, json={}), [message]
