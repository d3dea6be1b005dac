"""The tests not repeated on other databases or with other pairs, with reasons.

All other tests are repeated, if they can reach a database: ``tests/selection.py`` says how a run
chooses.
"""

from dataclasses import dataclass
from typing import Literal, get_args

Difference = Literal["database", "pair", "between"]
DIFFERENCES: tuple[Difference, ...] = get_args(Difference)
DATABASE: frozenset[Difference] = frozenset({"database"})
PAIR: frozenset[Difference] = frozenset({"pair"})
#: Database and pair make a difference one by one; the two together make no third. A pair between
#: two others, with a Python and a Django between theirs, makes none either.
DATABASE_AND_PAIR: frozenset[Difference] = DATABASE | PAIR
PAIR_BETWEEN: frozenset[Difference] = PAIR | {"between"}


@dataclass(frozen=True)
class Independent:
    """Modules of tests that give the same results whatever differs.

    Attributes:
        of: The differences without effect.
        modules: Paths below ``tests``, without the ending.
        reason: Why the differences have no effect.
    """

    of: frozenset[Difference]
    modules: frozenset[str]
    reason: str

    def is_without_effect(self, differences: frozenset[Difference]) -> bool:
        """Tell whether a run with these differences can leave the modules out."""
        if self.of == DATABASE_AND_PAIR and differences >= PAIR_BETWEEN:
            return True
        return self.of <= differences


def _tests(room: str, names: str) -> frozenset[str]:
    return frozenset(f"{room}/test_{name}" for name in names.split())


INDEPENDENT = (
    Independent(
        DATABASE,
        _tests(
            "handlers/email",
            "connections encodings headers message outcomes outcomes_providers outcomes_tls"
            " secrets template",
        ),
        "A mail and a server's answers are the same whatever database the rows came from;"
        " engine/test_engine, engine/test_faults and handlers/email/test_delivery store outcomes.",
    ),
    Independent(
        DATABASE,
        _tests("contrib", "smtp smtp_servers"),
        "The reports of a mail server are read from it; engine/test_receipts stores them.",
    ),
    Independent(
        DATABASE,
        _tests("handlers/expo", "client connections outcomes secrets"),
        "As with mail; handlers/expo/test_handler and handlers/expo/test_receipts are repeated.",
    ),
    Independent(
        DATABASE,
        _tests("handlers/twilio", "outcomes settings single"),
        "As with mail; handlers/twilio/test_handler and contrib/test_twilio are repeated.",
    ),
    Independent(
        DATABASE,
        _tests("handlers/webpush", "describe outcomes secrets"),
        "As with mail; handlers/webpush/test_handler and contrib/test_webpush are repeated.",
    ),
    Independent(
        DATABASE,
        _tests("contrib", "opentelemetry prometheus prometheus_view")
        | _tests("testing", "outbox_assertions"),
        "The engine tells observers, and engine/test_engine is repeated;"
        " contrib/test_prometheus_queue reads metrics from the database.",
    ),
    Independent(
        PAIR,
        _tests("repository", "ci dependencies lock selection")
        | _tests("docs", "diagrams screenshots"),
        "They compare files of the project with each other, or make pictures with one pair.",
    ),
    Independent(
        DATABASE_AND_PAIR,
        _tests("contrib", "celery tasks_workers") | _tests("engine", "endurance properties hosts"),
        "Processes that die and overlap meet in the database, and each pair compiles their"
        " statements; what only one database does with one pair would be in a statement's text or"
        " its plan: engine/test_claim_plans, test_claim_locks and test_engine hold both.",
    ),
    Independent(
        DATABASE_AND_PAIR,
        _tests(
            "engine",
            "chaos database_away backlog interruptions lost_output server_restart stopped_process"
            " stopping workers",
        ),
        "Runs that are killed, stopped or cut off, as above.",
    ),
    Independent(
        DATABASE_AND_PAIR,
        _tests("engine", "projects"),
        "Whole projects in other settings: each setting meets each database and each pair.",
    ),
    Independent(
        DATABASE_AND_PAIR,
        _tests("contrib", "inbox_live"),
        "A server with open pages; contrib/test_inbox_rounds is repeated.",
    ),
    Independent(
        DATABASE_AND_PAIR,
        _tests("docs", "typed search"),
        "Whole projects again, typed from the pages, and the built site: each pair has them on"
        " SQLite alone.",
    ),
    Independent(
        PAIR_BETWEEN,
        _tests(
            "docs",
            "carrier_pigeon demo examples readme testing tutorial_type",
        )
        | _tests("testing", "outbox_projects stand_ins")
        | _tests("repository", "german real_projects translations types wheel")
        | _tests("upgrade", "examples_of_1_5_3 upgrade_from_1_5_3")
        | _tests("unit", "migrations migrations_interrupted migrations_missing"),
        "Projects and programs as a person starts them, and migrations of whole databases: a Python"
        " and a Django that lie between two that have them do no third thing.",
    ),
    Independent(
        DATABASE_AND_PAIR,
        _tests("admin", "accessibility browser preferences_in_browser")
        | _tests("contrib", "inbox_in_browser webpush_in_browser prometheus_processes tasks"),
        "Pages in a browser and processes, as above; the modules beside them, which read the same"
        " pages and counts without, are repeated.",
    ),
)

#: Modules with all cases of their tests also where there is one case of other tests: they hold the
#: texts and the plans of the statements, or their cases differ in what they ask the database.
IN_FULL = (
    _tests("engine", "claim_plans claim_locks engine")
    | _tests("contrib", "inbox_plans")
    | _tests("creators", "notify notify_many notify_nobody notify_own_creators")
    | _tests("unit", "mandatory user_target_alias")
)
#: The modules that run where database and pair differ both. Together the two could make a third
#: difference in a statement's text or plan alone, and these modules have every statement.
STATEMENTS = (
    IN_FULL
    | _tests("admin", "actions_on_many counts filters list ranges search selection")
    | _tests(
        "contrib",
        "inbox_by_key inbox_changed_meanwhile inbox_fallback inbox_import inbox_items inbox_notify"
        " inbox_stored inbox_withheld prometheus_queue",
    )
    | _tests(
        "creators",
        "attachments changed_meanwhile create_email_target_user_records creators notify_addresses"
        " types wanted",
    )
    | _tests(
        "engine",
        "conflicts consent consent_races database_trouble due_looks faults fetch_receipts handover"
        " lanes large_texts mark pauses priority rate receipts records_without_user rests"
        " second_look sources types",
    )
    | _tests("handlers/email", "queue queue_delivery")
    | _tests(
        "operations",
        "by_key csv_commands erase_notification_data export_notification_data forget_ips"
        " import_queued_mail notification_status notification_status_plans purge_devices"
        " purge_notifications purge_records",
    )
    | _tests("unit", "migrations models preferences subscriptions suppressions unsubscribe")
)
