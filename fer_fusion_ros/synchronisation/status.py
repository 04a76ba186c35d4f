"""What a synchroniser knows about its streams."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LensStatus:
    """State of one stream.

    :ivar received: frames taken in since the start.
    :ivar matched: frames that went out in a set.
    :ivar dropped: frames that never will.
    :ivar rate: frames per second by capture stamps (0 before the second frame, and of a lens
        that has fallen silent).
    :ivar skew: mean stamp offset in seconds to the set's stamp (positive: captured later).
    :ivar lead: seconds by which the stamps of a stale lens that still delivers are ahead of those
        of the other lenses, or behind where negative; else 0.
    :ivar stalled: seconds for which frames have come whose stamps did not grow.
    :ivar stale: no recent frame, or out of step, or rare; sets are made without this lens.
    :ivar rare: it delivers, but so rarely that the others do not wait for it.
    """

    received: int
    matched: int
    dropped: int
    rate: float
    skew: float
    lead: float
    stalled: float
    stale: bool
    rare: bool

    def offset(self) -> str:
        """Return `lead` in words."""
        side = 'ahead of' if self.lead > 0 else 'behind'
        return f"{abs(self.lead):.2f} s {side} the other lenses'"


@dataclass(frozen=True)
class SynchroniserStatus:
    """State of a synchroniser and of its streams.

    :ivar lenses: by name, in the order given to the synchroniser.
    :ivar sets: sets made since the start.
    :ivar resets: how often the clock jumped backwards.
    :ivar jump: the lens whose stamps did so last, and by how many seconds; None before.
    :ivar missing: stale lenses.
    """

    lenses: dict[str, LensStatus]
    sets: int
    resets: int
    jump: tuple[str, float] | None
    missing: tuple[str, ...]
