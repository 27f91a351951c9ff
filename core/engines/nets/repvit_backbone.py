"""RepViT where the transformers library expects a model of another library's.

Knows the library's way of adding models of one's own; the network is ``nets.repvit``.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from core.engines.nets.repvit import RepViT


class RepVitConfig(PreTrainedConfig):  # type: ignore[misc]
    """Channels and number of blocks, one of each per stage."""

    model_type = "leafspot_repvit"
    widths: list[int] | None = None
    depths: list[int] | None = None


class RepVitBackbone(PreTrainedModel):  # type: ignore[misc]
    """Gives the feature maps of all stages, fine to coarse, as ``last_hidden_state``."""

    config_class = RepVitConfig
    _supports_sdpa = True  # there is no attention in it: any kind that is asked for will do

    def __init__(self, config: RepVitConfig) -> None:
        super().__init__(config)
        # Under the name that the published weights have for it.
        self.timm_model = RepViT(tuple(config.widths or ()), tuple(config.depths or ()))
        self.post_init()

    def forward(self, pixel_values: Tensor, **_: Any) -> BaseModelOutput:
        """``pixel_values`` [n, 3, h, w]; whatever else the library says is not heeded."""
        return BaseModelOutput(last_hidden_state=self.timm_model(pixel_values))


def register() -> None:
    """Let the library find it by its configuration. May be called again."""
    AutoConfig.register(RepVitConfig.model_type, RepVitConfig, exist_ok=True)
    AutoModel.register(RepVitConfig, RepVitBackbone, exist_ok=True)
