"""A loft that takes flights over HTTP, to try the handler with: python loft_server.py"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOFTS = {"north tower"}
flown = []


class Loft(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # so that a handler may keep its connection

    def do_POST(self):
        flight = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != "Bearer crumbs":
            self.reply(401, {"error": "Who are you?"})
        elif flight["loft"] not in LOFTS:
            self.reply(404, {"error": "There is no such loft."})
        else:
            flown.append(flight)
            print(f"To {flight['loft']}: {flight['message']}", flush=True)
            self.reply(202, {"ring": f"ring-{len(flown)}"})

    def reply(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def make_server(port):
    return ThreadingHTTPServer(("127.0.0.1", port), Loft)


if __name__ == "__main__":
    make_server(8026).serve_forever()
