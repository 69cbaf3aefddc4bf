"""Element types as the KServe protocol names them, and as numpy does."""

# KServe v2, "Tensor Data Types"; BF16 is Triton's extension, and numpy has none.
DTYPE_OF = {
    'BOOL': 'bool',
    'UINT8': 'uint8',
    'UINT16': 'uint16',
    'UINT32': 'uint32',
    'UINT64': 'uint64',
    'INT8': 'int8',
    'INT16': 'int16',
    'INT32': 'int32',
    'INT64': 'int64',
    'FP16': 'float16',
    'FP32': 'float32',
    'FP64': 'float64',
}
KSERVE_OF = {dtype: name for name, dtype in DTYPE_OF.items()}
