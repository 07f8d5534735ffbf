"""The guides keep their word: links lead somewhere, commands exist, Python examples run."""

import contextlib
import re
import shlex
import sys
from pathlib import Path

import click
import pytest

from sdk import cli

ROOT = Path(__file__).parent.parent
DOCS = sorted((ROOT / "docs").glob("*.md"))

sys.path.append(str(ROOT / "tests" / "sdk"))

import small_bundles as small  # noqa: E402


def anchors(path):
    headings = re.findall(r"^#+ (.+)$", path.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if target.startswith("http"):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), f"{path.name}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{path.name}: {target}"


class MissingFileError(Exception):
    """Raised in place of click's complaint."""


@pytest.fixture
def files_may_be_missing(monkeypatch):
    fail = click.ParamType.fail

    def forgiving(self, message, param=None, ctx=None):
        if "does not exist" in message or "No such file" in message:
            raise MissingFileError
        fail(self, message, param, ctx)

    monkeypatch.setattr(click.ParamType, "fail", forgiving)


def commands(path):
    for block in re.findall(r"```(?:sh)?\n(.*?)```", path.read_text(), flags=re.DOTALL):
        for line in block.splitlines():
            found = re.match(r"(?:sudo )?(?:/opt/rssfix/bin/)?rssfix (.*)", line)
            if found:
                yield shlex.split(found[1], comments=True)


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_command_is_one_that_rssfix_takes(path, tmp_path, monkeypatch, files_may_be_missing):
    monkeypatch.chdir(tmp_path)
    for words in commands(path):
        command, rest = cli.main, words
        context = click.Context(command, info_name="rssfix")
        while isinstance(command, click.Group):
            name, command, rest = command.resolve_command(context, rest)
            context = click.Context(command, info_name=name, parent=context)
        # Parsed and checked, not run. Files that a reader has may be missing here.
        with contextlib.suppress(MissingFileError):
            command.make_context(name, list(rest), parent=context.parent)


GUIDES = ["app_developer.md", "accuracy.md"]


@pytest.mark.parametrize("name", GUIDES)
def test_the_python_examples_run(name, tmp_path, monkeypatch, capsys):
    (tmp_path / "site.rssfix").write_bytes(small.pack(*small.neighbours_parts()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / name).read_text(), re.DOTALL)
    assert blocks
    exec(compile("\n".join(blocks), name, "exec"), {})
    printed = capsys.readouterr().out
    if name == "app_developer.md":
        assert "TOO_FEW_APS 1 known access points heard, 3 are needed" in printed
        # No iw in this PATH, or none that finds an interface.
        assert "Wi-Fi" in printed or "iw " in printed


def test_the_scan_format_is_as_written():
    from sdk import Fix, Scan
    from sdk.fix import Status

    text = (ROOT / "docs" / "scan.md").read_text()
    (line,) = re.findall(r"```json\n(.*?)\n```", text)
    scan = Scan.from_json(line)
    assert Scan.from_json(scan.to_json()) == scan
    for field in Fix(0, Status.OK).to_dict():
        assert f"`{field}`" in text, field
    for status in Status:
        assert f"`{status}`" in text, status
