NOTIFICATION_SYSTEM["RETRY"] = {"first_interval": 5, "factor": 2, "attempts": 5}
