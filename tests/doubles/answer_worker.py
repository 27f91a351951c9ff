"""An answer worker that keeps the contract and knows nothing: a real process, real files.

LEAFSPOT_ANSWERS holds "failed": a sentence, "refuse", "die", "haunt" and "leafless": names,
"agreement", "dice_change"; "merged_agreement" of the merged model; "small_card": "failed" or
"refused", with which a merged model is answered on a card. One that haunts leaves a process
behind that holds its pipes; of a leafless one only the lesions are found.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core import adapter_package
from core.errors import UserError
from core.workers.channel import Channel


def main() -> int:
    channel = Channel.claim("answer")
    play: dict[str, Any] = json.loads(os.environ.get("LEAFSPOT_ANSWERS", "{}"))
    folder, merged = Path(sys.argv[1]), "--merged" in sys.argv
    small = play.get("small_card") if merged and "--off-card" not in sys.argv else None
    try:
        classes = _classes(folder, merged=merged)
    except UserError as error:
        channel.send("failed", text=str(error))
        return 1
    if play.get("failed"):
        channel.send("failed", text=play["failed"])
        return 1
    if small == "failed":
        channel.send("failed", text="the card is full", card_full=True)
        return 1
    channel.send("ready", classes=list(classes))
    while isinstance(command := channel.receive(), dict):
        if command["do"] == "stop":
            channel.send("stopped")
            return 0
        if command["do"] == "verify" and small == "refused":
            channel.send("refused", text="the card is full", card_full=True)
        elif command["do"] == "verify":
            asked = "merged_agreement" if merged else "agreement"
            agreement, change = play.get(asked, 1.0), play.get("dice_change", 0.0)
            channel.send("verified", agreement=agreement, dice_change=change)
        elif command["do"] == "merge":
            Path(command["out"], "model.safetensors").write_bytes(b"merged")
            Path(command["out"], "classes.json").write_text(json.dumps(classes))
            channel.send("merged")
        else:
            predict(channel, command, play, classes)
    return 0


def _classes(folder: Path, *, merged: bool) -> tuple[str, ...]:
    if merged:
        return tuple(json.loads((folder / "classes.json").read_text()))
    return adapter_package.verify(folder).classes


def haunt(ghosts: str) -> None:
    """As a library does that forks helpers: one keeps every pipe open for an hour."""
    if (child := os.fork()) == 0:
        time.sleep(3600)
        os._exit(0)
    Path(ghosts).write_text(str(child))
    os._exit(11)


def predict(
    channel: Channel, command: dict[str, Any], play: dict[str, Any], classes: tuple[str, ...]
) -> None:
    path, out = Path(command["path"]), Path(command["out"])
    if path.name in play.get("haunt", []):
        haunt(play["ghosts"])
    if path.name in play.get("die", []):
        os._exit(11)
    if path.name in play.get("refuse", []):
        channel.send("refused", token=command["token"], text=f"{path.name}: it is too dark.")
        return
    lesions = np.zeros((32, 32), np.uint8)
    lesions[8:16, 8:16] = 255
    leaf = np.zeros((32, 32), np.uint8)
    if path.name not in play.get("leafless", []):
        leaf[4:28, 4:28] = 255
    Image.fromarray(lesions).save(out / "lesions.png")
    Image.fromarray(leaf).save(out / "leaf.png")
    shares = [[classes[0], 0.75], *([name, 0.25 / (len(classes) - 1)] for name in classes[1:])]
    channel.send(
        "answer",
        token=command["token"],
        predicted=classes[0],
        probabilities=shares,
        lesions=str(out / "lesions.png"),
        leaf=str(out / "leaf.png"),
    )


if __name__ == "__main__":
    sys.exit(main())
