"""The webhooks of django-anymail, with the URLs from the documentation."""

from tests.support.documentation import run_example

urlpatterns = run_example("anymail_urls.py")["urlpatterns"]
