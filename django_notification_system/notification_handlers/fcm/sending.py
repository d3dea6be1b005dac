"""Sends push notifications through FCM's HTTP v1 API, one in a request, several at once.

Source: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

try:
    import google.auth  # noqa: F401 # access_token imports the parts
    import requests
except ImportError as error:
    raise ImportError(
        f"Google's library cannot be imported ({error}):"
        " pip install 'django-notification-system[fcm]'"
    ) from error

from ...conf import TARGETS
from ...exceptions import InvalidNotification, TargetUnavailable
from ...models import Notification
from ..base import Outcome, begin_sending, provider_call
from ..http.last_answer import redirect_of
from ..http.session import (
    REQUEST_FAILURES,
    open_session,
    password_of,
    said_of_no_answer,
    server_of,
    split_base_url,
    why_no_answer,
)
from ..parallel import side_by_side
from ..redaction import redacted, sent_forms, texts_in
from .access_token import AccessTokens, NoAccessToken, access_tokens
from .address import token_of
from .answer import message_name, trouble_of, words_of
from .faults import SENDER_ID_MISMATCH, THIRD_PARTY, Part, Trouble, classify
from .message import message_of
from .outcomes import outcome
from .service_account import ServiceAccount, WrongCredentials, read_service_account
from .settings import KEY, FcmSettings, fcm_settings

#: Refusals that a new access token may mend.
REFUSES_TOKEN = (401, 403)
#: Names of errors that say something else with the same statuses.
NOT_OF_TOKEN = frozenset({SENDER_ID_MISMATCH, *THIRD_PARTY})


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    """Send push notifications; see ``Handler.deliver()``.

    Raises:
        TargetUnavailable: When a setting is missing or wrong, or Google refuses the project.
    """
    return _deliver(notifications, validate_only=False)


def dry_run(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    """Let FCM check push notifications, and send none; see ``DryRun``.

    Raises:
        TargetUnavailable: When a setting is missing or wrong, or Google refuses the project.
    """
    return _deliver(notifications, validate_only=True)


def _deliver(notifications: Iterable[Notification], *, validate_only: bool) -> Iterator[Outcome]:
    settings = fcm_settings()
    try:
        account = read_service_account(settings)
        tokens = access_tokens(account)
    except WrongCredentials as fault:
        raise TargetUnavailable(f"{TARGETS}[{KEY!r}] {fault}") from None
    with open_session(settings.connections) as session:
        sender = Sender(settings, account, tokens, session, validate_only=validate_only)
        pushes = map(_prepare, notifications)
        yield from side_by_side(sender.send, pushes, workers=settings.connections)


@dataclass(frozen=True)
class Push:
    """A notification, read in full where the database may be used.

    Attributes:
        notification: The notification.
        token: The device's registration token.
        message: The message without the token.
        fault: Why the message cannot be sent; or an empty text.
    """

    notification: Notification
    token: str = field(repr=False)
    message: dict[str, Any] = field(repr=False)
    fault: str = ""


class Sender:
    """Sends messages, from any thread, on the connections of one session."""

    def __init__(
        self,
        settings: FcmSettings,
        account: ServiceAccount,
        tokens: AccessTokens,
        session: requests.Session,
        *,
        validate_only: bool,
    ) -> None:
        self._timeout = settings.timeout
        self._password = password_of(settings.base_url)
        self._private_key = account.private_key
        self._tokens = tokens
        self._session = session
        self._validate_only = validate_only
        base = split_base_url(settings.base_url)
        self._server = server_of(base)
        project = quote(account.project_id, safe="")
        self._url = f"{base.geturl().rstrip('/')}/v1/projects/{project}/messages:send"

    def send(self, push: Push) -> Iterator[Outcome]:
        """Send a message; what FCM cannot take never enters a request.

        Args:
            push: The message.
        """
        if push.fault:
            yield Outcome.failed(push.notification, push.fault)
            return
        try:
            access_token = self._tokens.current(self._session, self._timeout)
            begin_sending(push.notification)
            yield self._send(push, access_token)
        except NoAccessToken as none:
            fault = classify(none.trouble, push.notification)
            yield outcome(push.notification, fault, none.said, none.headers)

    def _send(self, push: Push, access_token: str) -> Outcome:
        try:
            answer = self._post(push, access_token)
            if _may_need_another_token(answer):
                access_token = self._tokens.other_than(access_token, self._session, self._timeout)
                answer = self._post(push, access_token)
        except REQUEST_FAILURES as error:
            if (redirect := redirect_of(error)) is not None:
                status = redirect.status_code
                return self._failed(push, str(status), f"HTTP {status}: a redirect.", access_token)
            said = said_of_no_answer(error)
            return self._failed(push, why_no_answer(error).value, said, access_token)
        name = message_name(answer)
        if answer.ok and name:
            said = "FCM would take the message." if self._validate_only else "FCM took the message."
            return Outcome.delivered(push.notification, said, provider_message_id=name)
        said = self._without_secrets(words_of(answer), push, access_token)
        fault = classify(trouble_of(answer), push.notification)
        return outcome(push.notification, fault, said, answer.headers)

    def _post(self, push: Push, access_token: str) -> requests.Response:
        body: dict[str, Any] = {"message": {"token": push.token, **push.message}}
        if self._validate_only:
            body["validate_only"] = True
        with provider_call("fcm", [push.notification], self._server):
            return self._session.post(
                self._url,
                data=json.dumps(body).encode(),
                headers={
                    "Authorization": f"Bearer {access_token}",
                    "Content-Type": "application/json; charset=UTF-8",
                },
                timeout=self._timeout,
            )

    def _failed(self, push: Push, answer: str, said: str, access_token: str) -> Outcome:
        fault = classify(Trouble(Part.MESSAGE, answer=answer), push.notification)
        return outcome(push.notification, fault, self._without_secrets(said, push, access_token))

    def _without_secrets(self, said: str, push: Push, access_token: str) -> str:
        shown = (push.notification.title, push.notification.body)
        secrets = (access_token, push.token, self._password, self._private_key, *shown)
        texts = [form for text in texts_in(push.message) for form in sent_forms(text)]
        return redacted(said, secrets, bodies=texts)


def _prepare(notification: Notification) -> Push:
    token = token_of(notification.target_user_record)
    extra = notification.extra if isinstance(notification.extra, dict) else {}
    if not token:
        fault = (
            "Not sent: the record has no registration token, which is one word. Let the app"
            " register the device again."
        )
        return Push(notification, token, {}, fault)
    try:
        message = message_of(notification.title, notification.body, extra)
    except InvalidNotification as refused:
        return Push(notification, token, {}, f"Not sent: {refused}")
    return Push(notification, token, message)


def _may_need_another_token(answer: requests.Response) -> bool:
    return answer.status_code in REFUSES_TOKEN and not trouble_of(answer).codes & NOT_OF_TOKEN
