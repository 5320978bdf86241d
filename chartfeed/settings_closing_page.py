"""What each key about closing days is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["MEANING"]

URL: Final = {
    "url": "The address itself.",
    "url_env": "The environment variable that holds the address.",
    "url_file": "The file that holds the address.",
    "url_command": "A command line whose output is the address; it has 30 s.",
    "ca_file": "Certificates (PEM) to trust in place of the system's.",
}
ACTION: Final = {
    "rows": "A center's rows against the median of the same weekday",
    "nulls": "What a row has to have is there",
    "dates": "Every row is of the day",
    "duplicates": "Rows that are the same in everything",
    "references": "Rows that find an insurer and services",
    "types": "Every column has its type",
    "values": "Statuses, centers, codes and texts are what they may be",
}
MEANING: Final[Mapping[str, str]] = {
    **{
        f"checks.{name}.action": f"{text}. `stop` keeps the day open."
        for name, text in ACTION.items()
    },
    "checks.rows.weeks": "How many weeks back are looked at.",
    "checks.rows.known": "How many of these days have to be known.",
    "checks.rows.low": "Below this share of the usual is too few.",
    "checks.rows.high": "Above this multiple of the usual is too many.",
    "checks.rows.margin": "A difference of no more rows than this never counts.",
    "checks.nulls.texts": "The share of a center's rows that may have an empty text.",
    "checks.nulls.margin": "No more of them than this never count.",
    "checks.duplicates.share": "The share of a center's rows that may be the same as another.",
    "checks.duplicates.margin": "No more of them than this never count.",
    "checks.references.insurers": "The share of a center's rows that has to have an insurer.",
    "checks.references.services": "The share of a center's rows that has to have a service.",
    "checks.references.rows": "A center with fewer rows is not looked at.",
    "checks.values.codes": "What a service code looks like, as a regular expression.",
    "closing.wait": "How long `day close` waits for centers that are not complete.",
    "closing.again": "For how long days are looked at again after they were closed.",
    "notices.when": "`problems`: not where a day is closed without a remark.",
    "notices.attempts": "How often a notice is tried, with growing pauses.",
    "notices.timeout": "How long one attempt may take.",
    "notices.command": "A command line that gets the report (JSON) on its standard input.",
    **{f"notices.webhook.{name}": text for name, text in URL.items()},
    "notices.webhook.token_env": "The environment variable that holds a bearer token.",
    "notices.webhook.token_file": "The file that holds a bearer token.",
    "notices.webhook.token_command": "A command line whose output is a bearer token.",
    **{f"notices.slack.{name}": text for name, text in URL.items()},
    "notices.email.host": "The mail server; no mail where it is not set.",
    "notices.email.port": "Its port for submission.",
    "notices.email.starttls": "TLS before anything else is said; the certificate is checked.",
    "notices.email.ca_file": URL["ca_file"],
    "notices.email.user": "The login; none where the server wants none.",
    "notices.email.sender": "The sender's address.",
    "notices.email.to": "The receivers' addresses.",
}
