from django_notification_system import cancel

cancelled = cancel("booking-17-reminder")
print(f"{cancelled.changed} cancelled, {cancelled.on_their_way} on their way already")
