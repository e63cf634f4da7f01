"""The nearest of some known words to one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a mistyped one most likely stands for; None where none is near.

    Case does not count.

    >>> nearest("Souces", ["views", "sources"])
    'sources'
    """
    by_folded = {candidate.casefold(): candidate for candidate in known}
    found = difflib.get_close_matches(word.casefold(), by_folded, n=1)
    return by_folded[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str], kind: str) -> str:
    """What to do about an unknown word: the nearest known one, then all of them in order.

    >>> did_you_mean("veiws", ["views", "sources"], "keys")
    'Did you mean views? The keys here are: views, sources.'
    """
    listed = list(known)
    near = nearest(word, listed)
    hint = f"Did you mean {near}? " if near is not None else ""
    return f"{hint}The {kind} here are: {', '.join(listed)}."
