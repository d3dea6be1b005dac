from django.core.mail import send_mail


def order_shipped(user, order):
    send_mail(
        f"Order {order} has shipped",
        "It will be with you by noon.",
        "shop@example.com",
        [user.email],
        fail_silently=True,
    )
