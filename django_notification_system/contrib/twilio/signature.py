"""Whether a request is Twilio's: the signature, and the address that the signature covers.

Source: https://www.twilio.com/docs/usage/security#validating-requests
"""

import logging
from collections.abc import Callable, Iterable, Iterator

from django.http import HttpRequest

try:
    from twilio import request_validator
except ImportError as error:
    raise ImportError(
        f"Twilio's client cannot be imported ({error}):"
        " pip install 'django-notification-system[twilio]'"
    ) from error

from ...exceptions import TargetUnavailable
from ...notification_handlers.twilio.settings import twilio_settings

logger = logging.getLogger("django_notification_system")

SIGNATURE = "X-Twilio-Signature"
#: The header with the signature's algorithm, where the algorithm is not SHA-1.
SIGNATURE_SETTINGS = "X-Twilio-Webhooks-Signature-Settings"

#: Returns the addresses that Twilio may have called, from a request and ``callback_url``.
PublicAddresses = Callable[[HttpRequest, str], Iterable[str]]


def is_signed(request: HttpRequest, public_addresses: PublicAddresses) -> bool:
    """Tell whether a request is signed with the account's ``auth_token``.

    The signature covers the address that Twilio has called. The address by which Django knows the
    view is always tried.

    Args:
        request: The request; the form may be anything.
        public_addresses: Returns the addresses to try before, from the request and the setting
            ``callback_url``, which may be empty.
    """
    try:
        settings = twilio_settings()
    except TargetUnavailable as error:
        logger.error("%s", error)
        return False
    signature = request.headers.get(SIGNATURE)
    if not settings.auth_token:
        # Anybody could sign with an empty token.
        logger.error("Set auth_token in NOTIFICATION_SYSTEM_TARGETS['twilio_sms'].")
        return False
    if not signature:
        return False
    validator = request_validator.RequestValidator(settings.auth_token)
    try:
        algorithm = _algorithm(request)
        return any(
            validator.validate(address, request.POST, signature, *algorithm)
            for address in _addresses(request, public_addresses, settings.callback_url)
        )
    except Exception as error:
        # Anybody can send a host, form or encoding that Django or the client cannot read.
        logger.info("A request to a view for Twilio cannot be read: %s.", type(error).__name__)
        return False


def _addresses(
    request: HttpRequest, public_addresses: PublicAddresses, callback_url: str
) -> Iterator[str]:
    yield from public_addresses(request, callback_url)
    yield request.build_absolute_uri()


def _algorithm(request: HttpRequest) -> tuple[str, ...]:
    # Releases of the client before 9.13 know SHA-1 alone.
    find = getattr(request_validator, "get_signature_algorithm", None)
    return () if find is None else (find(request.headers.get(SIGNATURE_SETTINGS)),)
