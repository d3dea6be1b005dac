"""Ask Expo for receipts: what Apple and Google say of a message later.

Source: https://docs.expo.dev/push-notifications/sending-notifications/, "Push receipts".
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlunsplit

import requests
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ...exceptions import TargetUnavailable
from ..base import Receipt, ReceiptResult, with_next_step
from ..faults import Verdict
from ..http.session import CORRECT_SETTINGS, REQUEST_FAILURES, password_of, split_base_url
from ..redaction import redacted
from .api import API_PATH, describe, listed, token_to_hide, trouble_of_request
from .faults import Part, Trouble, classify
from .outcomes import receipt
from .settings import ExpoSettings

#: Expo takes 1000; Expo's own client asks for 300. Source: expo/expo-server-sdk-node,
#: src/ExpoClient.ts
RECEIPTS_IN_A_REQUEST = 300
#: Errors of reading JSON: RecursionError for arrays in arrays without end.
NO_JSON = (ValueError, RecursionError)
ASK_LATER = gettext_noop("Receipts are asked for again in the next run.")


def ask_for_receipts(
    settings: ExpoSettings, session: requests.Session, message_ids: Sequence[str]
) -> Iterator[Receipt]:
    """Yield the receipts that Expo has of messages; a name that Expo refuses spoils no other.

    Args:
        settings: The settings of the Expo target.
        session: A session of ``open_expo_session()``.
        message_ids: Expo's names for the messages, at most as many as a request takes.

    Raises:
        TargetUnavailable: When Expo cannot be asked now, or refuses the project.
    """
    base = split_base_url(settings.base_url)
    path = f"{base.path.rstrip('/')}{API_PATH}/push/getReceipts"
    url = urlunsplit((base.scheme, base.netloc, path, "", ""))
    answer: requests.Response | None = None
    error: Exception | None = None
    errors: list[dict[str, Any]] = []
    try:
        # As ASCII: a stored name may be any text.
        body = json.dumps({"ids": list(message_ids)})
        answer = session.post(url, data=body, timeout=settings.timeout)
        said = answer.json()
    except (*REQUEST_FAILURES, *NO_JSON) as raised:
        error = raised
        # A redirect is an answer too, though no redirect is followed.
        redirect = getattr(raised, "response", None)
        answer = redirect if redirect is not None else answer
    else:
        errors = listed(said.get("errors")) if isinstance(said, dict) else []
        found = said.get("data") if isinstance(said, dict) else None
        if answer.ok and not errors and isinstance(found, dict):
            yield from _receipts(found, message_ids, settings)
            return
    fault = classify(trouble_of_request(error, answer, errors))
    if fault.verdict is Verdict.SPLIT:
        if len(message_ids) > 1:
            middle = len(message_ids) // 2
            yield from ask_for_receipts(settings, session, message_ids[:middle])
            yield from ask_for_receipts(settings, session, message_ids[middle:])
        return  # Expo has no receipt under a name that it refuses
    what = describe(error, answer, errors, [settings.access_token, password_of(settings.base_url)])
    advice = (fault.hint or CORRECT_SETTINGS) if fault.verdict is Verdict.STOPS else ASK_LATER
    said = _("Expo's receipts cannot be fetched.")
    raise TargetUnavailable(f"{said} {with_next_step(what, _(advice))}")


def _receipts(
    found: Mapping[str, Any], message_ids: Iterable[str], settings: ExpoSettings
) -> Iterator[Receipt]:
    for message_id in message_ids:
        said = found.get(message_id)
        if not isinstance(said, dict):
            continue  # no receipt yet
        if said.get("status") == "ok":
            yield Receipt(message_id, "ok", ReceiptResult.CONFIRMED)
        elif said.get("status") == "error":
            yield _failure(message_id, said, settings)


def _failure(message_id: str, said: Mapping[str, Any], settings: ExpoSettings) -> Receipt:
    details = said.get("details")
    known = details if isinstance(details, dict) else {}
    error = known.get("error")
    # Only an error's name: any other text might quote the message.
    error = error if isinstance(error, str) and error.isidentifier() else ""
    token = known.get("expoPushToken")
    token = token if isinstance(token, str) else ""
    response = f"Expo reports: {error or 'error'}: {said.get('message') or ''}"
    return receipt(
        message_id,
        classify(Trouble(Part.RECEIPT, frozenset({error}))),
        error,
        redacted(response, [settings.access_token, token_to_hide(token)]),
        address=token,
    )
