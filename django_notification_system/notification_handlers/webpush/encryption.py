"""Encrypts messages for a browser, so that no push service can read them.

Source: RFC 8291 (Message Encryption for Web Push).
"""

from pywebpush import WebPusher

from .subscription import Subscription


def encrypt(payload: bytes, subscription: Subscription) -> bytes:
    """Return a message as the browser alone can read it; takes about a millisecond.

    Args:
        payload: The message, not empty.
        subscription: The browser's subscription.
    """
    return bytes(WebPusher(subscription.info).encode(payload, "aes128gcm")["body"])
