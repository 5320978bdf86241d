"""What the documents print exists: commands with their options, targets, files and links."""

import re

import click
import pytest

from chartfeed.cli import cli
from tests.documents import DOCUMENTS, ROOT, anchors, commands, links, mentioned, paths

PLACEHOLDERS = {
    "CENTER": "center_07",
    "DATE": "2022-01-18",
    "DAY": "2022-01-18",
    "FILE": __file__,
    "HOST,PORT": "127.0.0.1,1433",
    "ID": "one",
    "NAME": "Ada",
}
TYPED = [command for document in DOCUMENTS for command in commands(document)]
CODE = ("chartfeed", "deploy", "producers", "stream_app")
each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS]
)


def parse(words):
    """Have every group and command take its words, and do nothing."""
    typed = [PLACEHOLDERS.get(word, word) for word in words]
    if not {"-h", "--help", "--version"} & set(typed):
        _parse(cli, "chartfeed", typed, None)


def _parse(command: click.Command, name: str | None, words, parent):
    context = command.make_context(name, list(words), parent=parent)
    if isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        if rest or not command.invoke_without_command:
            name, under, rest = command.resolve_command(context, rest)
            assert under is not None
            _parse(under, name, rest, context)


def command_of(command: click.Command, words):
    """Give the command that words begin with, and what is behind it."""
    if not isinstance(command, click.Group) or not words or words[0].startswith("-"):
        return command, words
    context = click.Context(command)
    try:
        command.parse_args(context, list(words))
        _, under, rest = command.resolve_command(context, [*context._protected_args, *context.args])
    except click.UsageError:
        return None, words
    assert under is not None
    return command_of(under, rest)


def options_of(command):
    return {name for parameter in command.params for name in parameter.opts} | {"-h", "--help"}


@pytest.mark.parametrize(
    "command", [one for one in TYPED if one.words[:1] == ("chartfeed",)], ids=str
)
def test_a_command_is_taken_as_it_is_printed(command):
    try:
        parse(command.words[1:])
    except click.exceptions.NoArgsIsHelpError:
        pytest.fail(f"{command}: a word is missing")
    except click.UsageError as error:
        pytest.fail(f"{command}: {error.format_message()}")


@each_document
def test_a_command_that_the_text_names_is_there(document):
    for text in mentioned(document):
        if not re.match(r"chartfeed [a-z-]", text):
            continue
        words = [word for word in text.split()[1:] if word != "…"]
        command, rest = command_of(cli, words)
        assert command is not None, f"`{text}`"
        known = options_of(command)
        for word in rest:
            assert not word.startswith("-") or word.partition("=")[0] in known, f"`{text}`"


@each_document
def test_every_target_of_make_is_there(document):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    typed = [one.words[1] for one in commands(document) if one.words[0] == "make"]
    said = [text.split()[1] for text in mentioned(document) if re.match(r"make [a-z]", text)]
    assert set(typed + said) <= targets


@each_document
def test_every_file_that_is_named_is_there(document):
    missing = [path for path in paths(document) if not (ROOT / path).exists()]
    assert missing == []


@each_document
def test_every_link_leads_somewhere(document):
    for path, anchor in links(document):
        target = document.parent / path if path else document
        assert target.exists(), f"{document.name} links {path}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{document.name} links {path}#{anchor}"


def test_documents_of_decisions_lead_somewhere_too():
    for document in (ROOT / "docs" / "decisions").glob("*.md"):
        test_every_link_leads_somewhere(document)


def test_a_next_command_that_an_error_names_is_there():
    """Of every text in the code that begins as a command of ours."""
    looked = 0
    for path in sorted(path for top in CODE for path in (ROOT / top).rglob("*.py")):
        for text in re.findall(r'"(chartfeed [a-z][^"]*)"', path.read_text("utf-8")):
            words = re.split(r"\s{2,}|[,;]|, then", re.sub(r"\{[^}]*\}", "x", text))[0].split()[1:]
            command, rest = command_of(cli, [word for word in words if word not in {"…", "FILE"}])
            if command is None and words[0] not in cli.list_commands(click.Context(cli)):
                continue  # A sentence that begins with our name.
            looked += 1
            assert command is not None, f"{path.name}: {text}"
            for word in rest:
                known = options_of(command)
                assert not word.startswith("--") or word in known, f"{path.name}: {text}"
    assert looked > 50


def test_every_document_is_found_from_the_readme():
    table = (ROOT / "README.md").read_text("utf-8").split("## Where to read on")[1]
    listed = re.findall(r"^\| \[(docs/[^\]]*)\]", table, re.MULTILINE)
    assert len(listed) == len(set(listed))
    found, ahead = set(), [ROOT / "README.md"]
    while ahead:
        document = ahead.pop()
        found.add(document)
        linked = {(document.parent / path).resolve() for path, _ in links(document) if path}
        ahead += [path for path in linked & set(DOCUMENTS) if path not in found]
    assert set(DOCUMENTS) - found == set()
