"""Tables and figures of an evaluation."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.expression.calibration import (
    EXTREME,
    calibration_error,
    cross_fitted,
    fit_temperature,
    reliability,
)
from fer_fusion_ros.expression.evaluate import Evaluation

Row = Mapping[str, str | int | float]


def markdown(rows: Sequence[Row]) -> str:
    """Return rows as a Markdown table; numbers between 0 and 1 in per cent."""
    lines = [f'| {" | ".join(rows[0])} |', f'|{"---|" * len(rows[0])}']
    lines += [f'| {" | ".join(map(_cell, row.values()))} |' for row in rows]
    return '\n'.join(lines)


def report(evaluation: Evaluation, view: str = 'ten-crop') -> str:
    """Return the tables as Markdown, per class for one view."""
    return (
        f'{evaluation.faces.name}, in per cent\n\n{markdown(evaluation.accuracies())}\n\n'
        f'By class, {view}\n\n{markdown(evaluation.classes(view))}\n'
    )


def save(evaluation: Evaluation, folder: str | Path, view: str = 'ten-crop') -> None:
    """
    Write an evaluation as Markdown, CSV and JSON, and its confusion matrix as PNG.

    :param folder: gets `tables.md`, `accuracy.csv`, `classes.csv`, `confusion.csv`,
        `figures.json` and `confusion.png`; is made if needed.
    :param view: of the tables per class.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    accuracies, classes = evaluation.accuracies(), evaluation.classes(view)
    matrix, names = evaluation.confusion(view), evaluation.faces.classes
    # The names of data and images need not be UTF-8.
    text = report(evaluation, view)
    (folder / 'tables.md').write_text(text, encoding='utf-8', errors='backslashreplace')
    save_csv(folder / 'accuracy.csv', accuracies)
    save_csv(folder / 'classes.csv', classes)
    save_csv(
        folder / 'confusion.csv',
        [
            {'label': name, **dict(zip(names, map(int, row), strict=True))}
            for name, row in zip(names, matrix, strict=True)
        ],
    )
    figures = {
        'accuracy': accuracies,
        # JSON has no NaN, which stands where a class is never labelled or never recognised.
        'classes': [
            {name: None if value != value else value for name, value in row.items()}
            for row in classes
        ],
        'confusion': matrix.tolist(),
    }
    text = json.dumps(figures, indent=1, allow_nan=False)
    (folder / 'figures.json').write_text(text + '\n')
    draw_confusion(matrix, names, folder / 'confusion.png')


def save_calibration(
    probabilities: np.ndarray, labels: np.ndarray, temperature: float, folder: str | Path
) -> str:
    """
    Fit the temperature, and write `calibration.json` and `reliability.png`.

    :param probabilities: (N, 7) of single crops.
    :param labels: (N,).
    :param temperature: that the probabilities were made with.
    :return: what was found, in words.
    :raises DataError: if there are too few faces, or they tell no temperature.
    """
    if len(labels) < 20:
        raise DataError(f'{len(labels)} faces are too few to find a temperature; give 20 or more.')
    folder = Path(folder)
    factor = fit_temperature(probabilities, labels)
    if not 1.05 / EXTREME < factor < EXTREME / 1.05:
        raise DataError(
            'These faces tell no temperature, as the network is right of all of them, or wrong of '
            'those it is sure of; give others.'
        )
    found = temperature * factor
    after = cross_fitted(probabilities, labels)
    errors = [calibration_error(p, labels) for p in (probabilities, after)]
    (folder / 'calibration.json').write_text(
        json.dumps({'temperature': found, 'before': errors[0], 'after': errors[1]}) + '\n'
    )
    _draw_reliability(
        {
            f'temperature {temperature:.2f}, ECE {100 * errors[0]:.1f} %': reliability(
                probabilities, labels
            ),
            f'temperature {found:.2f}, ECE {100 * errors[1]:.1f} %': reliability(after, labels),
        },
        folder / 'reliability.png',
    )
    return (
        f'Temperature {found:.3f}; expected calibration error {100 * errors[0]:.2f} % with '
        f'{temperature:.3f}, {100 * errors[1]:.2f} % with the new one (each half of the faces '
        'with the temperature of the other half).'
    )


def save_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as CSV."""
    with path.open('w', newline='', encoding='utf-8', errors='backslashreplace') as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def draw_confusion(matrix: np.ndarray, names: Sequence[str], path: Path) -> None:
    """Draw counts (C, C), row label and column prediction, as shares of each row."""
    from matplotlib.figure import Figure

    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    figure = Figure(figsize=(5.2, 4.6), layout='constrained')
    axes = figure.subplots()
    axes.imshow(shares, cmap='Blues', vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        axes.text(
            column,
            row,
            f'{100 * share:.0f}',
            ha='center',
            va='center',
            color='white' if share > 0.5 else 'black',
        )
    axes.set_xticks(range(len(names)), names, rotation=45, ha='right')
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel('recognised (% of the row)')
    axes.set_ylabel('labelled')
    figure.savefig(path, dpi=110)


def _draw_reliability(
    curves: Mapping[str, Sequence[tuple[float, float, int]]], path: Path
) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 4.2), layout='constrained')
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color='grey', linewidth=1)
    for name, points in curves.items():
        axes.plot([p[0] for p in points], [p[1] for p in points], marker='o', label=name)
    axes.set_xlabel('confidence')
    axes.set_ylabel('accuracy')
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)


def _cell(value: str | int | float) -> str:
    return f'{100 * value:.2f}' if isinstance(value, float) else str(value)
