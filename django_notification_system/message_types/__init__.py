"""Types: small classes that declare a kind of message.

``declaration``
    The class, its options and its parameters.
``parameters``, ``kinds``, ``containers``, ``instances``
    A parameter's value in JSON, and the value again: by the parameter's annotation.
``registry``
    The known types by their keys; projects register types at start.
``stored``
    A type with its parameters in a notification's ``extra``.
``texts``
    The title and the bodies, rendered by templates.

Projects import ``django_notification_system.types``.
"""
