import subprocess
from email.utils import parseaddr

from django.core.mail.backends.base import BaseEmailBackend


class SendmailBackend(BaseEmailBackend):
    sends_message_bytes = True

    def send_messages(self, email_messages):
        for message in email_messages:
            sender = parseaddr(message.from_email)[1]
            subprocess.run(
                ["sendmail", "-i", "-f", sender, "--", *message.recipients()],
                input=message.message().as_bytes(),
                check=True,
                timeout=30,
            )
        return len(email_messages)
