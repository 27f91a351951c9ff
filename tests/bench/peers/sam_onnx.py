"""A Segment Anything checkpoint as the two ONNX files that programs with ONNX Runtime ask for.

    PYTHON sam_onnx.py CHECKPOINT.pth FOLDER

Writes ``decoder.onnx``, the library's own export with a single mask; ``encoder.onnx``, from the
prepared picture [1, 3, 1024, 1024] named ``x``; and ``encoder_of_photo.onnx``, from RGB of 684 x
1024 x 3, 0 to 255, with the preparing inside. Needs torch, segment-anything and onnx.
"""

import sys
from pathlib import Path

import torch
from segment_anything import sam_model_registry
from segment_anything.utils.onnx import SamOnnxModel

OPSET = 17
PHOTO = (684, 1024)


class OfPhoto(torch.nn.Module):
    def __init__(self, sam):
        super().__init__()
        self.sam = sam

    def forward(self, photo):
        return self.sam.image_encoder(self.sam.preprocess(photo.permute(2, 0, 1)[None]))


def export(model, given, path, inputs, output, axes=None):
    torch.onnx.export(
        model, given, str(path), input_names=inputs, output_names=output,
        dynamic_axes=axes, opset_version=OPSET, dynamo=False,
    )  # fmt: skip


def main():
    sam = sam_model_registry["vit_b"](checkpoint=sys.argv[1]).eval()
    folder = Path(sys.argv[2])
    with torch.no_grad():
        said = torch.zeros(1, 3, 1024, 1024)
        export(sam.image_encoder, said, folder / "encoder.onnx", ["x"], ["image_embeddings"])
        photo = torch.zeros(*PHOTO, 3)
        embeddings = ["image_embeddings"]
        export(OfPhoto(sam), photo, folder / "encoder_of_photo.onnx", ["input_image"], embeddings)
        prompts = {
            "image_embeddings": torch.zeros(1, 256, 64, 64),
            "point_coords": torch.zeros(1, 2, 2),
            "point_labels": torch.tensor([[1.0, -1.0]]),
            "mask_input": torch.zeros(1, 1, 256, 256),
            "has_mask_input": torch.zeros(1),
            "orig_im_size": torch.tensor(PHOTO, dtype=torch.float32),
        }
        axes = {"point_coords": {1: "points"}, "point_labels": {1: "points"}}
        decoder = SamOnnxModel(sam, return_single_mask=True)
        said = ["masks", "iou_predictions", "low_res_masks"]
        export(decoder, tuple(prompts.values()), folder / "decoder.onnx", list(prompts), said, axes)


main()
