"""Keys in order of time, so that the new entries of an index lie together.

A database that gets random keys changes a page of the index for every row. Keys in order of time
share the index's last pages.
"""

import os
import secrets
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from threading import Lock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COUNTER_BITS = 42
TAIL_BITS = 32
HASH_BITS = 96
#: RFC 9562, section 4.1 and 4.2: where each UUID has the variant and the version.
VARIANT = 0b10 << 62
VERSION_SHIFT = 76
#: The marks of version 8, with a bit more behind the variant: MariaDB refuses version 8 where the
#: variant's byte is 0x80.
#: https://github.com/MariaDB/server/blob/10.11/plugin/type_uuid/sql_type_uuid.h
VERSION_8 = 8 << VERSION_SHIFT | 0b101 << 61
MARKS_8 = 0xF << VERSION_SHIFT | 0b111 << 61


class Counter:
    """Counts the keys of one millisecond, for all threads of the process.

    RFC 9562, section 6.2, method 1: a counter of 42 bits begins at a random number, below half of
    the counter's range, in each millisecond. Where the clock goes back, the counter goes on.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._milliseconds = 0
        self._number = 0

    def next(self) -> tuple[int, int]:
        """Return the milliseconds since 1970, and the number within the millisecond."""
        now = time.time_ns() // 1_000_000
        with self._lock:
            if now > self._milliseconds:
                self._milliseconds, self._number = now, secrets.randbits(COUNTER_BITS - 1)
            else:
                self._number += 1
            return self._milliseconds, self._number


def _after_fork() -> None:
    """Leave a lock behind that another thread of the parent may have held."""
    global _counter  # one for the process
    _counter = Counter()


_counter = Counter()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)


def new_key() -> uuid.UUID:
    """Return a UUIDv7 (RFC 9562), greater than all that this process has made before.

    The standard library makes the key where Python has ``uuid.uuid7()``, from 3.14 on. The layout
    is the same: 48 bits of milliseconds, a counter of 42 bits, 32 random bits. The key shows when
    the row was made. Of a later key of the same millisecond, somebody who knows one key lacks the
    32 random bits; of any other key, 73.
    """
    if sys.version_info >= (3, 14):
        return uuid.uuid7()
    milliseconds, number = _counter.next()
    high, low = divmod(number, 1 << 30)
    return uuid.UUID(
        int=(milliseconds & 0xFFFF_FFFF_FFFF) << 80
        | 7 << VERSION_SHIFT
        | (high & 0xFFF) << 64
        | VARIANT
        | low << TAIL_BITS
        | int.from_bytes(os.urandom(TAIL_BITS // 8))
    )


def key_of(moment: datetime, hashed: bytes) -> uuid.UUID:
    """Return the key that begins with a moment and goes on with a hash: UUIDv8 (RFC 9562).

    The same moment and hash make the same key. 32 bits are the seconds since 1970, and begin anew
    in 2106; 89 bits are of the hash.

    Args:
        moment: The moment; in UTC, if without a time zone.
        hashed: At least twelve bytes.
    """
    epoch = EPOCH if moment.tzinfo else EPOCH.replace(tzinfo=None)
    seconds = (moment - epoch) // timedelta(seconds=1) & 0xFFFF_FFFF
    value = seconds << HASH_BITS | int.from_bytes(hashed[-HASH_BITS // 8 :])
    return uuid.UUID(int=value & ~MARKS_8 | VERSION_8)


def is_in_order(key: uuid.UUID | None) -> bool:
    """Return whether the key is one of :func:`new_key`'s.

    Args:
        key: The key; ``None`` is no such key.
    """
    return key is not None and key.version == 7
