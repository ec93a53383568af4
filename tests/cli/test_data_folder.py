"""A data folder belongs to one flow, and to one process at a time."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from router.cli.data_folder import DataFolder, default_folder
from router.errors import DataFolderError


def test_the_folder_is_made_with_all_above_it_and_says_whose_it_is(tmp_path: Path) -> None:
    with DataFolder(tmp_path / "a" / "b", "posts") as folder:
        owner = json.loads((folder.path / "owner.json").read_text())
    assert owner == {"flow": "posts", "process": os.getpid()}


def test_a_folder_that_is_held_is_refused_and_its_holder_named(tmp_path: Path) -> None:
    with DataFolder(tmp_path, "posts"), pytest.raises(DataFolderError, match=f"in use by process {os.getpid()};"):
        DataFolder(tmp_path, "posts")


def test_a_folder_given_up_can_be_had_again(tmp_path: Path) -> None:
    DataFolder(tmp_path, "posts").close()
    with DataFolder(tmp_path, "posts") as again:
        assert again.path == tmp_path


def test_another_flow_is_refused_and_leaves_the_owner_as_it_was(tmp_path: Path) -> None:
    DataFolder(tmp_path, "posts").close()
    with pytest.raises(DataFolderError, match="belongs to flow 'posts', not to 'orders'"):
        DataFolder(tmp_path, "orders")
    with DataFolder(tmp_path, "posts") as again:
        assert again.path == tmp_path


@pytest.mark.parametrize("torn", ["", '{"flow": "po', "[]", "null"])
def test_an_owner_file_that_a_kill_tore_is_nobodys(tmp_path: Path, torn: str) -> None:
    (tmp_path / "owner.json").write_text(torn)
    with DataFolder(tmp_path, "orders"):
        assert json.loads((tmp_path / "owner.json").read_text())["flow"] == "orders"


def test_what_cannot_be_made_is_said_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    text = f"data folder {str(tmp_path / 'file' / 'x')!r}: not a directory; name another one with --data"
    with pytest.raises(DataFolderError, match=re.escape(text)):
        DataFolder(tmp_path / "file" / "x", "posts")


@pytest.mark.parametrize(
    ("state", "expected"),
    [("/var/state", "/var/state/router/posts"), ("relative", "/home/ada/.local/state/router/posts"), ("", None)],
)
def test_the_default_is_in_the_state_folder_of_the_user(
    monkeypatch: pytest.MonkeyPatch, state: str, expected: str | None
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", state)
    monkeypatch.setenv("HOME", "/home/ada")
    assert str(default_folder("posts")) == (expected or "/home/ada/.local/state/router/posts")
