"""The services that the faults happen to: a broker and a registry of their own."""

from tests.integration.conftest import chartfeed, services, stack

__all__ = ["chartfeed", "services", "stack"]
