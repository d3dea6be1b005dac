from django.utils.translation import gettext_lazy as _

from django_notification_system.categories import Category, register

NEWS = register(
    Category("news", label=_("Newsletter"), description=_("Once a month."), targets=("email",))
)
ORDERS = register(Category("orders", label=_("Your orders"), opt_in=("twilio_sms",)))
SECURITY = register(Category("security", label=_("Security"), mandatory=True))
