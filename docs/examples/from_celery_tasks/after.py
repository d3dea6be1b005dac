from django_notification_system import notify


def sign_up(user):
    notify(
        user,
        "Welcome",
        "Breakfast is at eight.",
        target="Email",
        idempotency_key="welcome",
    )
