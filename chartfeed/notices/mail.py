"""Notices by mail: submitted with STARTTLS, and never in the clear where that was asked for."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import orjson

from chartfeed.notices.sending import Notice, Undelivered
from chartfeed.password import Secret

__all__ = ["Mail"]


@dataclass(frozen=True, slots=True)
class Mail:
    """Sends the readable report, with the JSON attached."""

    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    user: str | None = None
    password: Callable[[], Secret] | None = None
    starttls: bool = True
    ca_file: str | None = None
    name: str = "email"

    def send(self, notice: Notice, timeout: float) -> None:
        message = _message(self, notice)
        password = self.password() if self.password is not None else None
        try:
            with smtplib.SMTP(self.host, self.port, timeout=timeout) as server:
                if self.starttls:
                    server.starttls(context=ssl.create_default_context(cafile=self.ca_file))
                if self.user is not None and password is not None:
                    server.login(self.user, password.reveal())
                refused = server.send_message(message)
        # What the server says is not quoted: it may repeat what it was told.
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            passing = all(400 <= code < 500 for code in codes)
            raise Undelivered(f"all receivers refused: {codes}", passing=passing) from None
        except smtplib.SMTPResponseException as error:
            passing = 400 <= error.smtp_code < 500
            raise Undelivered(
                f"{type(error).__name__}, SMTP {error.smtp_code}", passing=passing
            ) from None
        except smtplib.SMTPNotSupportedError:
            raise Undelivered(
                "the server offers no STARTTLS, or no login; nothing was sent", passing=False
            ) from None
        except ssl.SSLError as error:
            raise Undelivered(f"TLS: {error.reason}", passing=False) from None
        except (smtplib.SMTPException, OSError) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise Undelivered(f"can't be reached: {why}", passing=True) from None
        if refused:
            raise Undelivered(f"{len(refused)} of the receivers were refused", passing=False)


def _message(mail: Mail, notice: Notice) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = f"chartfeed: {notice.headline}"
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.to)
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = make_msgid(idstring=notice.identity[:16], domain="chartfeed.invalid")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(notice.text)
    message.add_attachment(
        orjson.dumps(notice.said, option=orjson.OPT_INDENT_2),
        maintype="application",
        subtype="json",
        filename=f"close_{notice.day}.json",
    )
    return message
