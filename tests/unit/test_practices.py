"""What is planned: names, schemas, centers; nothing here touches a server."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import yaml

from deploy.local import practices
from deploy.local.practice import layout, statements, truth
from deploy.local.practices import Request
from schemas.errors import BadInput

SUFFIXED = re.compile(r".+_[A-Z0-9]{2,4}")


def test_the_default_thirty_are_one_clean_and_the_rest_suffixed_and_one_more_is_ambiguous():
    planned = practices.plan(Request())

    families = Counter(practice.family for practice in planned)

    assert families == {"clean": 1, "suffixed": 29, "ambiguous": 1}
    assert [planned[0].family, planned[-1].family] == ["clean", "ambiguous"]
    assert (planned[0].center_id, planned[0].database) == ("center_01", "DentalDB_01")
    assert (planned[0].name, planned[0].city) == ("Zahnarztpraxis München", "München")


def test_named_families_take_turns_and_nothing_comes_on_top():
    planned = practices.plan(Request(count=3, families=("synonyms", "nameless")))

    assert [practice.family for practice in planned] == ["synonyms", "nameless", "synonyms"]


def test_an_unknown_family_is_refused_with_the_known_ones():
    with pytest.raises(BadInput) as caught:
        Request(families=("sufixed",))

    assert "synonyms" in str(caught.value)


def test_a_request_survives_being_written_down(tmp_path):
    request = Request(count=2, families=("clean",), patients=9, seed=7)

    request.save(tmp_path / "request.json")

    assert Request.load(tmp_path / "request.json") == request


def test_every_center_has_a_name_of_its_own():
    names = [practice.name for practice in practices.plan(Request(count=400))]

    assert len(set(names)) == len(names)
    assert any("Zürich" in name for name in names[:31])
    assert any("Wien" in name for name in names[:31])


@pytest.mark.parametrize("family", practices.FAMILIES)
@pytest.mark.parametrize("seed", range(20))
def test_names_never_collide(family, seed):
    (practice,) = practices.plan(Request(count=1, families=(family,), seed=seed, tables=200))

    assert len({table.name.upper() for table in practice.tables}) == 200
    for table in practice.tables:
        assert len({column.name.upper() for column in table.columns}) == len(table.columns)


def test_each_table_and_column_has_its_own_suffix_and_id_and_delkz_keep_their_names():
    (practice,) = practices.plan(Request(count=1, families=("suffixed",)))

    for role in layout.ROLES:
        table = practice.table(role)
        assert table.name.startswith(f"{role}_")
        assert SUFFIXED.fullmatch(table.name)
        assert table.column("ID").name == "ID"
        assert table.column("DELKZ").name == "DELKZ"
        for column in table.columns:
            assert column.name in {"ID", "DELKZ"} or SUFFIXED.fullmatch(column.name)


def test_one_suffix_serves_the_whole_center():
    (practice,) = practices.plan(Request(count=1, families=("one-suffix",)))

    names = {table.name for table in practice.tables}
    names |= {column.name for table in practice.tables for column in table.columns}

    assert len({name.rpartition("_")[2] for name in names - {"ID", "DELKZ"}}) == 1


def test_clean_names_stay_as_the_maker_gave_them():
    (practice,) = practices.plan(Request(count=1, families=("clean",)))

    assert [practice.table(role).name for role in layout.ROLES] == list(layout.ROLES)
    assert practice.table(layout.PATIENT).column("P_NAME").name == "P_NAME"


def test_nameless_says_nothing():
    (practice,) = practices.plan(Request(count=1, families=("nameless",)))

    assert all(re.fullmatch(r"T_[A-Z0-9]{3}", table.name) for table in practice.tables)
    assert all(
        re.fullmatch(r"C\d{1,2}", column.name)
        for table in practice.tables
        for column in table.columns
    )


def test_synonyms_may_turn_the_deletion_flag_around():
    planned = practices.plan(Request(count=40, families=("synonyms",)))

    told = {truth.of(practice).live.get("KARTEI.DELKZ") for practice in planned}

    assert told == {None, ("J",), ("1",)}


def test_an_ambiguous_center_has_a_rival_table_or_a_rival_column():
    table, column = practices.plan(Request(count=2, families=("ambiguous",)))[::-1]

    assert table.rivals == (("KARTEI", "KARTEI_ALT"),)
    ((role, name),) = column.rivals
    assert role == "KARTEI.DATUM"
    assert name in {found.name for found in column.table("KARTEI").columns}
    assert name != column.table("KARTEI").column("DATUM").name


def test_types_vary_as_in_real_installations():
    planned = practices.plan(Request())

    def types(role, canonical):
        return {practice.table(role).column(canonical).type for practice in planned}

    assert types("KARTEI", "DATUM") == {"int", "varchar(8)"}
    assert types("KASSEN", "ART") == {"char(1)", "varchar(10)"}
    assert {"bit", "int"} <= types("KARTEI", "DELKZ")
    assert {"nvarchar(500)", "varchar(max)"} <= types("KARTEI", "BEMERKUNG")


def test_neighbours_and_decoys_fill_a_center_up_to_the_tables_asked_for():
    (practice,) = practices.plan(Request(count=1, families=("clean",), tables=650))

    names = {table.name for table in practice.tables}

    assert len(names) == 650
    assert {"KARTEIABRECHNUNG", "KASSENABSCHLAG", "LEISTUNGVALID", "PATIENTABTEILUNG"} <= names


def test_the_same_request_plans_the_same_and_another_seed_does_not():
    assert practices.plan(Request(count=3)) == practices.plan(Request(count=3))
    assert practices.plan(Request(count=3, seed=2)) != practices.plan(Request(count=3))


def test_centers_are_written_as_one_line_each(tmp_path):
    planned = practices.plan(Request())

    practices.write_centers(tmp_path / "centers.yml", {"127.0.0.1,14330": planned})

    text = (tmp_path / "centers.yml").read_text(encoding="utf-8")
    assert len(text.splitlines()) == 32
    assert yaml.safe_load(text)["centers"][0] == {
        "id": "center_01",
        "name": "Zahnarztpraxis München",
        "city": "München",
        "server": "127.0.0.1,14330",
        "database": "DentalDB_01",
    }


def test_the_truth_comes_back_as_it_was_written(tmp_path):
    planned = practices.plan(Request(count=6, families=practices.FAMILIES))

    truth.write(tmp_path / "truth.json", planned)

    assert truth.read(tmp_path / "truth.json") == {
        practice.center_id: truth.of(practice) for practice in planned
    }


def test_a_bracket_in_a_name_is_doubled():
    assert statements.quoted("A]B") == "[A]]B]"
    assert statements.literal("O'Hara") == "N'O''Hara'"
