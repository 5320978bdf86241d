"""Whatever a mapping file or a configuration says: a value, or an error that says what to do."""

import json
import string
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chartfeed import settings as configuration
from producers import mapping_file
from schemas.errors import ChartfeedError

GOLDEN = Path(__file__).parents[1] / "golden" / "mappings" / "approved.yml"
CONFIGURATION: dict[str, Any] = {
    "kafka": {"bootstrap": "127.0.0.1:9092", "options": {}, "topics": {"partitions": 12}},
    "registry": {"url": "http://127.0.0.1:8081/apis/ccompat/v7"},
    "sqlserver": {"user": "chartfeed", "password_env": "NONE", "encrypt": True},
    "centers": "centers.yml",
    "mappings": "mappings/",
    "producers": {"poll_interval": "500ms", "resync_guard": 0.2},
    "stream": {"state": "state/", "flush_interval": "1s"},
    "output": {"path": "output/", "formats": ["csv", "json"]},
    "insurance_status": {"P": "PKV", "1": "GKV"},
}
CENTERS: dict[str, Any] = {
    "centers": [{"id": "c", "name": "C", "server": "127.0.0.1,1", "database": "D"}]
}
SYNTAX = st.sampled_from(
    [
        *" \n\t:-#&*!|>'\"%@`{}[],?",
        "---",
        "...",
        "<<: ",
        "!!python/object:os.system",
        "\0",
        "\ufeff",
    ]
)
LEAF = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["1s", "-1s", "99999999999d", "2022-01-18", "../..", "GKV", "Europe/Berlin"])
)
DATA = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
EASY = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """Give a text with a few places cut out, doubled, or written over."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        end = min(len(text), at + draw(st.integers(0, 30)))
        piece = draw(SYNTAX | st.text(string.printable, max_size=6) | st.just(text[at:end] * 2))
        text = text[:at] + piece + text[end:]
    return text


@st.composite
def changed(draw: st.DrawFn, data: Any) -> Any:
    """Give data in which one value, anywhere, is another, or one key has another name."""
    if isinstance(data, dict) and data and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(data)))
        if not draw(st.integers(0, 5)):
            return {**data, draw(st.text(max_size=8)): draw(DATA)}
        return {**data, key: draw(changed(data[key]))}
    if isinstance(data, list) and data and draw(st.integers(0, 3)):
        at = draw(st.integers(0, len(data) - 1))
        return [*data[:at], draw(changed(data[at])), *data[at + 1 :]]
    return draw(DATA)


def refuses_or_takes(read: Any) -> None:
    """Assert that it gives something, or an error of ours for bad input, with a next step."""
    refused: ChartfeedError | None = None
    try:
        read()
    except ChartfeedError as error:
        refused = error
    assert refused is None or (refused.exit_code == 2 and refused.hint)


@EASY
@given(damaged(GOLDEN.read_text("utf-8")))
def test_a_damaged_mapping_file_is_refused_in_words(text: str) -> None:
    refuses_or_takes(lambda: mapping_file.parse(text, name="c.yml"))


@EASY
@given(changed(yaml.safe_load(GOLDEN.read_text("utf-8"))))
def test_a_mapping_with_another_value_anywhere_is_refused_or_taken(data: Any) -> None:
    text = yaml.safe_dump(data, allow_unicode=True)
    refuses_or_takes(lambda: mapping_file.parse(text, name="c.yml"))


@EASY
@given(st.binary(max_size=200))
def test_a_mapping_file_of_any_bytes_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.yml"
    path.write_bytes(content)
    refuses_or_takes(lambda: mapping_file.load(path))


def loaded(folder: Path, content: bytes, centers: bytes) -> Any:
    (folder / "chartfeed.yml").write_bytes(content)
    (folder / "centers.yml").write_bytes(centers)
    return lambda: configuration.load(folder / "chartfeed.yml", {})


@EASY
@given(damaged(yaml.safe_dump(CONFIGURATION)), damaged(yaml.safe_dump(CENTERS)))
def test_a_damaged_configuration_is_refused_in_words(
    tmp_path: Path, text: str, centers: str
) -> None:
    encoded = text.encode("utf-8", "surrogatepass"), centers.encode("utf-8", "surrogatepass")
    refuses_or_takes(loaded(tmp_path, *encoded))


@EASY
@given(changed(CONFIGURATION), changed(CENTERS))
def test_a_configuration_with_another_value_anywhere_is_refused_or_taken(
    tmp_path: Path, data: Any, centers: Any
) -> None:
    texts = [yaml.safe_dump(each, allow_unicode=True).encode() for each in (data, centers)]
    refuses_or_takes(loaded(tmp_path, *texts))


@EASY
@given(st.binary(max_size=200))
def test_a_configuration_of_any_bytes_is_refused(tmp_path: Path, content: bytes) -> None:
    refuses_or_takes(loaded(tmp_path, content, json.dumps(CENTERS).encode()))
