"""Acclaim motion capture: an .amc file with the angles, beside it the .asf file of the actor.

A bone turns by C M C^-1, where C are its axes in the resting pose and M its angles, x first; its
end lies along its direction. Joints are the root and the ends of bones, named after them. Lengths
are 1/length inches (CMU), so that places come out in metres.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from verilens.errors import MediaError
from verilens.poses.kinematics import Floats, Rig, bone_rotations, euler_zyx, turned
from verilens.poses.make import MAX_FRAMES, MAX_JOINTS, make_pose, own_skeleton
from verilens.poses.rig import rig_of
from verilens.records import Pose

FPS = 120.0  # of the CMU database; the files do not say
INCH = 0.0254
MAX_BYTES = 1 << 28


class Bone(NamedTuple):
    """direction: of the bone, with its length. axes: C. dof: "tx" ... "rz" as in the motion."""

    name: str
    direction: Floats
    axes: Floats
    dof: tuple[str, ...]


class Actor(NamedTuple):
    """What an .asf file says; parents: of each bone by number, the root is bone 0."""

    bones: tuple[Bone, ...]
    parents: tuple[int, ...]
    metres: float
    degrees: bool


def read_amc(path: Path) -> list[Pose]:
    """Return the movement of an .amc file; its .asf is the only one beside it, or of its name."""
    actor_path = _actor_path(path)
    for each in (path, actor_path):
        if each.stat().st_size > MAX_BYTES:
            raise MediaError("too-large", f"{each}: {each.stat().st_size:,} bytes")
    try:
        actor = parse_asf(actor_path.read_text(encoding="utf-8", errors="replace"))
    except (ValueError, IndexError, KeyError) as error:
        raise MediaError("corrupt", f"{actor_path}: no Acclaim skeleton ({error})") from error
    try:
        joints = places_of(actor, path.read_text(encoding="utf-8", errors="replace"))
    except (ValueError, IndexError, KeyError) as error:
        raise MediaError("corrupt", f"{path}: no Acclaim motion ({error})") from error
    names = tuple(bone.name for bone in actor.bones)
    rig = Rig(names, actor.parents, np.zeros((len(names), 3)))
    of = own_skeleton("acclaim", names, rig.edges)
    return [make_pose(joints, None, of, FPS, units="m", frame="world")]


def write_amc(path: Path, poses: Sequence[Pose]) -> None:
    """Write one person, and the .asf file beside it; millimetres become metres.

    Bones keep their median length. The root is called root, and the frame rate is not kept.
    """
    pose, rig, order = rig_of(poses)
    scale = 0.001 if pose.units == "mm" else 1.0
    joints = pose.joints[:, order].astype(float) * scale
    rig = rig._replace(names=("root", *rig.names[1:]), offsets=rig.offsets * scale)
    angles = euler_zyx(bone_rotations(rig, joints))
    lines = [":FULLY-SPECIFIED", ":DEGREES"]
    for frame in range(len(joints)):
        place = " ".join(f"{value:.7f}" for value in joints[frame, 0])
        lines += [str(frame + 1), f"root {place} 0 0 0"]
        for name, turn in zip(rig.names[1:], angles[frame, 1:].tolist(), strict=True):
            lines.append(f"{name} " + " ".join(f"{value:.6f}" for value in turn))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path.with_suffix(".asf").write_text(_actor_text(rig), encoding="utf-8")


def _actor_text(rig: Rig) -> str:
    lines = [":version 1.10", f":name {rig.names[1] if len(rig.names) > 1 else 'root'}", ":units"]
    lines += ["  mass 1.0", f"  length {INCH}", "  angle deg", ":root"]
    lines += ["  order TX TY TZ RX RY RZ", "  axis XYZ", "  position 0 0 0", "  orientation 0 0 0"]
    lines.append(":bonedata")
    for number, (name, offset) in enumerate(zip(rig.names[1:], rig.offsets[1:], strict=True), 1):
        length = float(np.linalg.norm(offset))
        x, y, z = (offset / length if length else np.array([0.0, 1.0, 0.0])).tolist()
        lines += ["  begin", f"    id {number}", f"    name {name}"]
        lines += [f"    direction {x:.9f} {y:.9f} {z:.9f}", f"    length {length:.9f}"]
        lines += ["    axis 0 0 0 XYZ", "    dof rx ry rz", "  end"]
    lines += [":hierarchy", "  begin"]
    for parent, name in enumerate(rig.names):
        below = [rig.names[joint] for joint, above in enumerate(rig.parents) if above == parent]
        if below:
            lines.append(f"    {name} {' '.join(below)}")
    return "\n".join([*lines, "  end", ""])


def parse_asf(text: str) -> Actor:
    """Return the actor that the text of an .asf file describes; ValueError where it is none."""
    sections = _sections(text)
    units = dict(line.split()[:2] for line in sections.get("units", ()) if len(line.split()) > 1)
    degrees = units.get("angle", "deg").startswith("deg")
    bones = [_root(sections["root"], degrees)]
    block: list[str] = []
    for line in sections["bonedata"]:
        if line == "begin":
            block = []
        elif line == "end":
            bones.append(_bone(block, degrees))
        else:
            block.append(line)
    if len(bones) > MAX_JOINTS:
        raise ValueError(f"{len(bones)} bones")
    length = float(units.get("length", 1))
    if not length > 0:
        raise ValueError(f"a unit of length of {length}")
    return _ordered(bones, sections["hierarchy"], INCH / length, degrees)


def places_of(actor: Actor, text: str) -> Floats:
    """Return the joints of each frame of the text of an .amc file, (T, J, 3) in metres."""
    values = _frames(actor, text)
    frames = len(values[0])
    found = np.zeros((frames, len(actor.bones), 3))
    whole = np.zeros((frames, len(actor.bones), 3, 3))
    for n, (bone, parent) in enumerate(zip(actor.bones, actor.parents, strict=True)):
        turns = [at for at, kind in enumerate(bone.dof) if kind[0] == "r"]
        angles = values[n][:, turns] if actor.degrees else np.degrees(values[n][:, turns])
        order = [bone.dof[at][1] for at in turns]
        motion = turned(order[::-1], angles[:, ::-1])  # the first listed turns first
        local = bone.axes @ motion @ bone.axes.T
        if parent < 0:
            for at, kind in enumerate(bone.dof):
                if kind[0] == "t":
                    found[:, n, "xyz".index(kind[1])] = values[n][:, at]
            found[:, n] += bone.direction
            whole[:, n] = local
        else:
            whole[:, n] = whole[:, parent] @ local
            found[:, n] = found[:, parent] + whole[:, n] @ bone.direction
    return found * actor.metres


def _actor_path(path: Path) -> Path:
    own = path.with_suffix(".asf")
    beside = sorted(path.parent.glob("*.asf"))
    named = [each for each in beside if path.stem.startswith(f"{each.stem}_")]  # 35.asf, 35_01.amc
    found = [own] if own.is_file() else named or beside
    if len(found) != 1:
        raise MediaError(
            "missing", f"{path}: needs its .asf file beside it; {len(found)} are there"
        )
    return found[0]


def _sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if line.startswith(":"):
            name = line[1:].split()[0]
            sections[name] = []
        elif line and name:
            sections[name].append(line)
    return sections


def _root(lines: list[str], degrees: bool) -> Bone:
    said = {words[0]: words[1:] for line in lines if (words := line.split())}
    axes = _axes([*said.get("orientation", ["0", "0", "0"]), *said.get("axis", ["XYZ"])], degrees)
    place = np.array(said.get("position", ["0", "0", "0"]), float)
    return Bone("root", place, axes, tuple(word.lower() for word in said["order"]))


def _bone(lines: list[str], degrees: bool) -> Bone:
    said = {words[0]: words[1:] for line in lines if (words := line.split())}
    direction = np.array(said["direction"], float)
    if direction.shape != (3,):
        raise ValueError("a direction without three numbers")
    dof = tuple(word.lower() for word in said.get("dof", ()))
    if not set(dof) <= {"rx", "ry", "rz", "tx", "ty", "tz", "l"}:
        raise ValueError(f"a bone that moves by {' '.join(dof)}")
    return Bone(
        said["name"][0], direction * float(said["length"][0]), _axes(said["axis"], degrees), dof
    )


def _axes(words: list[str], degrees: bool) -> Floats:
    angles = np.array(words[:3], float)
    order = words[3].lower()
    if sorted(order) != ["x", "y", "z"]:
        raise ValueError(f"axes in the order {order}")
    angles = angles if degrees else np.degrees(angles)
    return turned(order[::-1], angles[::-1])


def _ordered(bones: list[Bone], hierarchy: list[str], metres: float, degrees: bool) -> Actor:
    """Return the actor with parents before their children."""
    by_name = {bone.name: bone for bone in bones}
    children = {words[0]: words[1:] for line in hierarchy if len(words := line.split()) > 1}
    order, parents = ["root"], [-1]
    for at, name in enumerate(order):
        for child in children.get(name, ()):
            if child in order:
                raise ValueError(f"{child} hangs on two bones")
            order.append(child)
            parents.append(at)
    return Actor(tuple(by_name[name] for name in order), tuple(parents), metres, degrees)


def _frames(actor: Actor, text: str) -> list[Floats]:
    """Return the values of each bone, (T, its degrees of freedom)."""
    rows: list[list[list[float]]] = [[] for _ in actor.bones]
    where = {bone.name: at for at, bone in enumerate(actor.bones)}
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if len(words) > 1 and not words[0].startswith(":") and words[0] in where:
            at = where[words[0]]
            if len(words) - 1 != len(actor.bones[at].dof):
                raise ValueError(f"{words[0]} with {len(words) - 1} values")
            rows[at].append([float(word) for word in words[1:]])
    frames = len(rows[0])
    if not 0 < frames <= MAX_FRAMES:
        raise ValueError(f"{frames} frames")
    for bone, values in zip(actor.bones, rows, strict=True):
        if bone.dof and len(values) != frames:
            raise ValueError(f"{bone.name} has {len(values)} of {frames} frames")
    return [
        np.array(values).reshape(frames, len(bone.dof)) if bone.dof else np.zeros((frames, 0))
        for bone, values in zip(actor.bones, rows, strict=True)
    ]
