"""TOML becomes frozen dataclasses; what does not belong there is refused with a suggestion."""

import dataclasses
from dataclasses import dataclass, field

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
