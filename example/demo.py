"""The demo: three notifications, delivered to stand-ins for the mail server and the providers.

``make demo`` runs it. What a project itself has to do is in ``project/notifications.py``.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import django
from django.core.management import call_command

from django_notification_system.testing.providers import ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn

FOLDER = Path(__file__).resolve().parent
DATABASE = FOLDER / os.environ.get("EXAMPLE_DATABASE", "db.sqlite3")

RECEIVED = """
What arrived:

Text message, at the stand-in for Twilio ({providers.url})
    from {text_message.fields[From]} to {text_message.to}
    {text_message.body}
Email, at the stand-in for a mail server ({mail_server.host}:{mail_server.port})
    from {mail[From]} to {mail[To]}
    {mail[Subject]}
    {mail.text}
Push notification, at the stand-in for Expo ({providers.url})
    to {push.to}
    {push.title}
    {push.body}
"""


def main() -> None:
    """Run the demo, or only make its database."""
    parser = argparse.ArgumentParser(description="Send three notifications to local stand-ins.")
    parser.add_argument(
        "--only-make-database",
        action="store_true",
        help="make the demo's database where it is not there yet, and send nothing",
    )
    parser.add_argument(
        "--only-make-busy-day",
        action="store_true",
        help="make the database anew, with a day's notifications in it, and send nothing",
    )
    options = parser.parse_args()
    if options.only_make_busy_day:
        make_busy_day()
    elif options.only_make_database:
        make_database()
    else:
        run_demo()
    say_how_to_log_in()


def run_demo() -> None:
    """Make the database anew, create three notifications, deliver them, show what arrived."""
    with SmtpStandIn() as mail_server, ProviderStandIn() as providers:
        # The settings read these, here and in the process that delivers.
        os.environ["EXAMPLE_MAIL_PORT"] = str(mail_server.port)
        os.environ["EXAMPLE_PROVIDERS_URL"] = providers.url
        remove_database()
        make_database()

        from project.notifications import create_notifications

        create_notifications()
        say("Three notifications for Eggs Benedict are due. This delivers them:\n")
        say("$ python manage.py process_notifications")
        deliver()
        show_received(mail_server, providers)
    say("To see them in the admin: make serve")


def make_busy_day() -> str:
    """Make the database anew, with the day that the documentation's pictures show.

    Returns:
        The key of a notification that was delivered at the third attempt.
    """
    remove_database()
    make_database()

    from project import busy_day

    return str(busy_day.make_busy_day().pk)


def remove_database() -> None:
    """Remove the database, with the files that SQLite keeps beside it."""
    for file in FOLDER.glob(f"{DATABASE.name}*"):
        file.unlink()


def make_database() -> None:
    """Bring the database up to date, with Eggs Benedict in it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    django.setup()
    call_command("migrate", verbosity=0)

    from django.contrib.auth import get_user_model
    from project.notifications import USERNAME, make_person

    if not get_user_model().objects.filter(username=USERNAME).exists():
        make_person()


def deliver() -> None:
    """Run the command as a project does: by cron, say, in a process of its own."""
    command = [sys.executable, "manage.py", "process_notifications"]
    done = subprocess.run(command, cwd=FOLDER)
    if done.returncode:
        sys.exit(f"process_notifications exited with status {done.returncode}; see above.")


def show_received(mail_server: SmtpStandIn, providers: ProviderStandIn) -> None:
    """Show what the stand-ins received: three messages, or the demo has failed."""
    by_provider = {message.provider: message for message in providers.received}
    if len(mail_server.received) != 1 or sorted(by_provider) != ["expo", "twilio"]:
        sys.exit("Not every notification arrived; the lines above say why.")
    say(
        RECEIVED.format(
            mail_server=mail_server,
            providers=providers,
            text_message=by_provider["twilio"],
            push=by_provider["expo"],
            mail=mail_server.received[0],
        )
    )


def say_how_to_log_in() -> None:
    """Name the admin's address and the demo's login."""
    from project.notifications import PASSWORD, USERNAME

    say(f"http://127.0.0.1:8000/admin/ - user {USERNAME}, password {PASSWORD}")
    say("http://127.0.0.1:8000/inbox/ - what the same user reads on the site itself")


def say(text: str) -> None:
    """Print at once, so that the lines of the other process come where they belong."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
