"""The settings of the Apprise target."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ...conf import TargetSettings, read_settings
from ...setting_rules import CONNECTIONS, SECONDS_TO_WAIT, Rule, setting

#: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
KEY = "apprise"


def _are_names_with_urls(value: Any) -> bool:
    return value is None or (
        isinstance(value, Mapping)
        and all(isinstance(text, str) and text.strip() for pair in value.items() for text in pair)
    )


def _are_schemas(value: Any) -> bool:
    return isinstance(value, list | tuple | set | frozenset) and all(
        isinstance(each, str) and each.isalnum() and each == each.lower() for each in value
    )


NAMES_WITH_URLS = Rule(
    _are_names_with_urls,
    "a dictionary of names, each with the URL of a service as Apprise writes it",
    "must be a dictionary of names, each with the URL of a service as Apprise writes it",
)
SCHEMAS = Rule(_are_schemas, "a list of schemas such as 'json', in small letters, without ://")


@dataclass(frozen=True, kw_only=True)
class AppriseSettings(TargetSettings):
    """The entry ``apprise``."""

    urls: Mapping[str, str] | None = setting(
        None,
        NAMES_WITH_URLS,
        "The URLs of services, by the names that records have as ``target_user_id``.",
        repr=False,
    )
    schemas: Collection[str] = setting(
        (),
        SCHEMAS,
        "Further schemas that may be used: those of any host in records' URLs, such as "
        "``workflows``, and those that are refused everywhere else, such as ``json``.",
    )
    connections: int = setting(
        8,
        CONNECTIONS,
        "How many messages are sent at once, at the most.",
    )
    timeout: float = setting(
        10,
        SECONDS_TO_WAIT,
        "Seconds for all requests of a message together, until the last answer's end.",
    )

    @property
    def urls_by_name(self) -> Mapping[str, str]:
        """The URLs of services by their names."""
        return self.urls or {}


def apprise_settings() -> AppriseSettings:
    """Return the settings of the Apprise target.

    Raises:
        TargetUnavailable: When a setting is wrong.
    """
    return read_settings(AppriseSettings, KEY)
