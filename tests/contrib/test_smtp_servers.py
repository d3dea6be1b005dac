"""The backend that uses PIPELINING, against Postfix and Exim as Debian builds them.

They are started from Debian's packages, unpacked into pytest's cache: nothing is installed, and
no server of the machine is touched. Where that cannot be had, the tests are skipped.
"""

import os
import pwd
import shutil
import smtplib
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from django_notification_system.contrib.smtp import PipeliningSMTP
from django_notification_system.models import TargetUserRecord
from tests.conftest import MakeDue
from tests.support.mail_backends import use_backend
from tests.support.ports import free_port

PIPELINING = "django_notification_system.contrib.smtp.EmailBackend"
SENDER, EGGS, HAM, NOBODY = (f"{name}@example.com" for name in ("spam", "eggs", "ham", "nobody"))
MESSAGE = b"Subject: Breakfast\r\n\r\n.is\r\n\r\n..\r\nready\r\n"

#: What owns the queues of a server that does not run as root.
OWNER = "daemon"

POSTFIX_SETTINGS = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {files}/usr/lib/postfix/sbin
command_directory = {files}/usr/sbin
shlib_directory = {files}/usr/lib/postfix
import_environment = MAIL_CONFIG MAIL_LOGTAG TZ LANG=C LD_LIBRARY_PATH
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
mail_owner = {owner}
setgid_group = mail
default_privs = nobody
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = localhost
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
disable_dns_lookups = yes
virtual_mailbox_domains = example.com
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{eggs@example.com=eggs/, ham@example.com=ham/}}
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
"""
POSTFIX_SERVICES = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
POSTFIX_QUEUES = "active bounce corrupt defer deferred flush hold incoming private saved trace"

#: It keeps what it takes in its queue.
EXIM_SETTINGS = """\
primary_hostname = localhost
spool_directory = {folder}/queue
log_file_path = {folder}/log/%slog
keep_environment =
never_users =
host_lookup =
rfc1413_query_timeout = 0s
pipelining_advertise_hosts = *
tls_advertise_hosts =
queue_only = true
acl_smtp_rcpt = check
acl_smtp_data = accept
begin acl
check:
  accept recipients = eggs@example.com : ham@example.com
  deny message = No such user
begin routers
begin transports
"""
#: What it is linked with and not every machine has.
EXIM_LIBRARIES = ("libidn12", "libgnutls-dane0", "libnsl2", "libpcre2-8-0")


@dataclass(frozen=True)
class MailServer:
    """A server that runs, and where to read the contents of the messages that it took."""

    host: str
    port: int
    contents: Callable[[], list[bytes]]


@pytest.fixture(scope="module", params=["postfix", "exim"])
def server(
    request: pytest.FixtureRequest, downloads: Callable[[str], Path]
) -> Iterator[MailServer]:
    if os.geteuid() != 0 or not shutil.which("apt-get") or not shutil.which("dpkg"):
        pytest.skip("Postfix and Exim are started from Debian's packages, on Debian, by root.")
    cache = downloads("mail-servers")
    start = {"postfix": postfix, "exim": exim}[request.param]
    # Not pytest's own folder for the time being: only its user gets to that.
    with tempfile.TemporaryDirectory(prefix=f"{request.param}-") as folder:
        Path(folder).chmod(0o755)
        with start(cache, Path(folder)) as started:
            yield started


@contextmanager
def postfix(cache: Path, folder: Path) -> Iterator[MailServer]:
    files = unpacked(cache, "postfix")
    owner, port = pwd.getpwnam(OWNER), free_port()
    values = {"folder": folder, "files": files, "owner": OWNER, "uid": owner.pw_uid, "port": port}
    (folder / "main.cf").write_text(POSTFIX_SETTINGS.format(**values))
    (folder / "master.cf").write_text(POSTFIX_SERVICES.format(**values))
    for name in ("data", "mail", *(f"queue/{queue}" for queue in POSTFIX_QUEUES.split())):
        (folder / name).mkdir(parents=True, exist_ok=True)
        os.chown(folder / name, owner.pw_uid, owner.pw_gid)
    for name in ("maildrop", "public"):
        (folder / "queue" / name).mkdir()
        shutil.chown(folder / "queue" / name, OWNER, "mail")
    (folder / "queue/pid").mkdir()

    def contents() -> list[bytes]:
        paths = sorted((folder / "mail").glob("*/new/*"))
        return [path.read_bytes() for path in paths]

    master = [str(files / "usr/lib/postfix/sbin/master"), "-c", str(folder), "-d"]
    environment = {"LD_LIBRARY_PATH": str(files / "usr/lib/postfix")}
    with running(master, environment, port, folder):
        yield MailServer("127.0.0.1", port, contents)


@contextmanager
def exim(cache: Path, folder: Path) -> Iterator[MailServer]:
    files = unpacked(cache, "exim4-daemon-light", "libnss-wrapper", *EXIM_LIBRARIES)
    owner, port = pwd.getpwnam(OWNER), free_port()
    # Debian's Exim runs as a user that its package makes. Here libnss-wrapper pretends it exists.
    name = "Debian-exim"
    (folder / "passwd").write_text(
        f"root:x:0:0::/:/bin/false\n{name}:x:{owner.pw_uid}:{owner.pw_gid}::/:/bin/false\n"
    )
    (folder / "group").write_text(f"root:x:0:\n{name}:x:{owner.pw_gid}:\n")
    (folder / "exim.conf").write_text(EXIM_SETTINGS.format(folder=folder))
    for queue in ("queue", "log"):
        (folder / queue).mkdir()
        os.chown(folder / queue, owner.pw_uid, owner.pw_gid)
    wrapper = next(files.glob("usr/lib/*/libnss_wrapper.so"))
    environment = {
        "LD_LIBRARY_PATH": str(wrapper.parent),
        "LD_PRELOAD": str(wrapper),
        "NSS_WRAPPER_PASSWD": str(folder / "passwd"),
        "NSS_WRAPPER_GROUP": str(folder / "group"),
    }

    def contents() -> list[bytes]:
        # The first line of a file in the queue is its own name.
        paths = sorted((folder / "queue/input").glob("*-D"))
        return [path.read_bytes().partition(b"\n")[2] for path in paths]

    command = [str(files / "usr/sbin/exim4"), "-C", str(folder / "exim.conf"), "-bdf"]
    command += ["-oX", f"<; [127.0.0.1]:{port}", "-oP", str(folder / "pid")]
    with running(command, environment, port, folder):
        yield MailServer("127.0.0.1", port, contents)


def unpacked(cache: Path, *packages: str) -> Path:
    """Return a folder with the files of Debian's packages, which are downloaded once."""
    folder = cache / packages[0]
    if folder.exists():
        return folder
    partial = cache / f"{packages[0]}.{os.getpid()}"
    partial.mkdir()
    try:
        run("apt-get", "download", *packages, folder=partial)
        for archive in partial.glob("*.deb"):
            run("dpkg", "-x", str(archive), ".", folder=partial)
            archive.unlink()
        partial.rename(folder)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"Debian's {packages[0]} cannot be had here: {error}")
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def run(*command: str, folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=180)


@contextmanager
def running(
    command: list[str], environment: dict[str, str], port: int, folder: Path
) -> Iterator[None]:
    with (folder / "output").open("wb") as output:
        # In a session of its own: what it starts ends with it.
        process = subprocess.Popen(
            command,
            env={**environment, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        if not greets(port, process):
            pytest.skip(f"The server does not start here: {(folder / 'output').read_text()}")
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def greets(port: int, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
                return client.noop()[0] == 250
        except OSError:
            time.sleep(0.1)
    return False


def wait_for(server: MailServer, number: int) -> list[bytes]:
    """Return the contents of the last messages, when there are so many in all."""
    deadline = time.monotonic() + 90
    while len(server.contents()) < number and time.monotonic() < deadline:
        time.sleep(0.05)
    return server.contents()


def body(content: bytes) -> bytes:
    """Return a message's body without the headers that a server may keep before it."""
    lines = content.replace(b"\r\n", b"\n")
    return lines.partition(b"\n\n")[2] if lines.startswith(b"Return-Path") else lines


def test_messages_arrive_as_they_are_and_refusals_are_told_apart(server: MailServer) -> None:
    before = len(server.contents())
    client = PipeliningSMTP(server.host, server.port, timeout=60)
    with client:
        client.ehlo()
        assert client.has_extn("pipelining")
        assert client.sendmail(SENDER, [EGGS], MESSAGE) == {}
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
            client.sendmail(SENDER, [NOBODY], MESSAGE)
        assert refusal.value.recipients[NOBODY][0] == 550
        refused = client.sendmail(SENDER, [NOBODY, EGGS], MESSAGE)
        assert (list(refused), refused[NOBODY][0]) == ([NOBODY], 550)
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail(SENDER, [EGGS], MESSAGE, ["NONSENSE=1"])
        assert client.sendmail(SENDER, [HAM], MESSAGE) == {}
    arrived = wait_for(server, before + 3)
    assert len(arrived) == before + 3
    bodies = [body(content) for content in arrived]
    assert bodies.count(MESSAGE.partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n")) == 3


def test_many_recipients_are_all_answered(server: MailServer) -> None:
    recipients = [EGGS, *(f"nobody.of.that.name.{number}@example.com" for number in range(15)), HAM]
    with PipeliningSMTP(server.host, server.port, timeout=60) as client:
        refused = client.sendmail(SENDER, recipients, MESSAGE)
    assert list(refused) == recipients[1:-1]
    assert {code for code, _ in refused.values()} == {550}


@pytest.mark.django_db
def test_the_engine_sends_through_it(
    server: MailServer,
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    process: Callable[..., str],
    settings: Any,
) -> None:
    before = len(server.contents())
    use_backend(settings, PIPELINING, host=server.host, port=server.port, timeout=60)
    record = records["Email"]
    for number in range(10):
        make_due(record, title=f"Number {number}", body=f"<p>Number {number}</p>")
    make_due(record, title="Copy", extra={"cc": [NOBODY]})
    output = process()
    assert output.count("Email Successfully Sent") == 11
    assert f"but not to {NOBODY}: 550" in output
    assert len(wait_for(server, before + 11)) == before + 11
