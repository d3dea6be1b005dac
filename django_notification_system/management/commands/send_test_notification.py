"""``manage.py send_test_notification``: prove a target's settings with one message."""

import argparse
from typing import Any

from django.core.management.base import CommandError
from django.db import router
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ...categories import known_key
from ...checks import check_settings
from ...delivery.claims.pause import explained, is_paused
from ...delivery.claims.targets import targets_named
from ...delivery.handlers.find import find_handler
from ...delivery.handlers.redirect import redirect_notice
from ...exceptions import NotificationSystemError
from ...message_types.declaration import MessageType
from ...models import Notification, NotificationTarget
from ...operations.console.arguments import add_database
from ...operations.console.command import NotificationSystemCommand
from ...operations.destination import destination
from ...operations.own_page import look_at
from ...operations.send_test import only_checking, send_test_message, send_test_of_type, went_out
from ...operations.type_samples import (
    name_of_only_target,
    preview_named,
    supported_language,
    type_named,
)
from ...outcome import Outcome, OutcomeKind, with_next_step
from ...preferences.links import unsubscribe_url
from ...printable import printable
from ...targets import known_description


class Command(NotificationSystemCommand):
    """Send one message to an address, and print the outcome."""

    help = gettext_noop(
        "Send one message through a target's handler to an address, store nothing, and tell what"
        " the handler said. Exits with status 1 when the message did not go out."
    )
    #: The command prints the problems of this app's settings itself, and tries all the same.
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.description = _(self.help)
        parser.add_argument(
            "--target",
            metavar="NAME",
            help=_("The target's name or module name; of a type with one target, that target."),
        )
        parser.add_argument(
            "--type",
            metavar="KEY",
            help=_("Send an example of this type, such as shop.OrderShipped."),
        )
        parser.add_argument(
            "--preview",
            metavar="NAME",
            help=_("The name of the example among the type's previews; by default the first."),
        )
        parser.add_argument(
            "--language",
            metavar="CODE",
            help=_("The language of the example's texts, such as de; by default LANGUAGE_CODE."),
        )
        parser.add_argument(
            "--to",
            required=True,
            metavar="ADDRESS",
            help=_("Where to: an email address, a phone number, a push token."),
        )
        parser.add_argument(
            "--title",
            default=_("Test notification"),
            help=_("The title, an email's subject (default: %(default)s)."),
        )
        parser.add_argument(
            "--body",
            default=_("This is a test. Whoever sent it can see that your address works."),
            help=_("The message."),
        )
        parser.add_argument(
            "--category",
            default="",
            metavar="KEY",
            help=_(
                "Make the message one of this category, print an email's headers to unsubscribe,"
                " and see whether the page behind them answers."
            ),
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help=_("Let the provider check the message, and send nothing; not all providers can."),
        )
        self._defaults = {name: parser.get_default(name) for name in ("title", "body", "category")}
        add_database(
            parser, _("The database that holds the target; by default the router's choice.")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Send the message, and print the outcome.

        Raises:
            CommandError: When the target is unknown or ambiguous, cannot be used, or the message
                did not go out.
        """
        using = options["database"] or router.db_for_read(Notification)
        self._is_told = options["verbosity"] >= 1
        for message in check_settings():
            self._warn(
                f"{message.id}: {message.msg}" + (f" {message.hint}" if message.hint else "")
            )
        try:
            example = self._example(options)
            name = options["target"]
            if name is None and example is not None:
                name = name_of_only_target(type(example))
            if name is None:
                raise CommandError(_("Choose a target with --target."))
            [target, *others] = targets_named([name], using=using)
            if others:
                raise CommandError(
                    _("More than one target has this module name: %s. Give a target's name.")
                    % ", ".join(each.name for each in (target, *others))
                )
            known_key(options["category"])
            outcome = self._send(target, using, options, example)
        except NotificationSystemError as error:
            raise CommandError(str(error)) from error
        if not went_out(outcome):
            raise CommandError(with_next_step(outcome.response, _advice(outcome)))
        if not self._is_told:
            return
        self.stdout.write(printable(outcome.response, self.stdout.encoding))
        if outcome.provider_message_id:
            said = _("The provider's name for the message: %s") % outcome.provider_message_id
            self.stdout.write(printable(said, self.stdout.encoding))
        described = known_description(target.notification_module_name)
        if described is None or described.list_headers is None:
            return
        if options["category"] or example is not None:
            headers = described.list_headers(outcome.notification)
            if options["category"] or headers:
                self._show_headers(outcome.notification, headers)

    def _example(self, options: dict[str, Any]) -> MessageType | None:
        """Return the example of a type that shall be sent; ``None`` for a text of the call."""
        if options["type"] is None:
            if alone := [name for name in ("preview", "language") if options[name] is not None]:
                raise CommandError(
                    _("--%s belongs to a type: name the type with --type.") % alone[0]
                )
            return None
        for name, default in self._defaults.items():
            if options[name] != default:
                raise CommandError(
                    _("--%s has no meaning beside --type: the type says so itself. Leave it out.")
                    % name
                )
        cls = type_named(options["type"])
        options["language"] = supported_language(options["language"])
        return preview_named(cls, options["preview"])

    def _show_headers(self, notification: Notification, headers: dict[str, str]) -> None:
        if not headers:
            self._warn(
                _(
                    "The mail has no headers to unsubscribe: the category has no one_click,"
                    " BASE_URL is not set, or the pages are not served."
                )
            )
            return
        for name, value in headers.items():
            self.stdout.write(printable(f"{name}: {value}", self.stdout.encoding))
        self.stdout.write(
            printable(
                look_at(unsubscribe_url(notification.target_user_record, notification.category)),
                self.stdout.encoding,
            )
        )

    def _send(
        self,
        target: NotificationTarget,
        using: str,
        options: dict[str, Any],
        example: MessageType | None,
    ) -> Outcome:
        if notice := redirect_notice([target]):
            self._warn(notice)
        handler = find_handler(target)
        if options["dry_run"]:
            handler = only_checking(handler, target)
        if self._is_told:
            self._say(_("Handler: %s") % handler.source)
            if place := destination(handler):
                self._say(_("Goes to: %s") % place)
        if fault := _fault_of_address(target, options["to"].strip()):
            self._warn(f"{options['to']!r} {fault}")
        if is_paused(target):
            self._warn(f"{explained(target)} {_('The test is sent all the same.')}")
        if example is not None:
            return send_test_of_type(
                target,
                handler,
                options["to"].strip(),
                message=example,
                language=options["language"],
                using=using,
            )
        return send_test_message(
            target,
            handler,
            options["to"].strip(),
            title=options["title"],
            body=options["body"],
            using=using,
            category=options["category"],
        )

    def _say(self, text: str) -> None:
        self.stderr.write(printable(text, self.stderr.encoding), style_func=str)

    def _warn(self, text: str) -> None:
        if not self._is_told:
            return
        self.stderr.write(self.style.WARNING(printable(text, self.stderr.encoding)))


def _fault_of_address(target: NotificationTarget, address: str) -> str:
    """Return why a target would take no such address; the test goes out all the same."""
    described = known_description(target.notification_module_name)
    # Where details are needed, the address is looked up, and may be the real one.
    if described is None or described.fault_of_address is None or described.address_in_details:
        return ""
    return described.fault_of_address(address)


def _advice(outcome: Outcome) -> str:
    """Return a person's next step after a message that did not go out."""
    if outcome.unreachable:
        return _("See that host and port are right, and that no firewall is between.")
    if outcome.hard_bounce or outcome.deactivate_record:
        return _("The provider answers, so the settings are right; the address is not.")
    if outcome.opt_out:
        return _("The provider answers, so the settings are right; the address wants no messages.")
    if outcome.result is OutcomeKind.RETRY:
        return _("A run would try it again later.")
    return ""
