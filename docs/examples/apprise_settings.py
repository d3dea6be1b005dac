import os

NOTIFICATION_SYSTEM_TARGETS["apprise"] = {
    "urls": {"ops": os.environ.get("OPS_SLACK_URL", "slack://T1/B1/secret/#ops")},
}
