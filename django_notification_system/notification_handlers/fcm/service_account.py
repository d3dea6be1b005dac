"""A service account's key: read from the settings, and judged without Google's library."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ...setting_rules import can_be_called
from .settings import FcmSettings

#: Where a project's owner gets a key.
GET_A_KEY = gettext_noop(
    "Make a key in the Firebase console: Project settings, Service accounts, Generate new private"
    " key. Give its path as 'credentials'."
)
ADD_A_PROJECT = gettext_noop(
    "Add 'project_id', as the Firebase console shows it in the project settings."
)
GIVE_A_FILE = gettext_noop(
    "Give the absolute path of the service account's key file, and let this process read the file."
)
GIVE_A_DICTIONARY = gettext_noop(
    "Give the file's path, or json.loads() of its content, which is a dictionary."
)
GIVE_LINES = gettext_noop(
    "Give the file's path, or the text with line ends: private_key.replace('\\\\n', '\\n')."
)
BEGINS_KEY = "-----BEGIN"
#: The fields of a key that are needed. Source:
#: https://cloud.google.com/iam/docs/keys-create-delete
NEEDED = ("client_email", "private_key", "token_uri")
#: A key has 2.3 kB: whatever is much larger is another file.
LONGEST_FILE = 100_000


class WrongCredentials(Exception):
    """The settings have no usable key; the text names the next step and no secret."""

    def __init__(self, fault: str, next_step: str = GET_A_KEY) -> None:
        super().__init__(f"{fault} {_(next_step)}")


@dataclass(frozen=True, kw_only=True)
class ServiceAccount:
    """A service account's key.

    Attributes:
        info: The key's fields, as in Google's file.
        project_id: The Firebase project whose messages are sent.
    """

    info: Mapping[str, Any] = field(repr=False)
    project_id: str

    @property
    def private_key(self) -> str:
        """The private key, in PEM form."""
        return str(self.info["private_key"])


def read_service_account(settings: FcmSettings) -> ServiceAccount:
    """Return the key from the settings.

    Args:
        settings: The target's settings.

    Raises:
        WrongCredentials: When there is none, or another kind of file.
    """
    given = settings.credentials
    if not given:
        raise WrongCredentials(_("has no credentials."))
    if isinstance(given, str) and given.lstrip().startswith("{"):
        raise WrongCredentials(
            _("has credentials that are a key file's content as a text."), GIVE_A_DICTIONARY
        )
    info = given if isinstance(given, Mapping) else _read_file(Path(given))
    if info.get("type", "service_account") != "service_account":
        raise WrongCredentials(_("has credentials that are no service account's key."))
    missing = [name for name in NEEDED if not isinstance(info.get(name), str) or not info[name]]
    if missing:
        raise WrongCredentials(
            _("has credentials without %s, so not a service account's key.") % ", ".join(missing)
        )
    if "\\n" in info["private_key"]:
        raise WrongCredentials(
            _("has credentials whose private_key has the characters \\n in place of line ends."),
            GIVE_LINES,
        )
    if BEGINS_KEY not in info["private_key"]:
        raise WrongCredentials(_("has credentials whose private_key is no key."))
    if not _is_address(info["token_uri"]):
        raise WrongCredentials(_("has credentials whose token_uri is no web address."))
    project_id = settings.project_id or info.get("project_id")
    if not project_id or not isinstance(project_id, str):
        raise WrongCredentials(
            _("names no project, and neither do its credentials."), ADD_A_PROJECT
        )
    return ServiceAccount(info=info, project_id=project_id)


def _read_file(path: Path) -> Mapping[str, Any]:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LONGEST_FILE)
    except (OSError, ValueError) as error:
        # Not the error's own text: it may quote what was given in the path's place, a key perhaps.
        raise WrongCredentials(
            _("has credentials that cannot be read: %s.") % type(error).__name__, GIVE_A_FILE
        ) from None
    try:
        info = json.loads(text)
    except ValueError:
        info = None
    if not isinstance(info, dict):
        raise WrongCredentials(_("has a credentials file that is no JSON object."))
    return info


def _is_address(text: str) -> bool:
    try:
        return can_be_called(text)
    except ValueError:
        return False
