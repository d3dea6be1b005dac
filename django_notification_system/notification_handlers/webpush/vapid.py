"""The application server's key pair, and the header by which push services know the site.

Source: RFC 8292 (VAPID).
"""

import base64
import threading
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

#: For how long a header serves, in seconds.
HEADER_SERVES = 3600
#: For how long a push service may accept a header, in seconds. At most a day is allowed (RFC 8292,
#: section 2); half a day leaves room for clocks that are wrong.
HEADER_IS_VALID = 12 * 3600
#: The length of a private key on P-256, in bytes.
PRIVATE = 32
PEM = "-----BEGIN"


#: The length of a public key on P-256, uncompressed, in bytes.
PUBLIC = 65


class NotAVapidKey(ValueError):
    """A text that is no private key on P-256. The error never has a part of the text."""


def make_private_key() -> str:
    """Return a new private key, in base64url."""
    # Here: settings and checks are read without the extra.
    from cryptography.hazmat.primitives.asymmetric import ec

    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return _base64url(number.to_bytes(PRIVATE, "big"))


@lru_cache(maxsize=8)
def public_key_of(private_key: str) -> str:
    """Return the public key in base64url, as browsers take it for ``applicationServerKey``.

    Args:
        private_key: The private key, as in the settings.

    Raises:
        NotAVapidKey: When the text is no private key on P-256.
    """
    # Here: as above.
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = load_private_key(private_key).public_key()
    return _base64url(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def load_private_key(private_key: str) -> "EllipticCurvePrivateKey":
    """Return the key in a text: 32 bytes in base64url, a PEM file's content, or DER in base64.

    Args:
        private_key: The private key, as in the settings.

    Raises:
        NotAVapidKey: When the text is no private key on P-256.
    """
    # Here: settings and checks are read without the extra.
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        load_der_private_key,
        load_pem_private_key,
    )

    try:
        if PEM in private_key:
            key: Any = load_pem_private_key(private_key.strip().encode(), password=None)
        else:
            octets = _octets(private_key)
            if len(octets) == PUBLIC:
                raise NotAVapidKey("is a public key")
            if len(octets) == PRIVATE:
                key = ec.derive_private_key(int.from_bytes(octets, "big"), ec.SECP256R1())
            else:
                key = load_der_private_key(octets, password=None)
    except NotAVapidKey:
        raise
    except Exception:
        # The library's errors are of many classes, and may quote the text.
        raise NotAVapidKey("is no private key on P-256") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise NotAVapidKey("is a private key of another kind than P-256")
    return key


class VapidHeaders:
    """The ``Authorization`` headers of one key pair, kept for an hour by push service.

    Used by all threads.

    Args:
        private_key: The private key, as in the settings.
        subject: Where push services reach the site's people.
    """

    def __init__(self, private_key: str, subject: str) -> None:
        # Here: as above.
        from py_vapid import Vapid02

        self._vapid = Vapid02(load_private_key(private_key))
        self._subject = subject
        self._lock = threading.Lock()
        #: By origin: the header, and when it was made.
        self._headers: dict[str, tuple[str, float]] = {}

    def header_for(self, origin: str) -> str:
        """Return the header for a push service.

        Args:
            origin: The push service's scheme and host.
        """
        now = time.monotonic()
        with self._lock:
            header, made_at = self._headers.get(origin, ("", 0.0))
            if header and now - made_at < HEADER_SERVES:
                return header
            for old in [o for o, (_, at) in self._headers.items() if now - at >= HEADER_SERVES]:
                del self._headers[old]
            claims = {
                "aud": origin,
                "exp": int(time.time()) + HEADER_IS_VALID,
                "sub": self._subject,
            }
            header = str(self._vapid.sign(claims)["Authorization"])
            self._headers[origin] = header, now
            return header


@lru_cache(maxsize=4)
def vapid_headers(private_key: str, subject: str) -> VapidHeaders:
    """Return the headers of a key pair, the same in all runs of a process.

    Args:
        private_key: The private key, as in the settings.
        subject: Where push services reach the site's people.

    Raises:
        NotAVapidKey: When the text is no private key on P-256.
    """
    return VapidHeaders(private_key, subject)


def _octets(text: str) -> bytes:
    bare = "".join(text.split()).rstrip("=").replace("+", "-").replace("/", "_")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")
