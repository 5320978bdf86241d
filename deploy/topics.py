"""The topics' owner: creates what is declared in schemas, and says where a cluster differs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    ClusterMetadata,
    ConfigResource,
    ConfigSource,
    NewTopic,
    ResourceType,
)

from schemas import broker, topics
from schemas.errors import BadInput, Failed, Outside
from schemas.topics import Layout, Topic

__all__ = ["Cluster", "Difference"]

_PATIENCE = 10.0
_AGAIN = 0.05


@dataclass(frozen=True, slots=True)
class Difference:
    topic: str
    what: str
    due: str
    found: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.what} is {self.found}, due is {self.due}"


class Cluster:
    """A Kafka cluster as its administrator sees it."""

    def __init__(self, options: Mapping[str, str | int | float | bool], layout: Layout) -> None:
        quiet = {"log_level": 0, "socket.connection.setup.timeout.ms": 5000}
        self._admin = AdminClient(quiet | dict(options))
        self._options = options
        self._layout = layout

    def create(self) -> list[str]:
        """Create the topics that are missing and return their names; others stay as they are.

        Returns when the brokers know all of them: they take topics up one after the other.
        """
        present = self._partitions()
        for topic in topics.ALL:
            found, _ = present.get(topic.name, (self._layout.partitions, 0))
            if found != self._layout.partitions:
                raise BadInput(
                    f"{topic.name} has {found} partitions, the configuration says "
                    f"{self._layout.partitions}; nothing was created",
                    hint=f"set kafka.topics.partitions to {found}: it decides where events are "
                    "and can't be changed later",
                    topic=topic.name,
                )
        missing = [topic for topic in topics.ALL if topic.name not in present]
        asked = [
            NewTopic(
                topic.name,
                num_partitions=self._layout.partitions,
                replication_factor=self._layout.replication,
                config=dict(topic.configuration(self._layout)),
            )
            for topic in missing
        ]
        created = []
        answers = self._admin.create_topics(asked, operation_timeout=_PATIENCE) if asked else {}
        for name, answer in answers.items():
            try:
                answer.result()
            except KafkaException as error:
                if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                    continue  # Somebody was quicker; what they made is verified like the rest.
                raise Failed(
                    f"the topic {name} could not be created: {error.args[0].str()}",
                    hint="look at kafka.topics in the configuration and at the rights to create",
                    topic=name,
                ) from error
            created.append(name)
        if missing:
            self._await({topic.name for topic in missing})
        return created

    def verify(self) -> list[Difference]:
        """Return in what the cluster differs from what is declared."""
        present = self._partitions()
        differences = [
            Difference(topic.name, "the topic", "there", "missing")
            for topic in topics.ALL
            if topic.name not in present
        ]
        kept = [topic for topic in topics.ALL if topic.name in present]
        for topic in kept:
            partitions, replication = present[topic.name]
            for what, due, found in (
                ("partitions", self._layout.partitions, partitions),
                ("replication", self._layout.replication, replication),
            ):
                if due != found:
                    differences.append(Difference(topic.name, what, str(due), str(found)))
        return differences + self._settings_that_differ(kept)

    def _await(self, names: set[str]) -> None:
        """Return when topics are in the brokers' metadata, each partition with a leader."""
        deadline = time.monotonic() + _PATIENCE
        while not self._led() >= names:
            if time.monotonic() > deadline:
                return  # What is not there by now, `verify` will say.
            time.sleep(_AGAIN)

    def _led(self) -> set[str]:
        """Return the topics of which every partition has a leader."""
        return {
            name
            for name, found in self._metadata().topics.items()
            if found.partitions and all(part.leader >= 0 for part in found.partitions.values())
        }

    def _settings_that_differ(self, kept: list[Topic]) -> list[Difference]:
        differences = []
        resources = {ConfigResource(ResourceType.TOPIC, topic.name): topic for topic in kept}
        answers = self._admin.describe_configs(list(resources)) if resources else {}
        for resource, answer in answers.items():
            topic = resources[resource]
            try:
                found = answer.result(_PATIENCE)
            except KafkaException as error:
                raise self._unreachable(error) from error
            due = topic.configuration(self._layout)
            differences += [
                Difference(topic.name, key, value, _shown(found.get(key)))
                for key, value in due.items()
                if key not in found or found[key].value != value
            ]
        return differences

    def _partitions(self) -> dict[str, tuple[int, int]]:
        """Return per topic its number of partitions and the fewest replicas of one."""
        return {
            name: (
                len(found.partitions),
                min((len(p.replicas) for p in found.partitions.values()), default=0),
            )
            for name, found in self._metadata().topics.items()
        }

    def _metadata(self) -> ClusterMetadata:
        try:
            return self._admin.list_topics(timeout=_PATIENCE)
        except KafkaException as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: KafkaException) -> Outside:
        return broker.failure(Outside, self._options, error)


def _shown(entry: object) -> str:
    value = getattr(entry, "value", None)
    if getattr(entry, "source", None) == ConfigSource.DEFAULT_CONFIG.value:
        return f"{value} (the cluster's default)"
    return str(value)
