"""What the simulated rig knows about a person it shows."""

from dataclasses import dataclass

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class RigTruth:
    """One person in front of the rig at one moment.

    :param face_box: per lens, x, y, width and height in pixels of its raw, distorted image.
    :param position: centre of the face in metres from the array's centre, x right, y down,
        z forward.
    :param distance: from the array to the plane of the face, in metres.
    :param face: index of the photograph.
    :param expression: label of the photograph, None when it has none.
    :param light: visible light level, 1.0 daylight to 0.02 near dark.
    """

    face_box: dict[str, Box]
    position: tuple[float, float, float]
    distance: float
    face: int
    expression: str | None
    light: float
