"""The webhooks of django-anymail, as the documentation has a project serve them."""

from tests.support.documentation import run_example

urlpatterns = run_example("anymail_urls.py")["urlpatterns"]
