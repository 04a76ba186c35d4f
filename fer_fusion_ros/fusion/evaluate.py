"""Compare a fusion network with classic methods on aligned pairs."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fer_fusion_ros.fusion.metrics import METRICS, measure, structural_similarity
from fer_fusion_ros.fusion.pairs import Pair
from fer_fusion_ros.lenses.rig.photometry import near_infrared, visible

Method = Callable[[np.ndarray, np.ndarray], np.ndarray]


def evaluate(
    methods: Mapping[str, Method],
    pairs: Sequence[Pair],
    progress: Callable[[int], None] = lambda done: None,
) -> list[dict[str, str | float]]:
    """Measure each method on each pair.

    :param methods: by name; each maps infrared and visible (H, W) uint8 to the fused image in
        0..255.
    :param progress: called with 1 after each image.
    :return: one row per method and pair: ``method``, ``source``, ``pair`` and every metric.
    """
    rows = []
    for pair in pairs:
        for name, method in methods.items():
            figures = measure(pair.ir, pair.vis, method(pair.ir, pair.vis))
            rows.append({'method': name, 'source': pair.source, 'pair': pair.name, **figures})
            progress(1)
    return rows


def mean_table(rows: Sequence[Mapping[str, str | float]], source: str | None = None) -> str:
    """Return the means over pairs as a Markdown table, the best of each figure in bold.

    :param rows: what `evaluate` returned.
    :param source: take the pairs of this folder alone.
    """
    rows = [row for row in rows if source in (None, row['source'])]
    names = list(dict.fromkeys(row['method'] for row in rows))
    means = {
        name: [np.mean([row[m] for row in rows if row['method'] == name]) for m in METRICS]
        for name in names
    }
    best = np.max(list(means.values()), axis=0)
    lines = [f'| method | {" | ".join(METRICS)} |', f'|---|{"---|" * len(METRICS)}']
    for name, values in means.items():
        cells = [
            f'**{value:.3f}**' if value == top else f'{value:.3f}'
            for value, top in zip(values, best, strict=True)
        ]
        lines.append(f'| {name} | {" | ".join(cells)} |')
    return '\n'.join(lines)


def report(rows: Sequence[Mapping[str, str | float]]) -> str:
    """Return a table for all pairs and one per folder of pairs, as Markdown."""
    pairs = {(row['source'], row['pair']) for row in rows}
    parts = [f'All {len(pairs)} pairs\n\n{mean_table(rows)}']
    for source in sorted({source for source, _ in pairs}):
        count = sum(one == source for one, _ in pairs)
        parts.append(f'{source}, {count} pairs\n\n{mean_table(rows, source)}')
    return '\n\n'.join(parts) + '\n'


def face_table(
    method: Method,
    faces: np.ndarray,
    lights: Sequence[float] = (1.0, 0.3, 0.1, 0.05, 0.02),
    distance: float = 3.0,
    seed: int = 0,
) -> str:
    """Tell by simulation what fusion keeps of faces as the light goes.

    :param method: fuses (H, W) uint8 infrared and visible images.
    :param faces: (N, H, W) uint8 visible faces by daylight.
    :param lights: levels relative to daylight.
    :param distance: from the lenses in metres.
    :param seed: of the sensors' noise.
    :return: a Markdown table of the mean structural similarity (-1 to 1) to the visible face by
        daylight, for each light and image.
    """
    rng = np.random.default_rng(seed)
    lines = ['| light | visible | infrared | average | fused |', '|---|---|---|---|---|']
    for light in lights:
        rows = []
        for face in faces:
            picture = face.astype(np.float32) / 255
            vis = np.rint(255 * visible(picture, light, rng)).astype(np.uint8)
            ir = np.rint(255 * near_infrared(picture, distance, rng)).astype(np.uint8)
            images = vis, ir, (vis.astype(float) + ir) / 2, method(ir, vis)
            clean = face.astype(float)
            rows.append(
                [structural_similarity(clean, clean, image.astype(float)) for image in images]
            )
        means = ' | '.join(f'{value:.3f}' for value in np.mean(rows, axis=0))
        lines.append(f'| {light:g} | {means} |')
    return '\n'.join(lines)
