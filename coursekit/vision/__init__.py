"""Convolutional networks: blocks, the famous architectures built from them, what they cost and what others have
taught them; Siamese networks; distorted images; boxes and masks."""

from coursekit.vision.architectures import (
    alexnet,
    efficientnet_lite0,
    inception_v1,
    lenet5,
    resnet18,
    resnet34,
    resnet50,
    vgg16,
)
from coursekit.vision.augmentation import RandomDistortion
from coursekit.vision.blocks import (
    bottleneck_block,
    conv_block,
    inception_block,
    inverted_residual_block,
    residual_block,
)
from coursekit.vision.boxes import average_precision, box_iou, dice, mean_iou, non_maximum_suppression
from coursekit.vision.costs import blueprint, count_operations
from coursekit.vision.detection import anchor_grid, decode_boxes, encode_boxes, match_anchors
from coursekit.vision.siamese import OneShotTasks, one_shot_tasks, siamese, siamese_encoder
from coursekit.vision.weights import copy_weights, load_imagenet_weights

__all__ = [
    "OneShotTasks",
    "RandomDistortion",
    "alexnet",
    "anchor_grid",
    "average_precision",
    "blueprint",
    "bottleneck_block",
    "box_iou",
    "conv_block",
    "copy_weights",
    "count_operations",
    "decode_boxes",
    "dice",
    "efficientnet_lite0",
    "encode_boxes",
    "inception_block",
    "inception_v1",
    "inverted_residual_block",
    "lenet5",
    "load_imagenet_weights",
    "match_anchors",
    "mean_iou",
    "non_maximum_suppression",
    "one_shot_tasks",
    "residual_block",
    "resnet18",
    "resnet34",
    "resnet50",
    "siamese",
    "siamese_encoder",
    "vgg16",
]
