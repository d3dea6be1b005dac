NOTIFICATION_SYSTEM_TARGETS["email"] |= {"pipelining": False}
