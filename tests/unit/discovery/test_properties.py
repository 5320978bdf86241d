"""What holds for discovery whatever a schema is called and however it is ordered."""

import random
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producers import canonical, quoting
from producers.catalog import Catalog
from producers.discovery import vocabulary
from tests.unit.discovery.in_memory import Center, confidences, names
from tests.unit.discovery.schemas import MADE, Plan, center, five

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
suffixes = st.text(LETTERS, min_size=2, max_size=4)
seeds = st.integers(0, 10_000)
identifiers = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00"),
    min_size=1,
    max_size=128,
).filter(lambda text: len(text.encode("utf-16-le")) <= 256)
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def suffixed(seed: int) -> dict[str, str]:
    """Give every table and column its own suffix; ID and DELKZ keep their names."""
    luck = random.Random(seed)

    def one() -> str:
        return "".join(luck.choices(LETTERS, k=luck.randint(2, 4)))

    renamed = {role: f"{role}_{one()}" for role in canonical.TABLES}
    for role, key in canonical.columns():
        renamed[f"{role}.{key}"] = key if key in {"ID", "DELKZ"} else f"{key}_{one()}"
    return renamed


def shuffled(made: Center, luck: random.Random) -> Center:
    tables = []
    rows = {}
    for table in made.catalog.tables:
        order = list(range(len(table.columns)))
        luck.shuffle(order)
        tables.append(replace(table, columns=tuple(table.columns[at] for at in order)))
        rows[table.schema, table.name] = [
            tuple(row[at] for at in order) for row in made.rows[table.schema, table.name]
        ]
    luck.shuffle(tables)
    return Center(Catalog(tuple(tables)), rows)


@few
@given(seeds)
def test_every_suffixed_name_is_found_and_sure(seed: int) -> None:
    renamed = suffixed(seed)
    mapping = center(five(renamed), seed).propose()
    assert {point: names(mapping)[point] for point in renamed} == renamed
    assert min(confidences(mapping).values()) >= 0.9


@few
@given(seeds, st.sampled_from(["suffixed", "nameless"]))
def test_the_order_of_tables_and_columns_changes_nothing(seed: int, family: str) -> None:
    renamed = suffixed(seed) if family == "suffixed" else nameless(seed)
    made = center(five(renamed), seed)
    assert shuffled(made, random.Random(seed)).propose() == made.propose()


def nameless(seed: int) -> dict[str, str]:
    luck = random.Random(seed)
    numbers = luck.sample(range(10, 99), len(canonical.columns()))
    renamed = {role: f"T_{at}K{luck.randint(0, 9)}" for at, role in enumerate(canonical.TABLES)}
    return renamed | {
        f"{role}.{key}": f"C{number}"
        for (role, key), number in zip(canonical.columns(), numbers, strict=True)
    }


def mixed(seed: int) -> dict[str, str]:
    """Name every table and column in a way of its own: plain, suffixed, another word, nothing."""
    luck = random.Random(seed)

    def one(plain: str, words: frozenset[str]) -> str:
        suffix = "".join(luck.choices(LETTERS, k=luck.randint(2, 4)))
        ways = [plain, f"{plain}_{suffix}", f"Q{luck.randint(100, 999)}"]
        way = luck.choice([*ways, *sorted(words)[:5], f"{luck.choice(sorted(words))}_{suffix}"])
        while way.casefold() in used:
            way = f"Q{luck.randint(100, 9999)}"
        used.add(way.casefold())
        return way

    used: set[str] = set()
    renamed = {role: one(role, vocabulary.TABLES[role][0]) for role in canonical.TABLES}
    for role, keys in canonical.TABLES.items():
        used = set()
        for key in keys:
            renamed[f"{role}.{key}"] = one(key, vocabulary.COLUMNS[role, key][0])
    return renamed


@settings(few, max_examples=150)
@given(seeds)
def test_whatever_way_names_are_made_a_sure_name_is_right(seed: int) -> None:
    renamed = mixed(seed)
    mapping = center(five(renamed), seed).propose()
    said, sure = names(mapping), confidences(mapping)
    wrong = {p: said[p] for p in renamed if said[p] != renamed[p] and sure[p] >= 0.9}
    assert wrong == {}


@few
@given(seeds)
def test_names_that_say_nothing_never_give_a_sure_name(seed: int) -> None:
    mapping = center(five(nameless(seed)), seed).propose()
    assert max(confidences(mapping).values()) < 0.9


@few
@given(seeds, st.sampled_from(list(canonical.TABLES)), suffixes)
def test_of_two_tables_that_could_be_it_none_is_chosen(seed: int, role: str, suffix: str) -> None:
    renamed = suffixed(seed)
    plans = five(renamed)
    original = next(plan for plan in plans if plan.name == renamed[role])
    twin = replace(original, name=f"{role}_{suffix}")
    if twin.name == original.name:
        return
    mapping = center([*plans, twin], seed).propose()
    assert mapping.tables[role].name is None
    assert {rival.name for rival in mapping.tables[role].rivals} == {original.name, twin.name}


@few
@given(
    seeds,
    st.sampled_from([key for key in canonical.columns() if key[1] not in {"ID", "DELKZ"}]),
    suffixes,
)
def test_of_two_columns_that_could_be_it_none_is_chosen(
    seed: int, point: tuple[str, str], suffix: str
) -> None:
    role, key = point
    renamed = suffixed(seed)
    twin = f"{key}_{suffix}"
    if twin == renamed[f"{role}.{key}"]:
        return
    plans = [
        _with_twin(plan, key, twin) if plan.name == renamed[role] else plan
        for plan in five(renamed)
    ]
    mapping = center(plans, seed).propose()
    column = mapping.tables[role].columns[key]
    assert column.name is None
    assert {rival.name for rival in column.rivals} == {renamed[f"{role}.{key}"], twin}


def _with_twin(plan: Plan, key: str, twin: str) -> Plan:
    declared = next(type_ for _, type_, made in plan.columns if made == MADE[key])
    return replace(plan, columns=(*plan.columns, (twin, declared, MADE[key])))


@few
@given(seeds, st.lists(identifiers, min_size=1, max_size=6, unique_by=str.casefold))
def test_odd_identifiers_are_data_and_are_never_chosen_over_a_clean_name(
    seed: int, odd: list[str]
) -> None:
    plans = five()
    taken = {plan.name.casefold() for plan in plans}
    strange = [
        Plan(
            name,
            (
                (odd[0] if odd[0].casefold() != "id" else "x", "int", "number"),
                ("ID", "int", "number"),
            ),
            5,
            ("ID",),
        )
        for name in odd
        if name.casefold() not in taken
    ]
    mapping = center([*plans, *strange], seed).propose()
    assert all(names(mapping)[role] == role for role in canonical.TABLES)


@given(identifiers)
def test_a_quoted_identifier_reads_back_as_itself(name: str) -> None:
    quoted = quoting.name(name)
    assert quoted[0] == "["
    assert quoted[-1] == "]"
    assert quoted[1:-1].replace("]]", "\x00").count("]") == 0
    assert quoted[1:-1].replace("]]", "]") == name
