"""The README keeps its word: its example runs, its commands exist, it stays short."""

import re
import sys
from importlib.metadata import entry_points
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()

sys.path.append(str(ROOT / "tests" / "sdk"))

import small_bundles as small  # noqa: E402


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    (tmp_path / "library.rssfix").write_bytes(small.pack(*small.neighbours_parts()))
    monkeypatch.chdir(tmp_path)
    heard = ", ".join(f'"{name}": -{60 + i}.0' for i, name in enumerate(small.BSSIDS[:4]))
    example, changed = re.subn(r"\{.*?\}", "{" + heard + "}", example, count=1)
    assert changed == 1
    exec(compile(example, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] in ("OK", "LOW_CONFIDENCE")
    assert len(printed) == 3


def test_every_command_named_exists():
    named = set(re.findall(r"^rssfix (\w+)", README, flags=re.MULTILINE))
    known = {point.name for point in entry_points(group="rssfix.commands")}
    assert named
    assert named <= known


def test_every_file_linked_exists():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_it_is_short():
    assert len(README.splitlines()) <= 120
