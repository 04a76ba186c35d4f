"""Image files in a folder."""

from pathlib import Path

SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.pgm', '.png', '.tif', '.tiff', '.webp')


def image_files(folder: Path) -> list[Path]:
    """Return the images in a folder by name, but for hidden ones."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith('.')
    )
