"""What stays in the computer's memory beside a graphics card: tables that are only looked up in.

Gemma 4's embeddings for each layer are more than half of E2B's and E4B's weights, and a card may
not have the room for them even for a moment. Knows modules and the accelerate library; knows no
family. Heavy imports sit in the functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def placed(model: Any, card: int, on_cpu: Sequence[str]) -> dict[str, int | str]:
    """The device of every part of ``model``, by name: ``on_cpu`` are modules that stay off the
    card.

    No part is named that holds one of these. The library first puts all that lies within a part
    on its device, what has a place of its own included, and takes that out again afterwards.
    """
    found: dict[str, int | str] = {}
    inside = [("", model)]
    while inside:
        before, module = inside.pop()
        for name, child in module.named_children():
            whole = f"{before}{name}"
            if whole in on_cpu:
                found[whole] = "cpu"
            elif any(kept.startswith(f"{whole}.") for kept in on_cpu):
                inside.append((f"{whole}.", child))
            else:
                found[whole] = card
    return found


def keep_on_cpu(model: Any, names: Sequence[str]) -> None:
    """Looks rows up where the tables lie, and takes those alone to the card.

    What the library puts around a model in two places copies the whole table over at every step.
    """
    from accelerate.hooks import remove_hook_from_submodules

    remove_hook_from_submodules(model)
    for name in names:
        look_up_on_cpu(model.get_submodule(name), model.device)


def look_up_on_cpu(table: Any, device: Any) -> None:
    """Makes the embedding ``table`` live on the CPU, with rows handed out on ``device``."""
    table.to("cpu")
    table.register_forward_pre_hook(lambda _module, given: (given[0].cpu(), *given[1:]))
    table.register_forward_hook(lambda _module, _given, rows: rows.to(device))
