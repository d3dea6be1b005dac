"""Server-sent events: what comes into the inboxes of readers, while their pages are open.

One poller in each process asks for all connected readers, once a second. Who does what:

- ``view.py`` answers ``inbox/stream/``; the event loop.
- ``streams.py`` has the open streams and starts the poller; the event loop.
- ``rounds.py`` asks the database, round after round; the poller's one thread.
- ``login.py`` says whether a reader is logged in still; the poller's thread.
- ``events.py`` has the words of the protocol.
- ``server.py`` knows whether the server stops.
"""
