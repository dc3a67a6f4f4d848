package encoder

// scaleSuffix names the tensor with the factors of an int8 matrix.
const scaleSuffix = ".scale"

// quantized says whether a tensor is int8 with factors.
func (t *tensors) quantized(name string) bool { return t.entries[name].Dtype == "I8" }
