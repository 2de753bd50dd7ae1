"""TOML becomes frozen dataclasses; what does not belong there is refused with a suggestion."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest

from verilens import config
from verilens.errors import ConfigError
from verilens.records import View
from verilens.verify.npr.config import Config


@dataclass(frozen=True, kw_only=True)
class Optim:
    lr: float = 1e-3
    steps: int = 10
    name: str = "adam"
    fused: bool = False
    betas: tuple[float, ...] = (0.9, 0.999)


@dataclass(frozen=True, kw_only=True)
class Plan:
    title: str
    optim: Optim = field(default_factory=Optim)


def test_a_file_with_overrides(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text('title = "x"\n[optim]\nsteps = 5\nbetas = [0.5, 0.9]\n')
    plan = config.load(Plan, path, ["optim.lr=3e-4", "optim.fused=true", "title=free text"])
    optim = Optim(lr=3e-4, steps=5, fused=True, betas=(0.5, 0.9))
    assert plan == Plan(title="free text", optim=optim)


def test_whole_numbers_are_fine_where_floats_are_meant():
    assert config.build(Optim, {"lr": 1}).lr == 1.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lrr": 1.0}, "unknown field 'lrr'; did you mean 'lr'"),
        ({"zzz": 1.0}, "unknown field 'zzz'; known"),
        ({"lr": "fast"}, "'lr' must be float"),
        ({"lr": True}, "'lr' must be float"),
        ({"steps": 1.5}, "'steps' must be int"),
        ({"fused": 1}, "'fused' must be bool"),
        ({"name": 3}, "'name' must be str"),
    ],
)
def test_wrong_fields_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        config.build(Optim, values)


def test_a_missing_field_and_a_nested_mistake_say_where(tmp_path):
    with pytest.raises(ConfigError, match="title"):
        config.build(Plan, {})
    with pytest.raises(ConfigError, match="config: optim: unknown field"):
        config.build(Plan, {"title": "x", "optim": {"step": 1}})
    path = tmp_path / "broken.toml"
    path.write_text("title = ")
    for wrong in (path, tmp_path / "absent.toml"):
        with pytest.raises(ConfigError, match=wrong.name):
            config.load(Plan, wrong)


def test_overrides_need_an_equals_sign():
    with pytest.raises(ConfigError, match="write key=value"):
        config.override({}, ["lr"])


def test_overrides_leave_their_source_alone():
    values = {"optim": {"lr": 1.0}}
    assert config.override(values, ["optim.lr=2.0"]) == {"optim": {"lr": 2.0}}
    assert values == {"optim": {"lr": 1.0}}


def test_the_settings_of_a_method_can_be_rebuilt_from_plain_values():
    settings = Config(width=16, view=View(size=64, frames=2))
    assert config.build(Config, dataclasses.asdict(settings)) == settings


@dataclass(frozen=True, kw_only=True)
class Job:
    optim: Optim | None = None
    mode: Literal["fast", "slow"] = "fast"
    extra: Mapping[str, object] = field(default_factory=dict)


def test_what_is_written_as_toml_is_read_back(tmp_path):
    extra = {"view": {"size": 32}, "ids": [1, 2], "text": 'a "b"\nü', "on": True, "eps": 1e-8}
    job = Job(optim=Optim(lr=3e-4, betas=(0.5, 1.0)), extra=extra)
    path = tmp_path / "job.toml"
    path.write_text(config.dumps(dataclasses.asdict(job)), encoding="utf-8")
    assert config.load(Job, path) == job
    path.write_text(config.dumps(dataclasses.asdict(Job())), encoding="utf-8")
    assert config.load(Job, path) == Job()


def test_a_table_may_be_left_out_and_is_strict_when_it_is_there():
    assert config.build(Job, {}).optim is None
    with pytest.raises(ConfigError, match="did you mean 'lr'"):
        config.build(Job, {"optim": {"lrr": 1.0}})


def test_a_choice_is_one_of_those_named():
    with pytest.raises(ConfigError, match="one of fast, slow, not 'quick'"):
        config.build(Job, {"mode": "quick"})


def test_changes_are_laid_over_table_by_table():
    values = {"view": {"size": 224, "frames": 8}, "width": 64}
    changed = config.merged(values, {"view": {"size": 32}, "width": 8})
    assert changed == {"view": {"size": 32, "frames": 8}, "width": 8}
    assert values["view"] == {"size": 224, "frames": 8}
