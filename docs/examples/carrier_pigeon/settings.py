NOTIFICATION_SYSTEM_HANDLERS += [BASE_DIR / "handlers"]
NOTIFICATION_SYSTEM_TARGETS["carrier_pigeon"] = {
    "base_url": "http://127.0.0.1:8026",
    "api_key": "crumbs",
    "when_unknown": "fail",
}
