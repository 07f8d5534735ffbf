"""Writes tests/golden/sionna_paths.json: python tests/golden/make_sionna.py, where sionna-rt is.

Needs sionna-rt 2.2 (not a dependency of anything here) and LLVM 19 for its CPU backend (SPEC 3.12):
DRJIT_LIBLLVM_PATH=/usr/lib/x86_64-linux-gnu/libLLVM.so.19.1. The paths of a ray tracer that shares
nothing with our kernels, in a yard of three houses: lengths of the direct path and of single
reflections off walls and diffractions at corners, per receiver.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import sionna.rt as rt

HEIGHT_M = 1.5
# Low x, low y, high x, high y; transmitter; receivers on a grid of 4 m.
HOUSES = [[10.2, 8.3, 22.9, 17.6], [28.4, 12.1, 37.7, 30.2], [6.3, 24.8, 19.1, 35.4]]
TRANSMITTER = [14.5, 21.5]
SIDE_M, STEP_M = 44, 4
SPEED_OF_LIGHT = 299792458.0


def house_ply(house: list[float]) -> str:
    x0, y0, x1, y1 = house
    floor = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    corners = [(*p, -30.0) for p in floor] + [(*p, 30.0) for p in floor]
    faces = [(0, 2, 1), (0, 3, 2), (4, 5, 6), (4, 6, 7)]
    for i in range(4):
        j = (i + 1) % 4
        faces += [(i, j, 4 + j), (i, 4 + j, 4 + i)]
    lines = ["ply", "format ascii 1.0", "element vertex 8", "property float x",
             "property float y", "property float z", f"element face {len(faces)}",
             "property list uchar int vertex_indices", "end_header"]  # fmt: skip
    lines += [" ".join(map(str, c)) for c in corners]
    lines += ["3 " + " ".join(map(str, f)) for f in faces]
    return "\n".join(lines) + "\n"


def main() -> None:
    inside = lambda x, y: any(a < x < c and b < y < d for a, b, c, d in HOUSES)  # noqa: E731
    grid = np.arange(STEP_M / 2, SIDE_M, STEP_M)
    receivers = [[float(x), float(y)] for y in grid for x in grid if not inside(x, y)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shapes = ""
        for i, house in enumerate(HOUSES):
            (folder / f"house{i}.ply").write_text(house_ply(house))
            shapes += (
                f'<shape type="ply" id="mesh-house{i}">'
                f'<string name="filename" value="house{i}.ply"/>'
                '<boolean name="face_normals" value="true"/>'
                '<ref id="mat-wall" name="bsdf"/></shape>'
            )
        (folder / "scene.xml").write_text(
            '<scene version="2.1.0"><bsdf type="itu-radio-material" id="mat-wall">'
            '<string name="type" value="concrete"/><float name="thickness" value="0.2"/></bsdf>'
            f"{shapes}</scene>"
        )
        scene = rt.load_scene(str(folder / "scene.xml"), merge_shapes=False)
    scene.frequency = 5.9e9
    iso = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    scene.tx_array = scene.rx_array = iso
    scene.add(rt.Transmitter("tx", position=[*TRANSMITTER, HEIGHT_M]))
    for i, place in enumerate(receivers):
        scene.add(rt.Receiver(f"rx{i:03d}", position=[*place, HEIGHT_M]))
    paths = rt.PathSolver()(
        scene, max_depth=1, los=True, specular_reflection=True, diffuse_reflection=False,
        refraction=False, diffraction=True, edge_diffraction=False, synthetic_array=True,
        samples_per_src=2_000_000, seed=1,
    )  # fmt: skip
    tau = np.array(paths.tau).reshape(len(receivers), -1)
    kind = np.array(paths.interactions).reshape(-1, len(receivers), tau.shape[1])[0]
    valid = np.array(paths.valid).reshape(tau.shape)
    names = {0: "direct", 1: "reflected", 8: "diffracted"}
    found = []
    for i, place in enumerate(receivers):
        row: dict[str, object] = {
            "receiver_m": place,
            "direct": [],
            "reflected": [],
            "diffracted": [],
        }
        for t, k, good in zip(tau[i], kind[i], valid[i], strict=True):
            if good and int(k) in names:
                row[names[int(k)]].append(round(float(t) * SPEED_OF_LIGHT, 4))
        found.append({k: sorted(v) if k != "receiver_m" else v for k, v in row.items()})
    text = json.dumps({"houses_m": HOUSES, "transmitter_m": TRANSMITTER, "paths": found})
    (Path(__file__).parent / "sionna_paths.json").write_text(text.replace("}, {", "},\n{") + "\n")


if __name__ == "__main__":
    main()
