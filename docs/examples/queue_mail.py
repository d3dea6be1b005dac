from django.core.mail import send_mail

send_mail(
    "Reset your password",
    "https://shop.example.com/reset/4711",
    "shop@example.com",
    ["eggs@example.com"],
)
