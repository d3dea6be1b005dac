"""What a push service answers: its trouble for the table of faults, and a line for people.

Push services quote requests and addresses in their answers. A response has nothing of an answer
but the status and one name of an error.
"""

import json
import re
from typing import Any

import requests

from ..http.last_answer import redirect_of
from ..http.session import RequestFailure, said_of_no_answer, why_no_answer
from .faults import Trouble

#: Words that push services use of the site's credentials: Google's and Apple's.
#: Sources: web-push-libs/web-push, issues 237 and 947; web-push-libs/webpush-java, issue 212.
ABOUT_VAPID = re.compile(r"vapid|unauthorized ?registration|jwt", re.I)
#: Where the names of errors are: Apple's; Mozilla's.
NAMES = ("reason", "errno")
#: A name of an error. Longer texts may quote the message.
NAME = re.compile(r"[A-Za-z]{3,40}|[0-9]{1,4}", re.ASCII)
#: How much of an answer is read for names, in characters.
READ = 2000


def trouble_of_answer(answer: requests.Response, host: str) -> Trouble:
    """Return the trouble of an answer that does not take the message.

    Args:
        answer: The answer.
        host: The push service's host.
    """
    return Trouble(
        answer=str(answer.status_code),
        host=host,
        is_about_vapid=ABOUT_VAPID.search(_text(answer)) is not None,
    )


def trouble_without_answer(error: RequestFailure, host: str) -> Trouble:
    """Return the trouble of a request that raised.

    Args:
        error: The error.
        host: The push service's host.
    """
    if (redirect := redirect_of(error)) is not None:
        return Trouble(answer=str(redirect.status_code), host=host)
    return Trouble(answer=why_no_answer(error).value, host=host)


def describe_answer(answer: requests.Response) -> str:
    """Return a line for people about an answer.

    Args:
        answer: The answer.
    """
    name = _name_in(answer)
    return f"HTTP {answer.status_code}: {name}" if name else f"HTTP {answer.status_code}"


def describe_error(error: Exception, host: str) -> str:
    """Return a line for people about a request that raised, without the endpoint.

    Args:
        error: The error.
        host: The push service's host.
    """
    if redirect_of(error) is not None:
        return f"{host} answers with a redirect, which is not followed."
    return said_of_no_answer(error)


def _name_in(answer: requests.Response) -> str:
    try:
        said: Any = json.loads(answer.content)
    except (ValueError, RecursionError):  # RecursionError: thousands of brackets
        return ""
    values = (said.get(name) for name in NAMES) if isinstance(said, dict) else ()
    names = (str(each) for each in values if each is not None)
    return next((name for name in names if NAME.fullmatch(name)), "")


def _text(answer: requests.Response) -> str:
    return answer.content[:READ].decode("utf-8", "replace")
