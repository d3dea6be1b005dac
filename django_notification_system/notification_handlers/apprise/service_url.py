"""The URL of a record's service, and whether it may be used; judged without Apprise.

The URL is a secret. It stands in the settings, under the name that the record has as address, or
in the record's details. Settings are trusted; whoever makes a record may be anybody.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from ...models import TargetUserRecord
from .faults import Problem
from .settings import AppriseSettings

SCHEMA = re.compile(r"([a-z0-9]+)://\S", re.ASCII | re.IGNORECASE)
LONGEST_URL = 2000

#: What writes to this machine or reads its files. Never used.
LOCAL = frozenset(
    [
        "syslog",
        "rsyslog",
        "dbus",
        "glib",
        "gio",
        "gnome",
        "kde",
        "qt",
        "macosx",
        "windows",
        "blink1",
        "file",
    ]
)
#: What names any host and any content, or has a target of its own here. Used where the settings
#: name the schema.
ANY_HOST = frozenset(
    [
        "json",
        "jsons",
        "xml",
        "xmls",
        "form",
        "forms",
        "mailto",
        "mailtos",
        "smpp",
        "smpps",
        "mqtt",
        "mqtts",
        "amqp",
        "amqps",
    ]
)
#: Services with a host of their own, whatever the URL says: each plugin's ``notify_url`` names it.
#: https://github.com/caronc/apprise/tree/master/apprise/plugins
FIXED_HOST = frozenset(
    [
        "clicksend",
        "d7sms",
        "dingtalk",
        "discord",
        "feishu",
        "flock",
        "gchat",
        "groupme",
        "guilded",
        "ifttt",
        "join",
        "lark",
        "msgbird",
        "nexmo",
        "opsgenie",
        "pagerduty",
        "pbul",
        "pover",
        "prowl",
        "signl4",
        "slack",
        "spush",
        "telnyx",
        "tgram",
        "twist",
        "vonage",
        "webex",
        "wecombot",
        "wxteams",
    ]
)
#: What a record's URL may ask for. Others, such as ``template``, name files or further hosts.
OPTIONS = frozenset(
    [
        "avatar",
        "blocks",
        "fields",
        "footer",
        "format",
        "from",
        "image",
        "overflow",
        "preview",
        "priority",
        "region",
        "silent",
        "sound",
        "thread",
        "timestamp",
        "to",
        "topic",
        "tts",
    ]
)


class UnusableUrl(Exception):
    """A URL that no message can be sent to; the text never has it.

    Attributes:
        problem: What is wrong.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.value)
        self.problem = problem


@dataclass(frozen=True, kw_only=True)
class ServiceUrl:
    """The URL of a record's service.

    Attributes:
        url: The URL.
        is_trusted: Whether the settings have it.
    """

    url: str = field(repr=False)
    is_trusted: bool


def service_url(record: TargetUserRecord, settings: AppriseSettings) -> ServiceUrl:
    """Return the URL of a record's service.

    Args:
        record: The record.
        settings: The target's settings.

    Raises:
        UnusableUrl: When the record has no URL, or one that may not be used.
    """
    named = settings.urls_by_name.get(record.target_user_id)
    if named is not None:
        if problem := problem_of_trusted(named, settings.schemas):
            raise UnusableUrl(problem)
        return ServiceUrl(url=named, is_trusted=True)
    details = record.details if isinstance(record.details, dict) else {}
    url = details.get("url")
    if url is None:
        raise UnusableUrl(Problem.NO_URL)
    schema = schema_of(url)
    if not schema:
        raise UnusableUrl(Problem.UNREADABLE)
    if schema in LOCAL or schema not in FIXED_HOST.union(settings.schemas):
        raise UnusableUrl(Problem.NOT_ALLOWED)
    return ServiceUrl(url=url, is_trusted=False)


def problem_of_trusted(url: object, schemas: Collection[str]) -> Problem | None:
    """Return what is wrong with a URL of the settings, as far as can be seen without Apprise.

    Args:
        url: The URL.
        schemas: The setting ``schemas``.
    """
    schema = schema_of(url)
    if not schema:
        return Problem.UNREADABLE_SETTING
    if is_refused(schema, schemas):
        return Problem.NOT_ALLOWED
    return None


def is_refused(schema: str, schemas: Collection[str]) -> bool:
    """Tell whether not even a URL of the settings may have a schema.

    Args:
        schema: The schema, in small letters.
        schemas: The setting ``schemas``.
    """
    return schema in LOCAL or (schema in ANY_HOST and schema not in schemas)


def schema_of(url: object) -> str:
    """Return a URL's schema in small letters, or an empty text where the value is no URL.

    Args:
        url: The URL.
    """
    if not isinstance(url, str) or len(url) > LONGEST_URL or not url.isprintable():
        return ""
    found = SCHEMA.match(url)
    return found[1].lower() if found else ""
