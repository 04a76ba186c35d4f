"""The course of a training: a table, TensorBoard and a picture of the curves."""

import contextlib
import csv
import os
from pathlib import Path


class History:
    """
    Record figures once per epoch.

    :param folder: gets `history.csv`, `curves.png` and the TensorBoard logs.
    :param epoch: of a resumed training, the number of epochs done; later rows are dropped.
    :param panels: names of figures to draw together, one list per panel.
    """

    def __init__(self, folder: str | Path, epoch: int, panels: list[list[str]]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._table = Path(folder) / 'history.csv'
        self._picture = Path(folder) / 'curves.png'
        self._panels = panels
        self.rows: list[dict[str, float]] = []
        if epoch and self._table.is_file():
            self.rows = [row for row in _read(self._table) if row['epoch'] <= epoch]
        self._writer = SummaryWriter(str(Path(folder) / 'tensorboard'), purge_step=epoch + 1)

    def add(self, epoch: int, figures: dict[str, float]) -> None:
        """Record the figures of an epoch (counted from 1) and write everything anew."""
        self.rows.append({'epoch': float(epoch), **figures})
        for name, value in figures.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()
        partial = self._table.with_suffix('.partial')
        with partial.open('w', newline='') as file:
            writer = csv.DictWriter(
                file, list(self.rows[-1]), restval='nan', extrasaction='ignore'
            )
            writer.writeheader()
            writer.writerows(self.rows)
        os.replace(partial, self._table)
        self._draw()

    def close(self) -> None:
        """Close the TensorBoard log."""
        self._writer.close()

    def _draw(self) -> None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(5 * len(self._panels), 3.5), layout='constrained')
        for axes, names in zip(
            figure.subplots(1, len(self._panels), squeeze=False)[0], self._panels, strict=True
        ):
            for name in names:
                points = [(row['epoch'], row[name]) for row in self.rows if name in row]
                if points:
                    axes.plot(*zip(*points, strict=True), label=name)
            axes.set_xlabel('epoch')
            axes.grid(alpha=0.3)
            axes.legend()
        figure.savefig(self._picture, dpi=100)


def _read(table: Path) -> list[dict[str, float]]:
    """Return the rows of a table but for those that do not parse, such as a half one."""
    rows = []
    with table.open(newline='', errors='replace') as file:
        for row in csv.DictReader(file):
            with contextlib.suppress(TypeError, ValueError):
                figures = {name: float(value) for name, value in row.items()}
                if 'epoch' in figures:
                    rows.append(figures)
    return rows
