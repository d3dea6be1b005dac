"""The engine: deliver due notifications, and record the outcomes.

A notification goes through the steps below. *Run* is the thread of the command or of a task's
worker; *lane* is the thread of a target, started and ended by the run.

=========  ==========================================  ======  ================================
Step       File                                        Thread  Transaction
=========  ==========================================  ======  ================================
find due   runs/sources.py, claims/due.py              run     none: one query for all targets
claim      claims/take.py, claims/free_rows.py         run     one, short: token and lease
skip       runs/sendable.py, outcomes/skip.py          run     one statement
recheck    runs/sendable.py, claims/recheck.py         run     none: one query a slice of fifty
render     handlers/typed.py                           run     none: one query for each model
deliver    runs/lane.py, then the target's handler     lane    none
apply      outcomes/apply.py, runs/in_flight.py        run     none: no database
record     outcomes/record.py, outcomes/statement.py   run     one, short, where the token holds
announce   outcomes/announce.py, runs/report.py        run     none: after the commit
receipt    receipts/fetch.py, receipts/record.py       beside  one, short, for a page
=========  ==========================================  ======  ================================

Skip and recheck ask the package ``preferences`` about rows with a category: people's preferences
and suppressed addresses, with one query.

Six rooms. A room imports only from the rooms after it:

``handover``
    Batches for a task engine: claimed here, delivered by the engine's workers. Projects import
    from this room.
``receipts``
    What a provider says of a message later.
``runs``
    A run (``run.py``), the source of its claims (``sources.py``), its targets
    (``target_run.py``), their lanes (``lane.py``), the fields of both threads (``shared.py``),
    batches on their way (``in_flight.py``), and the process that goes on (``watch.py``).
``handlers``
    How the engine sees a handler: found by name, wrapped, redirected, called.
``outcomes``
    A notification's outcome: applied to the row, recorded, announced.
``claims``
    Due rows (``due.py``) in their order (``order.py``), and the right to them (``take.py``); a
    target's rate and pause.

No transaction is open while a message is sent. A row belongs to the run with the row's token, until
the lease ends by the database's clock; an outcome is recorded only where the token still holds.
"""
