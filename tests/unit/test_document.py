from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

from schemas import document
from schemas.errors import BadInput


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class Leaf:
    name: str
    size: int = 0


@dataclass(frozen=True)
class Tree:
    leaves: dict[str, Leaf]


def test_texts_become_typed_values():
    tree = document.parse("leaves: {a: {name: x, size: 2}}", Tree, name="t.yml")

    assert Tree({"a": Leaf("x", 2)}) == tree


def test_a_date_stays_the_text_that_it_is():
    tree = document.parse("leaves: {a: {name: 2022-01-18}}", Tree, name="t.yml")

    assert "2022-01-18" == tree.leaves["a"].name


def test_an_error_deep_inside_names_its_own_line():
    text = "leaves:\n  a:\n    name: x\n    sise: 3\n"

    with pytest.raises(BadInput, match=r"t.yml:4: unknown key 'sise'; did you mean 'size'"):
        document.parse(text, Tree, name="t.yml")


@given(st.text(max_size=200))
def test_whatever_the_text_there_is_a_value_or_an_error_with_the_files_name(text):
    try:
        document.parse(text, Tree, name="t.yml")
    except BadInput as error:
        assert "t.yml" in error.message  # noqa: PT017 - most texts raise, some do not


def test_the_same_characters_mean_what_their_place_says():
    text = "leaves: {a: {name: '2', size: 2}, b: {name: \"2\", size: 2}, c: {name: x, size: 0x2}}"

    leaves = document.parse(text, Tree, name="t.yml").leaves

    assert {"a": Leaf("2", 2), "b": Leaf("2", 2), "c": Leaf("x", 2)} == leaves


def test_a_text_that_refers_to_itself_is_refused():
    with pytest.raises(BadInput, match=r"t\.yml:1"):
        document.parse("leaves: &a {x: *a}", Tree, name="t.yml")


def test_keys_are_taken_over_from_elsewhere_and_ones_own_win():
    text = "leaves: {a: &a {name: x, size: 2}, b: {<<: *a, name: y}}"

    assert Leaf("y", 2) == document.parse(text, Tree, name="t.yml").leaves["b"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("leaves: {a: {name: x, name: y}}", "name is given twice"),
        ("leaves: {1: {name: x}}", "a key that is no text"),
        ("leaves: {[a]: {name: x}}", "a key that is no text"),
        ("leaves: {a: {<<: b}}", "<< needs keys"),
    ],
)
def test_a_key_that_can_not_be_meant_is_refused(text, problem):
    with pytest.raises(BadInput, match=rf"t\.yml:1: {problem}"):
        document.parse(text, Tree, name="t.yml")
