"""A Segment Anything checkpoint as the two ONNX files that programs with ONNX Runtime ask for.

    PYTHON sam_onnx.py CHECKPOINT.pth FOLDER WIDTH HEIGHT

Two pairs, the decoders in the library's own export with a single mask. ``encoder.onnx`` takes the
prepared picture [1, 3, 1024, 1024] named ``x``, ``decoder.onnx`` answers in the size of the photo.
``encoder_fixed.onnx`` takes RGB [684, 1024, 3], 0 to 255, and prepares it, ``decoder_fixed.onnx``
answers in that size. Needs torch, segment-anything and onnx.
"""

import sys
from pathlib import Path

import torch
from segment_anything import sam_model_registry
from segment_anything.utils.onnx import SamOnnxModel

OPSET = 17
FIXED = (684, 1024)


class Preparing(torch.nn.Module):
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
    folder, size = Path(sys.argv[2]), (int(sys.argv[4]), int(sys.argv[3]))
    embeddings = ["image_embeddings"]
    with torch.no_grad():
        prepared, photo = torch.zeros(1, 3, 1024, 1024), torch.zeros(*FIXED, 3)
        export(sam.image_encoder, prepared, folder / "encoder.onnx", ["x"], embeddings)
        export(Preparing(sam), photo, folder / "encoder_fixed.onnx", ["photo"], embeddings)
        decoder(sam, size, folder / "decoder.onnx")
        decoder(sam, FIXED, folder / "decoder_fixed.onnx")


def decoder(sam, size, path):
    """For photos of this (height, width): the export keeps how much of the square is photo."""
    given = {
        "image_embeddings": torch.zeros(1, 256, 64, 64),
        "point_coords": torch.zeros(1, 2, 2),
        "point_labels": torch.tensor([[1.0, -1.0]]),
        "mask_input": torch.zeros(1, 1, 256, 256),
        "has_mask_input": torch.zeros(1),
        "orig_im_size": torch.tensor(size, dtype=torch.float32),
    }
    said = ["masks", "iou_predictions", "low_res_masks"]
    axes = {"point_coords": {1: "points"}, "point_labels": {1: "points"}}
    model = SamOnnxModel(sam, return_single_mask=True)
    export(model, tuple(given.values()), path, list(given), said, axes)


main()
