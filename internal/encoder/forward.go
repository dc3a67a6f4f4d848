package encoder

import (
	"context"
	"math"
)

// model is the weights of a BERT encoder (Devlin et al. 2018, arXiv:1810.04805) with what may follow its last layer.
type model struct {
	config
	kernels   *kernels
	words     *table
	positions []float32
	types     []float32
	embedding layerNorm
	layers    []layer
	pooler    *matrix // nil where there is none
	head      *head   // nil where there is none
}

// layerNorm is the parameters of a layer normalisation.
type layerNorm struct{ gamma, beta []float32 }

// layer is one of the encoder's layers: attention and a network of two linear layers, each followed by adding what went in and
// normalising.
type layer struct {
	qkv       *matrix // queries, keys and values of all heads
	attention *matrix
	norm1     layerNorm
	up, down  *matrix
	norm2     layerNorm
}

// batch is sequences of tokens, one behind the other: each takes as many rows as it has tokens, so nothing is padded.
type batch struct {
	ids   []int32
	types []uint8
	ends  []int // of each sequence, in ids
}

func (b *batch) reset() { b.ids, b.types, b.ends = b.ids[:0], b.types[:0], b.ends[:0] }

// end ends the sequence whose ids were appended: n of type 0, then some of type 1.
func (b *batch) end(n, second int) {
	for i := range n + second {
		b.types = append(b.types, uint8(min(1, max(0, i-n+1))))
	}
	b.ends = append(b.ends, len(b.ids))
}

// scratch is the memory of a forward pass over some rows.
type scratch struct {
	x      []float32 // rows x hidden: what goes from layer to layer
	y      []float32 // rows x hidden
	wide   []float32 // rows x max(4*hidden, intermediate)
	keys   []float32 // panels of a head
	values []float32
	scores []float32 // blockRows x sequence
	room   []float32 // two unpacked panels
	factor []float32 // what scores are multiplied by, per column
	ones   []float32
	zeros  []float32
	batch  batch
	texts  []int // which text each sequence of the batch is of
	split  words
}

// blockRows is how many rows of scores are there at a time.
const blockRows = 24

func (m *model) newScratch(rows, longest int) *scratch {
	floats := func(n int) []float32 { return make([]float32, n) }
	long := padded(longest)
	dim := m.Hidden / m.Heads
	s := &scratch{
		x: floats(rows * m.Hidden), y: floats(rows * m.Hidden), wide: floats(rows * max(4*m.Hidden, m.Intermediate)),
		keys: floats(long * dim), values: floats(long * dim), scores: floats(blockRows * long),
		room:   floats(2 * width * max(m.Hidden, m.Intermediate)),
		factor: floats(2 * width), ones: floats(2 * width), zeros: floats(2 * width),
	}
	for i := range s.ones {
		s.factor[i], s.ones[i] = float32(1/math.Sqrt(float64(dim))), 1
	}
	return s
}

// rows is the rows of sequence k after a forward pass.
func (s *scratch) rows(k int, firstOnly bool, hidden int) []float32 {
	if firstOnly {
		return s.x[k*hidden : (k+1)*hidden]
	}
	begin := 0
	if k > 0 {
		begin = s.batch.ends[k-1]
	}
	return s.x[begin*hidden : s.batch.ends[k]*hidden]
}

// padded rounds up to whole panels.
func padded(n int) int { return (n + width - 1) / width * width }

// forward runs the batch of s. Then s.x has a row for each token, or for the first token of each sequence alone, when only these
// are asked for. Between layers it calls pause, whose error ends it.
func (m *model) forward(ctx context.Context, s *scratch, firstOnly bool, pause func(context.Context) error) error {
	h := m.Hidden
	rows := len(s.batch.ids)
	m.embed(s)
	for i := range m.layers {
		if err := pause(ctx); err != nil {
			return err
		}
		l := &m.layers[i]
		qkv, mixed := s.wide[:rows*3*h], s.wide[rows*3*h:rows*4*h]
		m.kernels.linear(qkv, 3*h, s.x, h, rows, l.qkv, s.room)
		first := firstOnly && i == len(m.layers)-1
		m.attend(s, mixed, qkv, first)
		if first { // of the rest, nothing is read any more
			rows = m.keepFirst(s, mixed)
		}
		m.kernels.linear(s.y, h, mixed, h, rows, l.attention, s.room)
		m.addNorm(s.x, s.y, rows, l.norm1)
		up := s.wide[:rows*m.Intermediate]
		m.kernels.linear(up, m.Intermediate, s.x, h, rows, l.up, s.room)
		m.kernels.gelu(&up[0], len(up))
		m.kernels.linear(s.y, h, up, m.Intermediate, rows, l.down, s.room)
		m.addNorm(s.x, s.y, rows, l.norm2)
	}
	return nil
}

// embed sums what a token, its place and its type stand for.
func (m *model) embed(s *scratch) {
	h, begin := m.Hidden, 0
	for _, end := range s.batch.ends {
		for i := begin; i < end; i++ {
			m.words.get(s.x[i*h:(i+1)*h], int(s.batch.ids[i]))
			place, kind := m.positions[(i-begin)*h:(i-begin+1)*h], m.types[int(s.batch.types[i])*h:]
			for j := range place {
				s.y[i*h+j] = place[j] + kind[j]
			}
		}
		begin = end
	}
	m.addNorm(s.x, s.y, begin, m.embedding)
}

func (m *model) addNorm(x, y []float32, rows int, n layerNorm) {
	h := m.Hidden
	for i := range rows {
		m.kernels.normalize(&x[i*h], &y[i*h], &n.gamma[0], &n.beta[0], h, float32(m.Epsilon))
	}
}

func (m *model) keepFirst(s *scratch, mixed []float32) (rows int) {
	h, begin := m.Hidden, 0
	for i, end := range s.batch.ends {
		copy(s.x[i*h:(i+1)*h], s.x[begin*h:(begin+1)*h])
		copy(mixed[i*h:(i+1)*h], mixed[begin*h:(begin+1)*h])
		begin = end
	}
	return len(s.batch.ends)
}

// attend computes softmax(Q K^T / sqrt(d)) V (Vaswani et al. 2017, arXiv:1706.03762) for each head of each sequence; for its
// first row alone where the others aren't needed.
func (m *model) attend(s *scratch, mixed, qkv []float32, first bool) {
	h, dim, begin := m.Hidden, m.Hidden/m.Heads, 0
	for _, end := range s.batch.ends {
		n, rows := end-begin, end-begin
		if first {
			rows = 1
		}
		long := padded(n)
		for head := range m.Heads {
			in, at := qkv[begin*3*h:end*3*h], head*dim
			packColumns(s.keys, in[h+at:], 3*h, n, dim)
			packRows(s.values, in[2*h+at:], 3*h, n, dim)
			for r := 0; r < rows; r += blockRows {
				part := min(blockRows, rows-r)
				m.kernels.product(s.scores, long, in[r*3*h+at:], 3*h, part, s.keys, dim, long, s.factor, s.zeros)
				for i := range part {
					row := s.scores[i*long : (i+1)*long]
					for j := n; j < long; j++ {
						row[j] = -math.MaxFloat32
					}
					m.kernels.softmax(&row[0], long)
				}
				m.kernels.product(mixed[(begin+r)*h+at:], h, s.scores, long, part, s.values, n, dim, s.ones, s.zeros)
			}
		}
		begin = end
	}
}

// packColumns makes panels of a transposed matrix: n rows of dim numbers become n columns, the last panel filled up with zeros.
func packColumns(panels, rows []float32, stride, n, dim int) {
	for p := 0; p < n; p += width {
		panel := panels[p*dim : (p+width)*dim]
		if n-p < width {
			clear(panel)
		}
		for j := range min(width, n-p) {
			for i, x := range rows[(p+j)*stride : (p+j)*stride+dim] {
				panel[i*width+j] = x
			}
		}
	}
}

// packRows makes panels of a matrix of n rows and dim columns.
func packRows(panels, rows []float32, stride, n, dim int) {
	for i := range n {
		row := rows[i*stride : i*stride+dim]
		for p := 0; p < dim; p += width {
			copy(panels[p*n+i*width:], row[p:p+width])
		}
	}
}
