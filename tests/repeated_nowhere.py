"""The tests that are not repeated on other databases or with other pairs, and why.

Everything that is not listed here is repeated, as far as it can reach a database at all:
``tests/selection.py`` tells how a run chooses.
"""

from dataclasses import dataclass
from typing import Literal, get_args

Difference = Literal["database", "pair"]
DIFFERENCES: tuple[Difference, ...] = get_args(Difference)
DATABASE: frozenset[Difference] = frozenset({"database"})
PAIR: frozenset[Difference] = frozenset({"pair"})
#: Each for itself makes a difference, and another database with another pair makes no third one.
DATABASE_AND_PAIR: frozenset[Difference] = DATABASE | PAIR


@dataclass(frozen=True)
class Independent:
    """Modules of tests to which something makes no difference.

    Attributes:
        of: What makes none.
        modules: Their names.
        reason: Why it makes none.
    """

    of: frozenset[Difference]
    modules: frozenset[str]
    reason: str


def _tests(names: str) -> frozenset[str]:
    return frozenset(f"test_{name}" for name in names.split())


INDEPENDENT = (
    Independent(
        DATABASE,
        _tests(
            "email_connections email_encodings email_headers email_message email_outcomes"
            " email_outcomes_providers email_outcomes_tls email_secrets email_template"
        ),
        "A mail and what a server answers are the same whatever the rows came from; that outcomes"
        " are stored is for test_engine, test_engine_faults and test_email_delivery.",
    ),
    Independent(
        DATABASE,
        _tests("contrib_smtp contrib_smtp_servers"),
        "The reports of a mail server are read from it; test_receipts stores them.",
    ),
    Independent(
        DATABASE,
        _tests("expo_client expo_connections expo_outcomes expo_secrets"),
        "As with mail; test_expo_handler and test_expo_receipts are repeated.",
    ),
    Independent(
        DATABASE,
        _tests("twilio_outcomes twilio_settings twilio_single"),
        "As with mail; test_twilio_handler and test_contrib_twilio are repeated.",
    ),
    Independent(
        DATABASE,
        _tests(
            "contrib_opentelemetry contrib_prometheus contrib_prometheus_view outbox_assertions"
        ),
        "Observers are told by the engine, which test_engine repeats; the metrics that are read"
        " from the database are for test_contrib_prometheus_queue.",
    ),
    Independent(
        PAIR,
        _tests("ci dependencies docs_diagrams lock screenshots selection"),
        "They compare files of the project with each other, or make pictures with one pair.",
    ),
    Independent(
        DATABASE_AND_PAIR,
        _tests("contrib_celery contrib_tasks_workers engine_endurance engine_properties hosts"),
        "Processes that die and overlap meet in the database, and each pair compiles their"
        " statements; what only one database does with one pair would be in a statement's text or"
        " its plan, which test_claim_plans, test_claim_locks and test_engine hold everywhere.",
    ),
    Independent(
        DATABASE_AND_PAIR,
        _tests(
            "chaos database_away engine_backlog interruptions lost_output server_restart"
            " stopped_process stopping workers"
        ),
        "Runs that are killed, stopped or cut off, as above.",
    ),
    Independent(
        DATABASE_AND_PAIR,
        _tests("projects"),
        "Whole projects in other settings: each setting meets each database and each pair.",
    ),
)
