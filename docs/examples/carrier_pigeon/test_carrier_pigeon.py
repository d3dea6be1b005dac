"""The handler for carrier pigeons keeps what every handler must."""

import threading
from contextlib import contextmanager
from pathlib import Path

import loft_server

from django_notification_system.testing.contract import HandlerContract, Provider


class TestCarrierPigeon(HandlerContract):
    handler = "carrier_pigeon"
    malformed_addresses = ["no such tower"]
    secrets = ["crumbs"]
    longest_call_seconds = 10

    @contextmanager
    def running_provider(self):
        loft_server.flown.clear()
        with loft_server.make_server(0) as server:
            # Seconds between two looks whether to end: each test has a server of its own.
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            try:
                yield Provider(
                    port=server.server_address[1],
                    received=lambda: [flight["message"] for flight in loft_server.flown],
                )
            finally:
                server.shutdown()

    def settings_for(self, host, port):
        loft = {"base_url": f"http://{host}:{port}", "api_key": "crumbs", "timeout": 1}
        return {
            "NOTIFICATION_SYSTEM_HANDLERS": [Path(__file__).parent / "handlers"],
            "NOTIFICATION_SYSTEM_TARGETS": {"carrier_pigeon": loft},
        }

    def address(self, number):
        return "north tower"
