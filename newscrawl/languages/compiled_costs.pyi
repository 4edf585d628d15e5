"""Types of the compiled forms, which take `str` and `list` themselves and nothing like them."""

from collections.abc import Callable, Sequence

class NgramSums:
    def __init__(
        self,
        find_costs: Callable[[str], int],
        *,
        languages: int,
        longest: int,
        max_gap: int,
        scale: int,
        unit: int,
        floor: int,
        strange: int,
    ) -> None: ...
    def __call__(self, word: str) -> list[int]: ...

def scale_costs(costs: Sequence[int], percent: int) -> list[int]: ...
def pack_word(costs: Sequence[int], word: str, bare: str, is_familiar: bool) -> int: ...
def cheapest_states(
    totals: list[int], change_costs: list[int], states: Sequence[int], entry_costs: Sequence[int]
) -> list[int]: ...
