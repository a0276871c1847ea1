"""The field's metrics as pure functions of arrays: numpy, float64, batched over leading axes."""
