from django_notification_system import notify


def order_shipped(user, order):
    notify(
        user,
        f"Order {order} has shipped",
        "It will be with you by noon.",
        target="Email",
        idempotency_key=f"order-{order}-shipped",
    )
