package encoder

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
)

// maxHeader bounds the header of a safetensors file, in bytes. That of a BERT model of 24 layers takes 45 KB.
const maxHeader = 4 << 20

// tensors reads a file in the safetensors format: eight bytes with the header's length (little endian), the header in JSON
// (name -> dtype, shape and data_offsets into the rest), the rest. The format asks that the tensors cover the rest without holes
// or overlaps, and so does this reader (https://github.com/huggingface/safetensors#format).
type tensors struct {
	from     io.ReaderAt
	data     int64 // where the rest begins
	entries  map[string]tensor
	metadata map[string]string
}

type tensor struct {
	Dtype   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// bytesPer is the size of the types that weights come in; others (position_ids are I64) are skipped unread.
var bytesPer = map[string]int64{
	"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
	"F8_E4M3": 1, "F8_E5M2": 1,
}

// readTensors reads and checks the header. It allocates in proportion to the header alone, whatever the header says.
func readTensors(from io.ReaderAt, size int64) (*tensors, error) {
	var prefix [8]byte
	if _, err := from.ReadAt(prefix[:], 0); err != nil {
		return nil, fmt.Errorf("the file is %d bytes long, too short for a safetensors file", size)
	}
	length := binary.LittleEndian.Uint64(prefix[:])
	if length > maxHeader || int64(length) > size-8 {
		return nil, fmt.Errorf("the header claims %d bytes (the file has %d, and at most %d are read): it is no safetensors file, or cut off", length, size, maxHeader)
	}
	header := make([]byte, length)
	if _, err := from.ReadAt(header, 8); err != nil {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		return nil, fmt.Errorf("the header is not JSON: %w", err)
	}
	t := &tensors{from: from, data: 8 + int64(length), entries: make(map[string]tensor, len(raw))}
	for name, text := range raw {
		if name == "__metadata__" {
			if err := json.Unmarshal(text, &t.metadata); err != nil {
				return nil, fmt.Errorf("the header's metadata: %w", err)
			}
			continue
		}
		var e tensor
		if err := json.Unmarshal(text, &e); err != nil {
			return nil, fmt.Errorf("the header's entry of tensor %q: %w", name, err)
		}
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		t.entries[name] = e
	}
	return t, t.covers(size - t.data)
}

func (e tensor) check() error {
	per, ok := bytesPer[e.Dtype]
	if !ok {
		return fmt.Errorf("dtype %q is not known", e.Dtype)
	}
	want := per
	for _, n := range e.Shape {
		if n < 0 || n != 0 && want > math.MaxInt64/n {
			return fmt.Errorf("shape %v is not possible", e.Shape)
		}
		want *= n
	}
	if begin, end := e.Offsets[0], e.Offsets[1]; begin < 0 || end < begin || end-begin != want {
		return fmt.Errorf("shape %v of %s takes %d bytes, but the offsets are %v", e.Shape, e.Dtype, want, e.Offsets)
	}
	return nil
}

func (t *tensors) covers(size int64) error {
	names := slices.SortedFunc(maps.Keys(t.entries), func(a, b string) int {
		x, y := t.entries[a].Offsets, t.entries[b].Offsets
		if c := slices.Compare(x[:], y[:]); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	var at int64
	for _, name := range names {
		e := t.entries[name]
		if e.Offsets[0] != at {
			return fmt.Errorf("tensor %q begins at byte %d, where %d was expected: tensors overlap or leave a hole", name, e.Offsets[0], at)
		}
		at = e.Offsets[1]
	}
	if at != size {
		return fmt.Errorf("the tensors take %d bytes, the file has %d: it was cut off, or has something appended", at, size)
	}
	return nil
}

func (t *tensors) has(name string) bool {
	_, ok := t.entries[name]
	return ok
}

// find returns a tensor that must have this shape.
func (t *tensors) find(name string, shape ...int) (tensor, error) {
	e, ok := t.entries[name]
	if !ok {
		return e, fmt.Errorf("tensor %q is missing", name)
	}
	if !slices.EqualFunc(e.Shape, shape, func(a int64, b int) bool { return a == int64(b) }) {
		return e, fmt.Errorf("tensor %q has shape %v, and config.json asks for %v", name, e.Shape, shape)
	}
	return e, nil
}

var errNotFinite = errors.New("holds a number that is infinite or not a number")

// eachRow calls do with each row of a matrix of floats, converted to float32, in order. The row is valid until do returns.
func (t *tensors) eachRow(name string, rows, columns int, do func(i int, row []float32)) error {
	e, err := t.find(name, rows, columns)
	if err != nil {
		return err
	}
	return t.read(name, e, rows, columns, do)
}

// floats returns a vector of floats.
func (t *tensors) floats(name string, n int) ([]float32, error) {
	e, err := t.find(name, n)
	if err != nil {
		return nil, err
	}
	out := make([]float32, n)
	return out, t.read(name, e, 1, n, func(_ int, row []float32) { copy(out, row) })
}

func (t *tensors) read(name string, e tensor, rows, columns int, do func(i int, row []float32)) error {
	var convert func([]byte) float32
	switch e.Dtype {
	case "F32":
		convert = func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
	case "F16":
		convert = func(b []byte) float32 { return fromHalf(binary.LittleEndian.Uint16(b)) }
	case "BF16":
		convert = func(b []byte) float32 {
			return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
		}
	default:
		return fmt.Errorf("tensor %q is of type %s; F32, F16 and BF16 can be read", name, e.Dtype)
	}
	per := int(bytesPer[e.Dtype])
	chunk := max(1, min(rows, 1<<18/max(1, columns*per))) // rows read at once
	buffer := make([]byte, chunk*columns*per)
	row := make([]float32, columns)
	for i := 0; i < rows; i++ {
		if i%chunk == 0 {
			part := buffer[:min(chunk, rows-i)*columns*per]
			if _, err := t.from.ReadAt(part, t.data+e.Offsets[0]+int64(i)*int64(columns*per)); err != nil {
				return fmt.Errorf("read tensor %q: %w", name, err)
			}
		}
		at := i % chunk * columns * per
		for j := range row {
			row[j] = convert(buffer[at+j*per:])
			if row[j]-row[j] != 0 { // so only for NaN and the infinities
				return fmt.Errorf("tensor %q %w", name, errNotFinite)
			}
		}
		do(i, row)
	}
	return nil
}

// bytes returns a matrix of int8.
func (t *tensors) bytes(name string, rows, columns int) ([]int8, error) {
	e, err := t.find(name, rows, columns)
	if err != nil {
		return nil, err
	}
	if e.Dtype != "I8" {
		return nil, fmt.Errorf("tensor %q is of type %s, not I8", name, e.Dtype)
	}
	out := make([]int8, rows*columns)
	if _, err := t.from.ReadAt(asBytes(out), t.data+e.Offsets[0]); err != nil {
		return nil, fmt.Errorf("read tensor %q: %w", name, err)
	}
	return out, nil
}

// fromHalf converts an IEEE 754 binary16 number.
func fromHalf(h uint16) float32 {
	sign, exponent, fraction := uint32(h&0x8000)<<16, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exponent {
	case 0:
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*(1.0/(1<<24)))) // zero and subnormal
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}
