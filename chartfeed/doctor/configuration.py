"""The configuration as a bug report may hold it: by a list of what may be shown.

A key that is not on the list is told by whether it is set. Addresses, logins, paths, names of
practices and cities are not on it: they say where somebody's patients are.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from chartfeed.settings import Output, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chartfeed.settings import Center

__all__ = ["SET", "shown"]

SET: Final = "set"
# Options of librdkafka whose values are numbers, switches or words of a short list.
OPTIONS: Final = frozenset(
    {
        "acks",
        "client.dns.lookup",
        "compression.codec",
        "compression.type",
        "connections.max.idle.ms",
        "enable.ssl.certificate.verification",
        "fetch.max.bytes",
        "fetch.wait.max.ms",
        "linger.ms",
        "max.in.flight",
        "message.max.bytes",
        "metadata.max.age.ms",
        "queue.buffering.max.kbytes",
        "reconnect.backoff.max.ms",
        "reconnect.backoff.ms",
        "request.timeout.ms",
        "sasl.mechanism",
        "sasl.mechanisms",
        "security.protocol",
        "session.timeout.ms",
        "socket.connection.setup.timeout.ms",
        "socket.keepalive.enable",
        "socket.timeout.ms",
        "ssl.endpoint.identification.algorithm",
    }
)
WORDS: Final = frozenset(
    {
        "all",
        "false",
        "gssapi",
        "gzip",
        "https",
        "lz4",
        "none",
        "oauthbearer",
        "plain",
        "plaintext",
        "resolve_canonical_bootstrap_servers_only",
        "sasl_plaintext",
        "sasl_ssl",
        "scram-sha-256",
        "scram-sha-512",
        "snappy",
        "ssl",
        "true",
        "use_all_dns_ips",
        "zstd",
    }
)


def shown(settings: Settings) -> dict[str, Any]:
    """Give what of the settings is on the list, and of the rest whether it is set."""
    kafka, registry, server = settings.kafka.given, settings.registry.given, settings.sqlserver
    return {
        "kafka": {
            "brokers": len(kafka.bootstrap.split(",")),
            "options": _options(kafka.options),
            "login": _login(kafka),
            "topics": {
                "partitions": kafka.topics.partitions,
                "replication": kafka.topics.replication,
                "min_compaction_lag": _seconds(kafka.topics.min_compaction_lag),
                "delete_retention": _seconds(kafka.topics.delete_retention),
            },
        },
        "registry": {
            "scheme": _scheme(registry.url),
            "login": _login(registry),
            "token": _way(registry, "token"),
            "ca_file": _set(registry.ca_file),
        },
        "sqlserver": {
            "driver": _set(server.driver),
            "login": _login(server),
            "encrypt": server.encrypt,
            "trust_server_certificate": server.trust_server_certificate,
        },
        "producers": {
            "poll_interval": _seconds(settings.producers.poll_interval),
            "resync_guard": settings.producers.resync_guard,
            "metrics_port": settings.producers.metrics_port,
        },
        "traces": {
            "endpoint": _set(settings.traces.endpoint),
            "ratio": settings.traces.ratio,
        },
        "stream": {"flush_interval": _seconds(settings.stream.flush_interval)},
        "output": _output(settings.output),
        "insurance_status": {
            "values": len(settings.insurance_status),
            "statuses": sorted(set(settings.insurance_status.values())),
        },
        "centers": [_center(center) for center in settings.centers],
    }


def _center(center: Center) -> dict[str, Any]:
    return {
        "id": center.id,
        "enabled": center.enabled,
        "timezone": center.timezone,
        "own_login": _login(center),
        "own_driver": _set(center.driver),
    }


def _options(options: Mapping[str, object]) -> dict[str, Any]:
    """Give the options on the list; the others are counted, for a name may be a mistake too."""
    found = {name: _value(value) for name, value in options.items() if name in OPTIONS}
    return dict(sorted(found.items())) | {"others": len(options) - len(found)}


def _value(value: object) -> object:
    if isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if text.lower() in WORDS or (text.isdigit() and len(text) < 8) else SET


def _login(given: object) -> str | None:
    """Say by which way a password comes, or that there is a user alone."""
    return _way(given, "password") or _set(getattr(given, "user", None))


def _way(given: object, what: str) -> str | None:
    for way in ("env", "file", "command"):
        if getattr(given, f"{what}_{way}") is not None:
            return f"{what} by {way}"
    return None


def _set(value: object) -> str | None:
    return None if value is None else SET


def _scheme(url: str) -> str:
    found = urlsplit(url).scheme.lower()
    return found if found in {"http", "https"} else SET


def _output(output: Output) -> dict[str, Any]:
    return {
        "place": "an object store or another URL" if "://" in output.path else "a folder",
        "formats": list(output.formats),
        "folders": output.folders,
    }


def _seconds(span: timedelta) -> float:
    return span.total_seconds()
