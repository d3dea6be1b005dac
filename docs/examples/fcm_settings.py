NOTIFICATION_SYSTEM_TARGETS["fcm"] = {"credentials": "/etc/shop/firebase-key.json"}
