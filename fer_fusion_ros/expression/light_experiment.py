"""The paper's experiment in light and dark (tables 3 and 4), on the simulated rig."""

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace

import numpy as np

from fer_fusion_ros.expression.data.faces import Faces
from fer_fusion_ros.expression.labels import LABELS
from fer_fusion_ros.expression.predictor import Predict
from fer_fusion_ros.expression.recogniser import FACE, MARGIN
from fer_fusion_ros.expression.stereo import in_infrared
from fer_fusion_ros.faces.crop import crop
from fer_fusion_ros.faces.detection import Box
from fer_fusion_ros.fusion.fuser import Fuser
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.lenses.rig import PHOTOMETRY, SimulatedRig
from fer_fusion_ros.registration.registrar import Registrar

MODALITIES = ('visible', 'infrared', 'fused')
DISTANCES = (3.0, 3.5)
LIGHTS = (1.0, 0.3, 0.1, 0.05, 0.02, 0.01, 0.005)
"""From daylight over near dark (0.02) to a room at night, relative to daylight."""

PAPER_LABELS = ('neutral', 'happy', 'sad', 'angry')
PAPER: dict[tuple[float, str], dict[str, tuple[int, int, int, int]]] = {
    (3.0, 'visible'): {'light': (100, 91, 89, 83), 'dark': (100, 88, 85, 80)},
    (3.0, 'infrared'): {'light': (95, 83, 55, 71), 'dark': (94, 84, 54, 75)},
    (3.0, 'fused'): {'light': (100, 92, 85, 88), 'dark': (100, 90, 87, 89)},
    (3.5, 'visible'): {'light': (100, 93, 92, 86), 'dark': (100, 90, 89, 83)},
    (3.5, 'infrared'): {'light': (96, 87, 58, 75), 'dark': (95, 85, 56, 79)},
    (3.5, 'fused'): {'light': (100, 93, 91, 89), 'dark': (100, 94, 93, 85)},
}
"""Recognition rates in per cent of the paper's own videos, in the order of `PAPER_LABELS`."""

_SIDE = 'left'


def run(
    faces: Faces,
    predict: Predict,
    size: int,
    fuser: Fuser,
    distances: Sequence[float] = DISTANCES,
    lights: Sequence[float] = LIGHTS,
    progress: Callable[[int], None] = lambda done: None,
) -> list[dict[str, str | float]]:
    """
    Show faces to the simulated rig, and classify what its lenses see.

    One infrared and one visible picture of each face go through registration, with its default
    plane at 3 m, and fusion. The place of the face is taken from the rig, so that what is
    measured is the classifier and not the detector, which would find little in the dark.

    :param faces: labelled with `LABELS`, framed as FER2013's.
    :param predict: maps (N, size, size) uint8 to (N, 7) probabilities.
    :param size: height and width of its crops in pixels.
    :param fuser: fuses the crops.
    :param distances: from the lenses to the faces, in metres.
    :param lights: of the room, relative to daylight.
    :param progress: called with 1 after each face at each distance.
    :return: a row per distance, modality and light: `accuracy_4`, the mean of the paper's four
        expressions' accuracies, `accuracy_7` of all seven's, `share_right` of all faces, and each
        expression's accuracy by its name; all in 0..1. A mean is NaN where no face shows one of
        its expressions.
    """
    rows = []
    for distance in distances:
        infrared, visible = _see(faces, distance, lights, size, progress)
        for light, vis in zip(lights, visible, strict=True):
            fused = _in_parts(fuser.fuse, infrared, vis)
            for modality, seen in zip(MODALITIES, (vis, infrared, fused), strict=True):
                inner = seen[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
                right = _in_parts(predict, inner).argmax(1) == faces.labels
                row = {'distance': distance, 'modality': modality, 'light': light}
                rows.append({**row, **_figures(right, faces.labels)})
    return rows


def beside_the_paper(rows: Sequence[Mapping[str, str | float]]) -> str:
    """Return the lightest and the darkest rows of `run` beside the paper's, as Markdown."""
    lights = sorted({row['light'] for row in rows}, reverse=True)
    four = '4 expressions'
    lines = [
        f'| distance | modality | light, {four} | paper | dark, {four} | paper '
        '| light, all 7 | dark, all 7 |',
        f'|{"---|" * 8}',
    ]
    for distance, modality in dict.fromkeys((row['distance'], row['modality']) for row in rows):
        light, dark = (
            next(
                row
                for row in rows
                if (row['distance'], row['modality'], row['light']) == (distance, modality, level)
            )
            for level in (lights[0], lights[-1])
        )
        paper = PAPER.get((distance, modality), {})
        cells = [f'{distance:g} m', modality]
        for row, name in ((light, 'light'), (dark, 'dark')):
            cells += [_cell(row['accuracy_4'])]
            cells += [f'{np.mean(paper[name]):.1f}' if paper else 'none']
        cells += [_cell(row['accuracy_7']) for row in (light, dark)]
        lines.append(f'| {" | ".join(cells)} |')
    return '\n'.join(lines)


def draw(rows: Sequence[Mapping[str, str | float]], path: str) -> None:
    """Draw accuracy against light level, a panel for each distance."""
    from matplotlib.figure import Figure

    distances = list(dict.fromkeys(row['distance'] for row in rows))
    figure = Figure(figsize=(4.6 * len(distances), 3.8), layout='constrained')
    panels = figure.subplots(1, len(distances), sharey=True, squeeze=False)[0]
    for axes, distance in zip(panels, distances, strict=True):
        for colour, modality in zip(('tab:blue', 'tab:red', 'tab:green'), MODALITIES, strict=True):
            own = [r for r in rows if (r['distance'], r['modality']) == (distance, modality)]
            lights = [row['light'] for row in own]
            for figure_name, style, note in (
                ('accuracy_4', '-', '4 expressions'),
                ('accuracy_7', '--', 'all 7'),
            ):
                values = [100 * row[figure_name] for row in own]
                if np.isnan(values).all():
                    continue
                label = f'{modality}, {note}'
                axes.plot(lights, values, style, color=colour, marker='.', label=label)
        axes.set_xscale('log')
        axes.set_xticks(lights, [f'{light:g}' for light in lights])
        axes.minorticks_off()
        axes.set_xlabel('light, 1 is daylight')
        axes.set_title(f'{distance:g} m')
        axes.grid(alpha=0.3)
    panels[0].set_ylabel('mean accuracy of the expressions, %')
    if panels[-1].lines:
        panels[-1].legend(fontsize=8)
    figure.savefig(path, dpi=110)


def _cell(share: float) -> str:
    return 'none' if np.isnan(share) else f'{100 * share:.1f}'


def _see(
    faces: Faces,
    distance: float,
    lights: Sequence[float],
    size: int,
    progress: Callable[[int], None],
) -> tuple[np.ndarray, np.ndarray]:
    """Return crops of what the lenses see: infrared (N, h, h), visible (lights, N, h, h)."""
    room = SimpleNamespace(light=lights[0])
    rig = SimulatedRig(faces.images, distance=distance, light=lambda _: room.light)
    registrar = Registrar({lens: rig.camera_model(lens) for lens in LENSES}, residual_period=0)
    height = size + 2 * MARGIN
    infrared = np.empty((len(faces), height, height), np.uint8)
    visible = np.empty((len(lights), len(faces), height, height), np.uint8)
    for index in range(len(faces)):
        t = float(index)
        pair = registrar.register(_SIDE, rig.render(f'ir_{_SIDE}', t, index), None)
        position = rig.truth(t, index)[0].position
        box = _face_box(pair.model, position, size)
        infrared[index] = crop(pair.ir_view, in_infrared(pair, box, position[2]), height)
        for number, level in enumerate(lights):
            room.light = level
            vis = registrar.register(_SIDE, None, rig.render(f'vis_{_SIDE}', t, index)).vis_view
            visible[number, index] = crop(vis, box, height)
        progress(1)
    return infrared, visible


def _face_box(model: CameraModel, position: tuple[float, float, float], size: int) -> Box:
    """Return the square that the classifier sees, and the margin around it, in pixels."""
    x, y = model.P[:2] @ [*position, 1.0] / position[2]
    width = model.P[0, 0] * PHOTOMETRY.face_width / position[2]
    width *= (size + 2 * MARGIN) / FACE
    # Pixel centres are at whole numbers, boxes count from the corner.
    return (x + 0.5 - width / 2, y + 0.5 - width / 2, width, width)


def _in_parts(function: Callable[..., np.ndarray], *images: np.ndarray) -> np.ndarray:
    step = 128
    return np.concatenate(
        [
            function(*(np.ascontiguousarray(each[start : start + step]) for each in images))
            for start in range(0, len(images[0]), step)
        ]
    )


def _figures(right: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    by_name = {
        name: float(right[labels == index].mean())
        for index, name in enumerate(LABELS)
        if (labels == index).any()
    }
    return {
        'accuracy_4': _mean(by_name, PAPER_LABELS),
        'accuracy_7': _mean(by_name, LABELS),
        'share_right': float(right.mean()),
        **by_name,
    }


def _mean(by_name: Mapping[str, float], names: Sequence[str]) -> float:
    return float(np.mean([by_name.get(name, np.nan) for name in names]))
