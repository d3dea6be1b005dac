"""Certificates made while a test runs."""

import ssl
import subprocess
from pathlib import Path

import pytest


def server_context(folder: Path, host: str = "localhost") -> tuple[ssl.SSLContext, str]:
    """Make a self-signed certificate.

    Args:
        folder: The folder for key and certificate.
        host: The certificate's host name.

    Returns:
        A server's TLS context, and the path of the certificate for trusting clients.
    """
    key, certificate = str(folder / "key.pem"), str(folder / "certificate.pem")
    # A key of RSA takes twenty times as long to find.
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2"]
    command += ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
    command += ["-keyout", key, "-out", certificate]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("There is no openssl to make a certificate with.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate
