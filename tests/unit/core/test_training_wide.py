"""What is trained whole learns in fp32, however the base model is held."""

from __future__ import annotations

import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from core.training import wide


class Small(nn.Module):
    """A projector that is trained whole and a layer that carries LoRA."""

    def __init__(self) -> None:
        super().__init__()
        self.projector = nn.Linear(8, 8)
        self.layer = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layer(self.projector(input=x))
        return found


def with_lora(width: torch.dtype) -> nn.Module:
    model = Small().to(width).requires_grad_(False)
    return get_peft_model(model, LoraConfig(target_modules="layer", modules_to_save=["projector"]))


def test_small_steps_of_the_projector_are_not_rounded_away() -> None:
    model = with_lora(torch.bfloat16)
    assert wide.install(model) == 1
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    assert {p.dtype for p in trained.values()} == {torch.float32}
    weight = next(
        p for n, p in trained.items() if n.endswith("projector.modules_to_save.default.weight")
    )
    before = weight.detach().clone()
    optimiser = torch.optim.AdamW(trained.values(), lr=1e-6, weight_decay=0.0)
    model(torch.ones(2, 8, dtype=torch.bfloat16)).float().square().sum().backward()
    optimiser.step()
    moved = (weight - before).abs()
    assert bool((moved > 5e-7).all()), "as far as the learning rate says"


def test_what_comes_out_is_as_narrow_as_before_and_nearly_the_same() -> None:
    torch.manual_seed(0)
    module, x = nn.Linear(8, 8).to(torch.bfloat16), torch.randn(4, 8, dtype=torch.bfloat16)
    before = module(x)
    assert wide.widen(module)
    for after in (module(x), module(input=x)):
        assert after.dtype is torch.bfloat16
        assert torch.allclose(after.float(), before.float(), atol=0.05)


def test_on_a_base_in_fp32_nothing_is_changed() -> None:
    assert wide.install(with_lora(torch.float32)) == 0


def test_what_was_widened_has_its_own_width_again_when_a_model_is_taken_away() -> None:
    model = with_lora(torch.bfloat16)
    assert wide.install(model) == 1
    merged = model.merge_and_unload()
    assert wide.narrow(merged) == 1
    assert {p.dtype for p in merged.parameters()} == {torch.bfloat16}
    assert merged(torch.ones(2, 8, dtype=torch.bfloat16)).dtype is torch.bfloat16
    assert wide.narrow(merged) == 0
