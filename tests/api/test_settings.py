"""Settings: where they come from, which wins, what a wrong one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.errors import BadSettings
from api.settings import Settings, load, rows
from api.wiring import limits_of
from ingest.limits import Limits

OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, _, _ in rows():
        monkeypatch.delenv(f"HEADWATER_{name.upper()}", raising=False)
    monkeypatch.delenv("HEADWATER_CONFIG", raising=False)
    return tmp_path


def test_without_anything_given_it_runs_here_on_one_machine() -> None:
    settings = load()
    assert (settings.data, settings.graph, settings.host, settings.port) == (
        Path("headwater-data"),
        "embedded",
        "127.0.0.1",
        8000,
    )


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_folder / "headwater.toml").write_text('port = 1\nhost = "a"\nlog_level = "error"\n')
    monkeypatch.setenv("HEADWATER_PORT", "2")
    monkeypatch.setenv("HEADWATER_HOST", "b")
    settings = load(port=3, host=None)
    assert (settings.port, settings.host, settings.log_level) == (3, "b", "error")


def test_another_file_is_read_where_the_environment_names_one(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_folder / "other.toml").write_text("port = 4\n")
    monkeypatch.setenv("HEADWATER_CONFIG", "other.toml")
    assert load().port == 4


def test_a_file_that_is_named_but_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_CONFIG", "nowhere.toml")
    with pytest.raises(BadSettings, match=r"nowhere\.toml"):
        load()


def test_a_name_that_is_mistyped_in_the_file_is_an_error(empty_folder: Path) -> None:
    (empty_folder / "headwater.toml").write_text("prot = 1\n")
    with pytest.raises(BadSettings, match="prot"):
        load()


def test_a_file_that_is_no_toml_is_an_error(empty_folder: Path) -> None:
    (empty_folder / "headwater.toml").write_text("port: 1\n")
    with pytest.raises(BadSettings, match=r"headwater\.toml"):
        load()


def test_every_wrong_value_is_named_and_no_secret_is_repeated() -> None:
    with pytest.raises(BadSettings) as caught:
        load(port=70_000, graph="http://x", admin_key="", database_url="mysql://u:the-secret@db/x")
    assert all(name in str(caught.value) for name in ("port", "graph", "admin_key", "database_url"))
    assert "the-secret" not in str(caught.value)


def test_secrets_are_not_shown_by_the_settings() -> None:
    settings = load(admin_key="hw_0123456789abcdef", graph_password="pass-word")
    assert "hw_0123456789abcdef" not in repr(settings)
    assert "pass-word" not in str(settings.model_dump())
    assert settings.revealed()["admin_key"] == "hw_0123456789abcdef"


def test_settings_survive_the_way_to_another_process() -> None:
    settings = load(data="/tmp/x", graph="bolt://h:1", graph_password="p", admin_key="hw_0123456789abcdef")
    assert Settings(**settings.revealed()) == settings


def test_the_limits_of_the_contract_are_the_defaults() -> None:
    assert limits_of(load()) == Limits()


def test_every_setting_has_a_meaning() -> None:
    assert [name for name, _, meaning in rows() if not meaning] == []


def test_every_setting_is_documented() -> None:
    text = OPERATING.read_text()
    assert [name for name, _, _ in rows() if f"| `{name}` |" not in text] == []
