"""Stands in for the client library of a service that is yet to be founded."""

from typing import Any

flown: list[dict[str, Any]] = []


class PigeonDiedException(Exception):
    """Somebody has to break the news."""


class PigeonGotLostException(Exception):
    """It may yet turn up."""


def request_delivery(**message: Any) -> dict[str, Any]:
    if message["recipient"].startswith("dead"):
        raise PigeonDiedException
    if message["recipient"].startswith("lost"):
        raise PigeonGotLostException
    flown.append(message)
    return {"accepted": True}


request_priority_delivery = request_economy_aka_old_pigeon_delivery = request_delivery
