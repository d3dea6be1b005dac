from django_notification_system import notify_addresses

created = notify_addresses(
    "ann@example.com",
    "Your order 1021",
    "Thank you! We pack it today.",
    target="Email",
    idempotency_key="order-1021",
)
print(f"{created} created, to one address")

guests = ["ann@example.com", "Ann@Example.com", "bea@example.com"]
created = notify_addresses(guests, "The party moves inside", "It is going to rain.", target="Email")
print(f"{created} created, and their keys: {len(created.keys or ())}")
