"""librdkafka's options on security, as Faust and aiokafka want them told."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Final

from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import SASLMechanism

from schemas.errors import BadInput

__all__ = ["of"]

MECHANISMS: Final = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}


def of(options: Mapping[str, str | int | float | bool]) -> Any:
    """Give the credentials that librdkafka's options mean, None for a plain connection."""
    protocol = str(options.get("security.protocol", "plaintext")).upper()
    if protocol == "PLAINTEXT":
        return None
    if protocol not in {"SSL", "SASL_PLAINTEXT", "SASL_SSL"}:
        raise BadInput(
            f"kafka.options: security.protocol {protocol} is not known",
            hint="one of plaintext, ssl, sasl_plaintext, sasl_ssl",
        )
    context = _context(options) if protocol.endswith("SSL") else None
    if protocol == "SSL":
        return SSLCredentials(context)
    mechanism = str(options.get("sasl.mechanism", options.get("sasl.mechanisms", ""))).upper()
    if mechanism not in MECHANISMS:
        raise BadInput(
            f"kafka.options: the stream can't log in with sasl.mechanism {mechanism or 'missing'}",
            hint=f"one of {', '.join(sorted(MECHANISMS))}",
        )
    return SASLCredentials(
        username=str(options.get("sasl.username", "")),
        password=str(options.get("sasl.password", "")),
        ssl_context=context,
        mechanism=SASLMechanism(mechanism),
    )


def _context(options: Mapping[str, str | int | float | bool]) -> ssl.SSLContext:
    def path(name: str) -> str | None:
        found = options.get(name)
        return None if found is None else str(found)

    try:
        context = ssl.create_default_context(cafile=path("ssl.ca.location"))
        certificate = path("ssl.certificate.location")
        if certificate is not None:
            context.load_cert_chain(certificate, path("ssl.key.location"), path("ssl.key.password"))
    except OSError as error:
        raise BadInput(
            f"kafka.options: the certificates can't be read: {error.strerror}",
            hint="look at ssl.ca.location, ssl.certificate.location and ssl.key.location",
        ) from error
    algorithm = options.get("ssl.endpoint.identification.algorithm", "https")
    context.check_hostname = str(algorithm) != "none"
    return context
