"""The content of a type's notifications: a draft for each language and target."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import F

from ..draft import Draft
from ..message_types.declaration import MessageType, has_should_send
from ..message_types.stored import extra_of, further_extra
from ..message_types.texts import check_templates, render_title
from ..models import NotificationTarget
from ..on_site import INBOX
from ..storable import json_object
from ..targets import target_key
from ..user_values import Function, Path, known_language, language_way, values_of
from .draft import make_draft
from .recipient import Record

#: The name of the column with a user's language.
LANGUAGE = "_language_of_user"


class TypedContent:
    """The content of a message of a type, for each recipient in the user's language.

    The title is rendered once for each language, however many users read it: the title must name no
    user. Users for whom ``should_send()`` says no are left out.

    Args:
        message: The message.
        language: The language of people without an account; by default ``LANGUAGE_CODE``.
        options: Further arguments of ``make_draft()``.

    Attributes:
        draft: What all recipients have in common.
        declined: How many recipients ``should_send()`` left out.
    """

    def __init__(self, message: MessageType, *, language: str = "", **options: Any) -> None:
        self._message = message
        self._language_of_addresses = language
        # Stands in for the title until a language is known.
        self.draft = make_draft(
            title=type(message).key,
            body="",
            extra=extra_of(message),
            category=message.category,
            **options,
        )
        self.declined = 0
        self._way = language_way()
        self._asks = has_should_send(type(message))
        #: The language and, where asked, the user of each record of the batch.
        self._languages: dict[Any, str] = {}
        self._users: dict[Any, Any] = {}
        self._titles: dict[str, str] = {}
        self._extras: dict[str, dict[str, Any]] = {}
        self._drafts: dict[tuple[str, str], Draft] = {}

    def read(self, rows: Any, columns: Sequence[str]) -> Iterable[Record]:
        """Read records with their users' languages, with no further query for a path."""
        if isinstance(self._way, Path):
            rows = rows.annotate(**{LANGUAGE: F(f"user__{self._way.lookup}")})
        self._users = {}  # of one batch at a time
        found: list[Record] = []
        languages: dict[Any, Any] = {}
        if self._asks:
            for record in rows.select_related("user"):
                found.append(tuple(_value(record, name) for name in columns))
                languages[record.pk] = getattr(record, LANGUAGE, None)
                self._users[record.user_id] = record.user
        else:
            by_path = [LANGUAGE] if isinstance(self._way, Path) else []
            for row in rows.values_list(*columns, *by_path):
                found.append(row[: len(columns)])
                languages[row[0]] = row[-1] if by_path else None
        if isinstance(self._way, Function):
            said = self._way.call(list(dict.fromkeys(record[1] for record in found)))
            languages = {record[0]: said.get(record[1]) for record in found}
        self._languages = {key: known_language(value) for key, value in languages.items()}
        return found

    def for_target(self, target: NotificationTarget) -> Draft:
        """Return a draft whose body stands in for what the templates will make."""
        key = target_key(target.notification_module_name)
        check_templates(self._message, key)
        return replace(self.draft, body=self.draft.title, extra=self._extra(key))

    def for_record(self, record: Record, target: NotificationTarget) -> Draft | None:
        """Return the draft in the language of the record's user, unless the type says no."""
        if self._asks and not self._is_wanted(self._users[record[1]]):
            return None
        return self._draft(self._languages[record[0]], target)

    def for_address(self, target: NotificationTarget) -> Draft | None:
        """Return the draft in the language of the call, unless the type says no."""
        if self._asks and not self._is_wanted(None):
            return None
        language = known_language(self._language_of_addresses)
        draft = self._draft(language, target)
        # No user has the language when the bodies are made.
        return replace(draft, extra={**draft.extra, "language": language})

    def for_user(self, user: Any, target: NotificationTarget) -> Draft | None:
        """Return the draft in the user's language, unless the type says no."""
        if self._asks and not self._is_wanted(user):
            return None
        return self._draft(known_language(values_of(self._way, [user]).get(user.pk)), target)

    def for_inbox(
        self, user_ids: Sequence[Any], *, using: str
    ) -> Iterable[tuple[Draft, list[Any]]]:
        """Yield a draft for each language, with the keys of its readers.

        An event has one title, which all its readers share; so each language is another event.
        """
        readers: defaultdict[str, list[Any]] = defaultdict(list)
        for user_id, value in self._languages_of(user_ids, using).items():
            readers[known_language(value)].append(user_id)
        for language, keys in readers.items():
            yield self._draft_for(language, INBOX), keys

    def _languages_of(self, user_ids: Sequence[Any], using: str) -> Mapping[Any, Any]:
        """Return the languages of the users who shall have an item, by the user's key."""
        rows = get_user_model()._base_manager.using(using).filter(pk__in=user_ids).order_by("pk")
        if self._asks:
            if isinstance(self._way, Path) and self._way.relation:
                rows = rows.select_related(self._way.relation)
            users = [user for user in rows if self._is_wanted(user)]
            said = values_of(self._way, users)
            return {user.pk: said.get(user.pk) for user in users}
        if isinstance(self._way, Path):
            return dict(rows.values_list("pk", self._way.lookup))
        said = {} if self._way is None else self._way.call(list(user_ids))
        return {user_id: said.get(user_id) for user_id in user_ids}

    def _is_wanted(self, user: Any) -> bool:
        is_wanted = self._message.should_send(user)
        self.declined += not is_wanted
        return is_wanted

    def _draft(self, language: str, target: NotificationTarget) -> Draft:
        return self._draft_for(language, target_key(target.notification_module_name))

    def _draft_for(self, language: str, key: str) -> Draft:
        if (language, key) not in self._drafts:
            if language not in self._titles:
                self._titles[language] = render_title(self._message, language)
            self._drafts[language, key] = replace(
                self.draft,
                title=self._titles[language],
                extra=self._extra(key),
                # Without a way to users' languages, all titles are in the project's own.
                language="" if self._way is None else language,
            )
        return self._drafts[language, key]

    def _extra(self, key: str) -> dict[str, Any]:
        if key not in self._extras:
            further = json_object(further_extra(self._message, key))
            self._extras[key] = {**further, **self.draft.extra}
        return self._extras[key]


def _value(record: Any, column: str) -> Any:
    """Return a record's value as ``values_list()`` would: the key of a related row."""
    if column == "pk":
        return record.pk
    return getattr(record, record._meta.get_field(column).attname)
