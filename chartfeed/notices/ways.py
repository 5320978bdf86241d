"""The ways of telling that a configuration has; secrets are looked for when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chartfeed import password
from chartfeed.notices.hook import Hook
from chartfeed.notices.mail import Mail
from chartfeed.notices.posts import Slack, Webhook
from chartfeed.password import Secret
from schemas.errors import BadInput

if TYPE_CHECKING:
    from chartfeed.notices.sending import Way
    from chartfeed.settings import Settings

__all__ = ["ways"]


@dataclass(frozen=True, slots=True)
class _Given:
    password_env: str | None
    password_file: str | None
    password_command: str | None

    @property
    def is_given(self) -> bool:
        return any((self.password_env, self.password_file, self.password_command))


class _Address(Protocol):
    @property
    def url(self) -> str | None: ...
    @property
    def url_env(self) -> str | None: ...
    @property
    def url_file(self) -> str | None: ...
    @property
    def url_command(self) -> str | None: ...


def ways(settings: Settings) -> tuple[Way, ...]:
    """Give whom to tell, or say what of the configuration can't be; nothing is asked yet."""
    notices = settings.notices
    found: list[Way] = []
    address = _address(settings, "notices.webhook", notices.webhook)
    given = notices.webhook
    token = _Given(given.token_env, given.token_file, given.token_command)
    if address is not None:
        found.append(
            Webhook(
                address,
                _finder(settings, "notices.webhook", token) if token.is_given else None,
                _beside(settings, given.ca_file),
            )
        )
    address = _address(settings, "notices.slack", notices.slack)
    if address is not None:
        found.append(Slack(address, _beside(settings, notices.slack.ca_file)))
    if notices.email.host is not None:
        found.append(_mail(settings, notices.email.host))
    if notices.command is not None:
        found.append(Hook(notices.command, settings.path.parent, settings.environment))
    return tuple(found)


def _mail(settings: Settings, host: str) -> Mail:
    email = settings.notices.email
    if not email.sender or not email.to:
        raise BadInput(
            "notices.email has a host, and no sender or nobody to send to",
            hint="set notices.email.sender and notices.email.to",
        )
    login = _Given(email.password_env, email.password_file, email.password_command)
    if bool(email.user) != login.is_given:
        raise BadInput(
            "notices.email: a user goes with a password and a password with a user",
            hint="set notices.email.user, and password_env, password_file or password_command",
        )
    return Mail(
        host=host,
        port=email.port,
        sender=email.sender,
        to=email.to,
        user=email.user,
        password=_finder(settings, "notices.email", login) if email.user else None,
        starttls=email.starttls,
        ca_file=_beside(settings, email.ca_file),
    )


def _address(settings: Settings, section: str, given: _Address) -> Callable[[], Secret] | None:
    elsewhere = _Given(given.url_env, given.url_file, given.url_command)
    if given.url is not None and elsewhere.is_given:
        raise BadInput(f"{section} has two addresses", hint="keep one")
    if given.url is not None:
        address = Secret(given.url)
        return lambda: address
    return _finder(settings, section, elsewhere) if elsewhere.is_given else None


def _finder(settings: Settings, section: str, given: _Given) -> Callable[[], Secret]:
    # No partial: its repr would show the environment.
    return lambda: password.find(
        given, section, settings.path.parent, settings.environment, section=section
    )


def _beside(settings: Settings, file: str | None) -> str | None:
    return None if file is None else str(settings.path.parent / file)
