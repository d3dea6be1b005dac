TEMPLATES[0]["DIRS"] += [BASE_DIR / "templates"]

MEDIA_ROOT = BASE_DIR / "media"
