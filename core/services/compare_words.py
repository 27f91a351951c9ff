"""What is said beside figures of several runs: on which leaves they are, and where they are not
the same. For the window and the terminal alike.

Knows runs side by side; works nothing out.
"""

from __future__ import annotations

from core.language import listed, number_text, tr, trn
from core.services.comparison import SideBySide, letter


def which(found: SideBySide) -> list[str]:
    """On which leaves the figures are, a sentence each; nothing where there are none in common."""
    if not found.leaves:
        return []
    said = [
        trn(
            "On the {n:,} held-out leaf that all of them have scored.",
            "On the {n:,} held-out leaves that all of them have scored.",
            found.leaves,
        )
    ]
    if groups := max(one.figures.groups for one in found.runs):
        said[0] += " " + trn("They are of {n:,} group.", "They are of {n:,} groups.", groups)
    held = {letter(k): len(one.scored.held) for k, one in enumerate(found.runs) if one.scored.held}
    if len(set(held.values())) > 1 or max(held.values()) > found.leaves + found.otherwise:
        counts = listed([f"{name} {number_text(count, ',')}" for name, count in held.items()])
        said.append(
            tr(
                "Held out and scored by each: {counts}; the others do not count here.",
                counts=counts,
            )
        )
    if found.otherwise:
        said.append(
            trn(
                "{n:,} more was labelled or outlined otherwise for one of them and does not count.",
                "{n:,} more were labelled or outlined otherwise for one of them and do not count.",
                found.otherwise,
            )
        )
    naming = [letter(k) for k, one in enumerate(found.runs) if not one.scored.masks]
    if naming:
        said.append(
            trn(
                "{runs} names diseases and draws nothing.",
                "{runs} name diseases and draw nothing.",
                len(naming),
                runs=listed(naming),
            )
        )
    return said


def unlike(found: SideBySide) -> list[str]:
    """What stands in the way of comparing them, a sentence each."""
    said = []
    if not found.leaves and any(one.scored.held for one in found.runs):
        said.append(
            tr(
                "No held-out leaf has been scored by all of them with the same label and outlines: "
                "each figure is of the run's own leaves. They do not tell which run is better."
            )
        )
    bare = [
        letter(k)
        for k, one in enumerate(found.runs)
        if not one.scored.held and not one.scored.learnt
    ]
    if bare:
        said.append(
            trn(
                "{runs} has no held-out leaf that was scored.",
                "{runs} have no held-out leaf that was scored.",
                len(bare),
                runs=listed(bare),
            )
        )
    for k, one in enumerate(found.runs):
        if one.scored.learnt:
            said.append(
                trn(
                    "{n:,} leaf that {run} held out was learnt by a run that it continued, and "
                    "does not count.",
                    "{n:,} leaves that {run} held out were learnt by a run that it continued, and "
                    "do not count.",
                    one.scored.learnt,
                    run=letter(k),
                )
            )
    return said


def against(found: SideBySide) -> str:
    """How to read the differences, under them."""
    run = letter(found.reference)
    known = [
        change
        for one in found.runs
        if (c := one.changes) is not None
        for change in (c.dice, c.accuracy, c.ccc)
        if change is not None
    ]
    if known and not any(change.known for change in known):
        return tr("Too few leaves, or groups of them, to say how sure a difference is.")
    return tr(
        "Each run minus {run}, leaf by leaf on the same leaves. Where 0 lies between the ends of "
        "an interval the difference may be chance.",
        run=run,
    )
