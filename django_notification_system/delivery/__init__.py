"""The engine: deliver what is due, and record what became of it.

A notification goes through these steps. *Run* is the thread that calls the command or a task's
worker; *lane* is the thread of one target, which the run starts and ends.

=========  ==========================================  ======  ================================
Step       File                                        Thread  Transaction
=========  ==========================================  ======  ================================
find due   claims/due.py                               run     none: one query for all targets
claim      claims/claim.py, claims/free_rows.py        run     one, short: token and lease
skip       outcomes/skip.py, outcomes/record.py        run     one statement
recheck    claims/recheck.py, runs/in_flight.py        run     none: one query a slice of fifty
deliver    runs/lane.py, then the target's handler     lane    none
apply      outcomes/apply.py, runs/in_flight.py        run     none: no database
record     outcomes/record.py, outcomes/statement.py   run     one, short, where the token holds
announce   outcomes/announce.py, runs/report.py        run     none: after the commit
receipt    receipts/fetch.py, receipts/record.py       beside  one, short, for each page
=========  ==========================================  ======  ================================

Six rooms. Each imports only from those after it:

``handover``
    Batches for a task engine: claimed here, delivered by its workers. Imported by projects.
``receipts``
    The provider's later word on a message.
``runs``
    One run (``run.py``), its targets (``target_run.py``), their lanes (``lane.py``), what is on its
    way (``in_flight.py``), and the process that goes on (``watch.py``).
``handlers``
    How the engine sees a handler: found by name, wrapped, redirected, called.
``outcomes``
    What became of a notification.
``claims``
    Which rows, in which order, and the right to them; a target's rate and pause.

No transaction is open while a message is sent. A row belongs to whoever's token it has, until the
lease ends by the database's clock; an outcome is recorded only where the token still holds.
"""
