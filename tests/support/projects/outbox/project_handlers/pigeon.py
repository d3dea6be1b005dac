"""A target of the project's own, which no test may reach."""


def send_notification(notification):
    raise AssertionError("A test has sent a pigeon.")
