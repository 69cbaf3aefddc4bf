"""Dataset, training, export and evaluation of models/surround.onnx.

README.md in this folder explains its use.
"""

CLASS_NAMES = ('pedestrian', 'car', 'cone', 'box')
WIDTH, HEIGHT = 320, 240  # size of the network input, in pixels
STRIDE = 4  # of all outputs
COLUMNS, ROWS = WIDTH // STRIDE, HEIGHT // STRIDE
