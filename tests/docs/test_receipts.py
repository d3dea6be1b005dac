"""The documentation's handler whose provider can be asked, over a real HTTP server."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from tests.conftest import MakeDue
from tests.support.documentation import EXAMPLES, process

HANDLER = EXAMPLES / "receipts" / "pigeon_post.py"
NEWS = {"ring-home": "home", "ring-lost": "hawk"}


class Post(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/letters":
            answer: Any = {"ring": f"ring-{question['text']}"}
        else:
            answer = {ring: NEWS[ring] for ring in question["rings"] if ring in NEWS}
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def pigeon(user: Any, settings: Any) -> Iterator[TargetUserRecord]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Post) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        settings.NOTIFICATION_SYSTEM_HANDLERS = [HANDLER.parent]
        settings.NOTIFICATION_SYSTEM_TARGETS = {
            "pigeon_post": {
                "base_url": f"http://127.0.0.1:{server.server_address[1]}",
                "receipts_after": 0,
            }
        }
        target = NotificationTarget.objects.create(
            name="Pigeon post", notification_module_name="pigeon_post"
        )
        yield TargetUserRecord.objects.create(
            user=user, target=target, target_user_id="north tower", description="Loft"
        )
        server.shutdown()


def test_a_handler_of_ones_own_can_be_asked(pigeon: TargetUserRecord, make_due: MakeDue) -> None:
    for body in ("home", "lost", "late"):
        make_due(pigeon, title=body, body=body)

    assert process().endswith("3 Delivered\nReceipts: 1 confirmed, 1 failed.\n")

    found = Notification.objects.values_list("title", "status", "provider_status")
    assert sorted(found) == [
        ("home", "DELIVERED", "home"),
        ("late", "DELIVERED", ""),
        ("lost", "DELIVERY FAILURE", "hawk"),
    ]
