"""An SMTP backend for Django's mail settings that spares two of four round trips a message.

For a project's other mail: the email target uses PIPELINING over Django's own backend, too. Without
the server's extension, the backend speaks as Django's backend does.
"""

from django.core.mail.backends import smtp

from ..notification_handlers.pipelining import PipeliningSMTP, PipeliningSMTPOverTLS

__all__ = ["EmailBackend", "PipeliningSMTP", "PipeliningSMTPOverTLS"]


class EmailBackend(smtp.EmailBackend):
    """Django's SMTP backend, with the same options, over connections that use PIPELINING."""

    @property
    def connection_class(self) -> type[PipeliningSMTP]:
        """The class of the connections that Django opens."""
        return PipeliningSMTPOverTLS if self.use_ssl else PipeliningSMTP
