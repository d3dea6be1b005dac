"""Browsers that subscribe to push messages: an app, its views, its scripts and its button.

``apps`` makes the target's row after ``migrate``. ``urls`` has the service worker and the view that
takes subscriptions, ``templatetags/webpush.py`` the button. The handler itself, in
``notification_handlers/webpush``, works without this app.
"""
