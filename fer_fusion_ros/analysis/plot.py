"""Readings as a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fer_fusion_ros.analysis.analyze import Reading
from fer_fusion_ros.exceptions import ConfigurationError
from fer_fusion_ros.expression.labels import LABELS
from fer_fusion_ros.fusion.modality import Modality

INKS: dict[str, str] = {
    'neutral': '#7d8794',
    'happy': '#d99a16',
    'sad': '#2f6fd6',
    'angry': '#d43f3f',
    'fear': '#8350d8',
    'surprise': '#12a38a',
    'disgust': '#669a26',
}
MODALITY_INKS: dict[Modality, str] = {
    Modality.UNKNOWN: '#c9ced6',
    Modality.FUSED: '#3fae63',
    Modality.VISIBLE: '#3d9be0',
    Modality.INFRARED: '#c94a68',
}
MOST_FACES = 4


def check_plotting() -> None:
    """
    Find out before the work whether `write_plot` can draw.

    :raises ConfigurationError: Matplotlib is missing or broken.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f'the plot is drawn by Matplotlib, which cannot be imported ({error}): '
            'pip install matplotlib'
        ) from error


def write_plot(readings: Sequence[Reading], path: Path, stills: bool) -> None:
    """
    Draw each face's probabilities over time, above what they were read from.

    :param readings: In the order of time. The faces seen most often are drawn, up to four.
    :param path: Where to write the picture; its suffix decides the format.
    :param stills: Unrelated images: draw a column for each, of its first face.
    """
    from matplotlib.figure import Figure

    if stills:
        first = [(reading, reading.faces[0]) for reading in readings if reading.faces]
        tracks = {'first face of each image': first} if first else {}
    else:
        tracks = _most_seen(readings)
    figure = Figure(figsize=(11, 1.4 + 2.2 * max(len(tracks), 1)), layout='constrained')
    panels = figure.subplots(max(len(tracks), 1), 1, sharex=True, squeeze=False)[:, 0]
    index = {id(reading): number for number, reading in enumerate(readings)}
    for panel, (name, sightings) in zip(panels, tracks.items(), strict=False):
        at = [index[id(r)] if stills else r.time for r, _ in sightings]
        values = np.array([face.probabilities for _, face in sightings])
        if stills:
            # One area for each expression: a bar for each image would take milliseconds.
            heights = np.zeros((len(readings) + 1, len(LABELS)))
            heights[at] = values
            edges = np.arange(len(readings) + 1) - 0.5
            inks = [INKS[label] for label in LABELS]
            panel.stackplot(edges, heights.T, labels=LABELS, colors=inks, step='post', linewidth=0)
        else:
            for label, curve in zip(LABELS, values.T, strict=True):
                panel.plot(*_broken(at, curve), color=INKS[label], label=label, linewidth=1.8)
        inks = [MODALITY_INKS[face.modality] for _, face in sightings]
        panel.scatter(at, np.full(len(at), -0.06), c=inks, marker='s', s=14, linewidths=0)
        panel.set(ylim=(-0.12, 1.02), ylabel='probability')
        panel.set_title(name, loc='left')
        panel.grid(axis='y', alpha=0.3)
        panel.spines[['top', 'right']].set_visible(False)
    if not tracks:
        panels[0].set_title('no face in this recording', loc='left')
    panels[-1].set_xlabel('image' if stills else 'seconds')
    handles, labels = panels[0].get_legend_handles_labels()
    for modality in (Modality.FUSED, Modality.VISIBLE, Modality.INFRARED):
        handles.append(panels[0].plot([], [], 's', color=MODALITY_INKS[modality], markersize=5)[0])
        labels.append(f'from {modality.name.lower()}')
    # Above the first panel, whose title is at the left; figure legends cannot be outside before
    # Matplotlib 3.7.
    panels[0].legend(
        handles, labels, loc='lower center', bbox_to_anchor=(0.5, 1.1), ncol=5, frameon=False
    )
    figure.savefig(path, dpi=130)


def _broken(times: Sequence[float], values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a curve that is broken where the time jumps back."""
    back = np.flatnonzero(np.diff(times) < 0) + 1
    return np.insert(np.asarray(times, float), back, np.nan), np.insert(values, back, np.nan)


def _most_seen(readings: Sequence[Reading]) -> dict[str, list]:
    counts = Counter(face.face_id for reading in readings for face in reading.faces)
    return {
        name: [(r, face) for r in readings for face in r.faces if face.face_id == name]
        for name, _ in counts.most_common(MOST_FACES)
    }
