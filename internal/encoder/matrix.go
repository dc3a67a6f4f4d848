package encoder

import (
	"math"
	"unsafe"
)

// matrix is the weights of a linear layer, y = W x + bias, in panels. They are float32, or int8 with a factor for each row of W.
type matrix struct {
	in, out     int       // columns and rows of W; out is a multiple of width
	full        []float32 // one of full
	small       []int8    // and small is there
	scale, bias []float32 // out numbers
}

func newMatrix(in, out int, p Precision) *matrix {
	m := &matrix{in: in, out: out, scale: make([]float32, out), bias: make([]float32, out)}
	if p == Float32 {
		m.full = make([]float32, in*out)
	} else {
		m.small = make([]int8, in*out)
	}
	return m
}

// panelled is where column i of row j of W lies: a row of W is a column of the panels.
func (m *matrix) panelled(j, i int) int { return j/width*width*m.in + i*width + j%width }

func (m *matrix) setRow(j int, row []float32) {
	m.scale[j] = 1
	at := m.panelled(j, 0)
	for i, x := range row {
		m.full[at+i*width] = x
	}
}

func (m *matrix) setSmallRow(j int, row []int8, scale float32) {
	m.scale[j] = scale
	at := m.panelled(j, 0)
	for i, x := range row {
		m.small[at+i*width] = x
	}
}

// quantize writes a row as int8 with a common factor: x is about factor * to, and off by at most factor/2.
func quantize(to []int8, row []float32) (factor float32) {
	var most float32
	for _, x := range row {
		most = max(most, float32(math.Abs(float64(x))))
	}
	if most == 0 {
		clear(to)
		return 0
	}
	factor = most / 127
	for i, x := range row {
		to[i] = int8(math.RoundToEven(float64(x / factor)))
	}
	return factor
}

// linear computes c = a W^T + bias for some rows of a. Room is memory for two unpacked panels.
func (k *kernels) linear(c []float32, ldc int, a []float32, lda, rows int, m *matrix, room []float32) {
	group := m.in * width
	for j := 0; j < m.out; {
		step := k.step(m.out - j)
		var b []float32
		if m.full != nil {
			b = m.full[j*m.in : j*m.in+step*group]
		} else {
			b = room[:step*group]
			k.unpack(&b[0], &m.small[j*m.in], len(b))
		}
		k.block(c[j:], ldc, a, lda, rows, b, m.in, step, m.scale[j:], m.bias[j:])
		j += step * width
	}
}

// product computes c = scale * (a b) + bias for some rows of a and the panels of b.
func (k *kernels) product(c []float32, ldc int, a []float32, lda, rows int, b []float32, depth, columns int, scale, bias []float32) {
	for j := 0; j < columns; {
		step := k.step(columns - j)
		k.block(c[j:], ldc, a, lda, rows, b[j*depth:], depth, step, scale, bias)
		j += step * width
	}
}

// step is how many panels are taken at once when so many columns are left.
func (k *kernels) step(columns int) int {
	if k.wide != nil && columns > width {
		return 2
	}
	return 1
}

// block walks the rows for one or two panels, in parts that are as equal as can be: a kernel takes hardly less time for one row than
// for four.
func (k *kernels) block(c []float32, ldc int, a []float32, lda, rows int, b []float32, depth, panels int, scale, bias []float32) {
	multiply, most := k.multiply, k.rows
	if panels == 2 {
		multiply, most = k.wide, k.wideRows
	}
	_, _, _ = c[(rows-1)*ldc+panels*width-1], a[(rows-1)*lda+depth-1], b[panels*depth*width-1] // what the kernels do not check
	_, _ = scale[panels*width-1], bias[panels*width-1]
	parts := (rows + most - 1) / most
	for r := 0; r < rows; parts-- {
		n := (rows - r + parts - 1) / parts
		multiply(&c[r*ldc], ldc, &a[r*lda], lda, &b[0], depth, &scale[0], &bias[0], n)
		r += n
	}
}

// table is an embedding: a vector for each id.
type table struct {
	columns int
	full    []float32 // one of full
	small   []int8    // and small is there
	scale   []float32
}

func newTable(rows, columns int, p Precision) *table {
	if p == Float32 {
		return &table{columns: columns, full: make([]float32, rows*columns)}
	}
	return &table{columns: columns, small: make([]int8, rows*columns), scale: make([]float32, rows)}
}

// get writes the vector of an id.
func (t *table) get(to []float32, id int) {
	if t.full != nil {
		copy(to, t.full[id*t.columns:(id+1)*t.columns])
		return
	}
	factor := t.scale[id]
	for i, x := range t.small[id*t.columns : (id+1)*t.columns] {
		to[i] = factor * float32(x)
	}
}

// asBytes is the same memory as bytes.
func asBytes(x []int8) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}
