"""Whether a reader is logged in still, asked again while a stream is open."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, load_backend
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare


@dataclass(frozen=True, kw_only=True)
class Login:
    """A reader's login, as it was when the stream was opened.

    Attributes:
        user: The user.
        session_class: The class of the session; ``None`` for a login without a session.
        session_key: The key of the session.
        user_key: The user's key, as the session has it.
    """

    user: Any
    session_class: type[SessionBase] | None
    session_key: str | None
    user_key: str | None

    @classmethod
    def of(cls, request: HttpRequest) -> "Login | None":
        """Return a request's login, or ``None`` for somebody who is not logged in.

        Args:
            request: The request.
        """
        user: Any = getattr(request, "user", None)
        if user is None or not user.is_authenticated:
            return None
        session: Any = getattr(request, "session", None)
        return cls(
            # The request's own user is lazy, and would keep the request.
            user=user._wrapped if hasattr(user, "_wrapped") else user,
            session_class=None if session is None else type(session),
            session_key=None if session is None else session.session_key,
            user_key=None if session is None else session.get(SESSION_KEY),
        )

    def is_valid(self) -> bool:
        """Return whether the session is there, and its user may still log in.

        Nothing is changed: ``django.contrib.auth.get_user()`` would flush a session or give it a
        new key, and a stream that is open can set no cookie.

        Returns:
            ``False`` for a login without a session, too: only a new request can tell.
        """
        if self.session_class is None or self.session_key is None or self.user_key is None:
            return False
        session = self.session_class(self.session_key)
        path = session.get(BACKEND_SESSION_KEY, "")
        if (
            session.get(SESSION_KEY) != self.user_key
            or path not in settings.AUTHENTICATION_BACKENDS
        ):
            return False
        user: Any = load_backend(path).get_user(self.user.pk)
        return user is not None and _fits(user, session.get(HASH_SESSION_KEY, ""))


def _fits(user: Any, session_hash: str) -> bool:
    """Return whether the user has the password with which the session began."""
    if not hasattr(user, "get_session_auth_hash"):
        return True
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(session_hash, each) for each in hashes)
