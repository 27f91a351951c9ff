"""Which of several runs to take away, in a sentence that claims no more than the leaves can show.

The rule is that of the stages: a run is better than another if its Dice is higher by more than
chance, on the leaves that all of them held out, and its naming not worse by more than chance. Where
no lesion is drawn or outlined the naming alone decides. Knows runs side by side; reads nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.language import listed, tr, trn
from core.services.comparison import Scored, in_common, letter
from core.services.figures import Gain, gain, lesion_dice
from core.services.programme import better


def sentence(several: Sequence[Scored]) -> str:
    """The runs are called by their letters."""
    places = [k for k, one in enumerate(several) if one.run.kept and one.held]
    drawing = [k for k in places if any(lesion_dice(s) is not None for s in several[k].held)]
    able = drawing or places
    aside = _aside(several)
    if len(able) < 2:
        return _few(several, able)
    common, _ = in_common([several[k] for k in able], both=True)
    if not common:
        return tr(
            "Which one to take away cannot be told: {runs} have no held-out leaf in common that is "
            "labelled alike.",
            runs=_letters(able),
        )
    groups = {image: group for k in able for image, group in several[k].groups.items()}
    held = {k: [s for s in several[k].held if s.image in common] for k in able}
    gains = {(a, b): gain(held[b], held[a], groups) for a in able for b in able if a != b}
    if not all(_known(found, drawing=bool(drawing)) for found in gains.values()):
        said = trn(
            "Which one to take away cannot be told: {n:,} held-out leaf in common is too few.",
            "Which one to take away cannot be told: {n:,} held-out leaves in common, or their "
            "groups, are too few.",
            len(common),
        )
    else:
        beats = {pair for pair, found in gains.items() if _beats(found, drawing=bool(drawing))}
        said = _verdict(able, beats, drawing=bool(drawing))
    return f"{said} {aside}".strip()


def _known(found: Gain, *, drawing: bool) -> bool:
    decides = found.dice if drawing else found.accuracy
    return decides is not None and decides.known


def _beats(found: Gain, *, drawing: bool) -> bool:
    if drawing:
        return better(found)
    return found.accuracy is not None and found.accuracy.above_zero


def _verdict(able: Sequence[int], beats: set[tuple[int, int]], *, drawing: bool) -> str:
    behind = [k for k in able if any((other, k) in beats for other in able)]
    ahead = [k for k in able if k not in behind]
    if len(ahead) == 1 and all((ahead[0], other) in beats for other in behind):
        run, others = letter(ahead[0]), _letters(behind)
        if drawing:
            return tr(
                "Take {run} away: its outlines are better than those of {others} by more than "
                "chance, and its naming is no worse.",
                run=run,
                others=others,
            )
        return tr(
            "Take {run} away: its naming is better than that of {others} by more than chance.",
            run=run,
            others=others,
        )
    said = tr(
        "{runs} cannot be told apart on these leaves: what lies between them may be chance.",
        runs=_letters(ahead if len(ahead) > 1 else able),
    )
    if len(ahead) > 1 and behind:
        more = trn(
            "{runs} is behind one of them by more than chance.",
            "{runs} are behind one of them by more than chance.",
            len(behind),
            runs=_letters(behind),
        )
        return f"{said} {more}"
    return said


def _few(several: Sequence[Scored], able: Sequence[int]) -> str:
    if not able:
        return tr("None of them is one to take away.")
    rest = [k for k, one in enumerate(several) if k not in able and one.run.kept]
    naming = [k for k in rest if several[k].held]
    said = [tr("Only {run} is one to take away.", run=letter(able[0])), _aside(several)]
    if naming:
        said.append(
            trn("{runs} draws nothing.", "{runs} draw nothing.", len(naming), runs=_letters(naming))
        )
    if bare := [k for k in rest if k not in naming]:
        said.append(
            trn(
                "{runs} has no held-out leaf that was scored.",
                "{runs} have no held-out leaf that was scored.",
                len(bare),
                runs=_letters(bare),
            )
        )
    return " ".join(filter(None, said))


def _aside(several: Sequence[Scored]) -> str:
    """Which of them are none to choose from; "" where all are."""
    judging = [k for k, one in enumerate(several) if not one.run.kept]
    if not judging:
        return ""
    return trn(
        "{runs} is there to judge others by, or was not kept.",
        "{runs} are there to judge others by, or were not kept.",
        len(judging),
        runs=_letters(judging),
    )


def _letters(places: Sequence[int]) -> str:
    return listed([letter(k) for k in places])
