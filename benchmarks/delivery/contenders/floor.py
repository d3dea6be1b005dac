"""The floors: what the wire and the client's library allow, with no database and no queue."""

import smtplib
import threading
from collections.abc import Callable, Iterable
from email.message import EmailMessage
from email.policy import SMTP

import requests
from job import HOST, SENDER, SHORT_BODY, TITLE, address, html_body, measure, read_job, text_body

job = read_job()
workers = int(job.variant)
ready = {"number": 0}


def main() -> None:
    send = {"email": send_mails, "twilio": send_sms, "expo": send_pushes}[job.channel]
    measure(job, lambda number: ready.update(number=number), lambda: in_threads(send))


def in_threads(send: Callable[[range], None]) -> None:
    shares = [range(first, ready["number"], workers) for first in range(workers)]
    threads = [threading.Thread(target=send, args=[share]) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def send_mails(numbers: Iterable[int]) -> None:
    message = mail()
    with smtplib.SMTP(HOST, job.smtp_port) as client:
        for number in numbers:
            client.sendmail(SENDER, [address(number)], message)


def mail() -> bytes:
    message = EmailMessage(SMTP)
    message["Subject"] = TITLE
    message["From"] = SENDER
    message["To"] = address(0)
    message["Message-ID"] = "<00000000-0000-0000-0000-000000000000@example.com>"
    message.set_content(text_body())
    message.add_alternative(html_body(), subtype="html")
    return message.as_bytes()


def send_sms(numbers: Iterable[int]) -> None:
    account = "AC" + "0" * 32
    url = f"{job.http_url}/2010-04-01/Accounts/{account}/Messages.json"
    with requests.Session() as session:
        for number in numbers:
            data = {"To": f"+4915{number:08}", "From": "+15005550006", "Body": SHORT_BODY}
            session.post(url, data=data, auth=(account, "secret"), timeout=10).raise_for_status()


def send_pushes(numbers: range) -> None:
    from exponent_server_sdk import PushClient, PushMessage

    with requests.Session() as session:
        client = PushClient(host=job.http_url, session=session)
        for first in range(0, len(numbers), 100):
            client.publish_multiple(
                [
                    PushMessage(to=f"ExponentPushToken[{number}]", title=TITLE, body=SHORT_BODY)
                    for number in numbers[first : first + 100]
                ]
            )


main()
