"""Tables as spreadsheets and Kaggle write them."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from fer_fusion_ros.exceptions import DataError


def read_table(
    path: Path, columns: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """
    Yield the number of each line of a CSV file, and its cells by column without spaces around.

    :param columns: that it must have.
    :param optional: that it may have.
    :raises DataError: if it cannot be read or lacks a column, or naming the line that lacks a
        cell.
    """
    try:
        # Excel's "CSV UTF-8" begins with a byte order mark.
        with path.open(newline='', encoding='utf-8-sig') as file:
            reader = csv.DictReader(file)
            names = [name.strip() for name in reader.fieldnames or ()]
            missing = [name for name in columns if name not in names]
            if missing:
                raise DataError(
                    f'{path}: no column {", ".join(missing)}; its first line must name '
                    f'{", ".join(columns)}, separated by commas, and names '
                    f'{", ".join(names) or "nothing"}.'
                )
            reader.fieldnames = names
            wanted = [name for name in (*columns, *optional) if name in names]
            for row in reader:
                cells = {name: (row[name] or '').strip() for name in wanted}
                for name, cell in cells.items():
                    if not cell:
                        raise DataError(f'{path}: line {reader.line_num}: no {name}.')
                yield reader.line_num, cells
    except OSError as error:
        raise DataError(f'{path}: cannot be read ({error}).') from error
    except UnicodeDecodeError as error:
        raise DataError(
            f'{path}: line {_undecodable_line(path)}: not UTF-8; save the table as that.'
        ) from error
    except csv.Error as error:
        raise DataError(f'{path}: not a CSV table ({error}).') from error


def _undecodable_line(path: Path) -> int:
    with path.open('rb') as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1
