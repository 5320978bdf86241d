"""Kafka and the registry as jars: brought by Maven, checked by hash, run by a wheel's Java."""

from deploy.local.java.artifacts import Artifacts, fetch, java

__all__ = ["Artifacts", "fetch", "java"]
