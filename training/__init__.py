"""How models/surround.onnx comes to be: dataset, training, export, evaluation. See README.md here."""

CLASS_NAMES = ('pedestrian', 'car', 'cone', 'box')
WIDTH, HEIGHT = 320, 240  # network pixels
STRIDE = 4  # of every output
COLUMNS, ROWS = WIDTH // STRIDE, HEIGHT // STRIDE
