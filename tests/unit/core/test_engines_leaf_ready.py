"""The decoder as it answers a person says what the decoder says that was trained."""

from __future__ import annotations

import pytest
import torch

from core.engines.nets.leaf import LEVELS, LeafNet, Prompts, fold
from core.engines.nets.leaf_ready import Asked, Reading, Ready

Clicks = tuple[tuple[float, float, bool], ...]
Box = tuple[float, float, float, float]
SIDES = (128, 192)
BOX = (40.0, 30.0, 90.0, 77.0)
PLUS, MINUS, FAR = (70.5, 50.0, True), (91.0, 61.5, False), (20.0, 100.0, True)
WINDOW = (32, 16, 136, 120)


@pytest.fixture(scope="module")
def net() -> LeafNet:
    torch.manual_seed(3)
    made = LeafNet()
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.5, 2.0)
    return fold(made.eval())


def _read(net: LeafNet, features: dict[int, torch.Tensor]) -> Reading:
    steps = Ready(net).read(features)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Reading = end.value
            return found


def _same(ours: torch.Tensor, theirs: torch.Tensor, edge: int = 0) -> bool:
    """Whether [h, w, kinds] and [1, kinds, h, w] say the same ``edge`` cells from their edges, but
    for what is lost where a reading is kept in half the digits."""
    inner = slice(edge, -edge or None)
    return torch.allclose(
        ours.float().permute(2, 0, 1)[:, inner, inner], theirs[0, :, inner, inner], atol=2e-3
    )


def _prompts(asked: Asked) -> Prompts:
    clicks = [click[:2] for click in asked.clicks] or [(0.0, 0.0)]
    signs = [1 if plus else -1 for *_, plus in asked.clicks] or [0]
    before = torch.zeros(SIDES) if asked.before is None else asked.before
    box = asked.box or (-1.0,) * 4
    return Prompts(
        torch.tensor([clicks]), torch.tensor([signs]), torch.tensor([box]), before[None, None]
    )


@pytest.mark.parametrize("finest", [1, 2])
@pytest.mark.parametrize(
    ("clicks", "box", "going_on"),
    [
        ((PLUS,), None, False),
        ((PLUS, MINUS, FAR), None, True),
        ((), BOX, False),
        ((MINUS,), BOX, True),
        ((PLUS,), BOX, False),
    ],
)
@torch.no_grad()
def test_every_prompt_is_answered_as_by_the_decoder_that_was_trained(
    net: LeafNet, clicks: Clicks, box: Box | None, going_on: bool, finest: int
) -> None:
    photo = torch.rand(1, 3, *SIDES)
    features = net.encoder(photo)
    asked = Asked(clicks, box, torch.rand(SIDES) if going_on else None)
    prompts, decoder, origin = _prompts(asked), net.decoder, torch.tensor([WINDOW[:2]])
    x0, y0, x1, y1 = WINDOW
    cut = slice(y0 // 4, y1 // 4), slice(x0 // 4, x1 // 4)
    seen = photo[:, :, y0:y1, x0:x1]

    alike = decoder.likeness(features, prompts)
    state, eighth = decoder.coarse(features, prompts, alike)
    near, features4 = alike[4][:, :, *cut], features[4][:, :, *cut]
    above = state[:, :, y0 // 8 : y1 // 8, x0 // 8 : x1 // 8]
    state, quarter = decoder.middle(above, features4, prompts, near, origin)
    finer = decoder.fine(state, seen, prompts, near, origin, finest)[finest]

    ready, reading = Ready(net), _read(net, features)
    found, logits = ready.coarse(reading, asked)
    assert _same(logits, eighth)
    found, logits, like = ready.middle(found, reading, asked, WINDOW)
    # Behind the window's edges the trained decoder was told that there is nothing.
    assert _same(logits, quarter, edge=4)
    logits = ready.fine(found, seen, asked, like, WINDOW[:2], finest)
    assert _same(logits, finer, edge=24 // finest)
    assert _same(reading.kinds, net.encoder.everything(features))


@torch.no_grad()
def test_a_part_of_what_was_read_is_what_lies_there(net: LeafNet) -> None:
    shapes = {stride: (1, wide, 128 // stride, 128 // stride) for stride, wide in LEVELS.items()}
    reading = _read(net, {stride: torch.rand(shape) for stride, shape in shapes.items()})
    part = reading.part(32, 64, 96, 128)
    for stride, level in part.first.items():
        whole = reading.first[stride]
        assert torch.equal(level, whole[64 // stride :, 32 // stride : 96 // stride])
    assert torch.equal(part.kinds, reading.kinds[16:, 8:24])
