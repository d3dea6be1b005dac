NOTIFICATION_SYSTEM |= {
    "BASE_URL": "https://www.example.com",
}
