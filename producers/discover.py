"""Discovery of one center, start to end: from its catalog to a proposed mapping."""

from __future__ import annotations

from collections.abc import Mapping as Dict

import pyodbc

from producers import survey
from producers.discovery import proposal, sampling
from producers.discovery.question import Question, nothing_learned
from producers.discovery.shape import Learned
from producers.mapping import Mapping

__all__ = ["propose"]

SAMPLE = 500


def propose(
    connection: pyodbc.Connection,
    *,
    center: str,
    database: str,
    learned: Learned = nothing_learned,
    chosen: Dict[str, str] | None = None,
) -> Mapping:
    """Give the mapping that a center's schema and samples of its values suggest.

    `chosen` holds what a person decided (schema, TABLE, TABLE.COLUMN); the rest follows it.
    """
    catalog = survey.read_catalog(connection, center)
    question = Question(catalog, learned, chosen or {})
    sampled = sampling.tables_to_sample(question)
    profiles = survey.read_profiles(connection, center, sampled, SAMPLE)
    links = sampling.links_to_test(question, profiles)
    found = survey.read_links(connection, center, catalog, links, SAMPLE)
    return proposal.propose(question, profiles, found, center=center, database=database)
