"""Every key of the configuration is explained, with the default and the unit that hold."""

from pathlib import Path

from chartfeed import configuration_page, settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def all_keys():
    return [*configuration_page.keys(settings._File), *configuration_page.keys(settings.Center)]


def test_every_key_says_what_it_is_for():
    assert [] == [key.name for key in all_keys() if not key.meaning]


def test_nothing_is_explained_that_is_no_key():
    assert set() == set(configuration_page.MEANING) - {key.name for key in all_keys()}


def test_the_page_is_as_the_settings_are():
    expected = configuration_page.page()

    assert expected == PAGE.read_text("utf-8"), "python -m chartfeed.configuration_page > docs/…"


def test_defaults_and_limits_are_shown_as_they_would_be_written():
    known = {key.name: (key.kind, key.default) for key in all_keys()}

    assert ("duration from 50ms to 1h", "`500ms`") == known["producers.poll_interval"]
    assert ("number from 0 to 1", "`0.2`") == known["producers.resync_guard"]
    assert ("text", "has to be given") == known["database"]
    assert "`[csv, json]`" == known["output.formats"][1]
