// Package dense finds the vectors that are closest to one, in memory: signs first, which are a bit per dimension, then the best of
// those exactly. A vector of 384 dimensions takes 444 bytes; a hundred thousand are searched in under a millisecond on one core.
//
// Rows are kept as int8 with a scale of their own. Comparing signs is locality-sensitive hashing by the vectors' own axes (Charikar,
// "Similarity Estimation Techniques from Rounding Algorithms", STOC 2002); what it loses is measured in bench/README.md.
package dense

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sync"
)

// Index holds vectors by the ids of their chunks. It is safe for concurrent use: searches go on while vectors are added.
type Index struct {
	dims, words int

	mu    sync.RWMutex // adding appends; what was read of the slices before stays valid
	ids   []int64      // ascending
	signs []uint64     // words of each row
	rows  []byte       // dims of each row, each an int8
	scale []float32

	scratch sync.Pool // of *[]uint16
}

// rescored is how many vectors are compared exactly. With a quarter of it one in thirty of the ten closest is missed, see bench/README.md.
const rescored = 256

// New makes an empty index of vectors with dims dimensions.
func New(dims int) *Index {
	return &Index{dims: dims, words: (dims + 63) / 64}
}

// Row is a vector as it is stored: its scale (float32, little endian), then an int8 for each dimension.
type Row []byte

// NewRow compresses a vector. It returns an error for what is no vector of finite numbers: a broken embedder must not poison the index.
func NewRow(v []float32) (Row, error) {
	most := float32(0)
	for _, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return nil, fmt.Errorf("the vector holds %v", x)
		}
		most = max(most, x, -x)
	}
	if most == 0 {
		return nil, fmt.Errorf("the vector of %d dimensions is zero", len(v))
	}
	row := make(Row, 4+len(v))
	scale := most / 127
	binary.LittleEndian.PutUint32(row, math.Float32bits(scale))
	for i, x := range v {
		row[4+i] = byte(int8(math.RoundToEven(float64(x / scale))))
	}
	return row, nil
}

// Dims is how many dimensions the row has.
func (r Row) Dims() int { return len(r) - 4 }

// Score is the inner product of a query with a row, as Search has it. Both have the same dimensions.
func (r Row) Score(query []float32) float32 {
	return dot(query, r[4:]) * r.scale()
}

// Floats is the vector as it was compressed.
func (r Row) Floats() []float32 {
	out, scale := make([]float32, len(r)-4), r.scale()
	for i, b := range r[4:] {
		out[i] = float32(int8(b)) * scale
	}
	return out
}

func (r Row) scale() float32 { return math.Float32frombits(binary.LittleEndian.Uint32(r)) }

// Vector is the vector of a chunk.
type Vector struct {
	ID  int64 // of the chunk
	Row Row
}

// Add adds vectors. Those of chunks that have one already are passed over. A row of other dimensions is an error, and then none is added.
// It is quickest where ids ascend.
func (ix *Index) Add(vectors ...Vector) error {
	for _, v := range vectors {
		if v.Row.Dims() != ix.dims {
			return fmt.Errorf("a vector of %d dimensions does not fit into an index of %d", v.Row.Dims(), ix.dims)
		}
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.grow(len(vectors))
	for i, v := range vectors {
		if n := len(ix.ids); n > 0 && v.ID <= ix.ids[n-1] {
			ix.insert(vectors[i:])
			return nil
		}
		ix.append(v)
	}
	return nil
}

func (ix *Index) append(v Vector) {
	ix.ids = append(ix.ids, v.ID)
	ix.scale = append(ix.scale, v.Row.scale())
	row := v.Row[4:]
	ix.rows = append(ix.rows, row...)
	for len(row) > 0 {
		word := uint64(0)
		for i := 0; i < 64 && len(row) > 0; i += 8 {
			if len(row) < 8 {
				for j, b := range row {
					word |= uint64(^b>>7) << (i + j)
				}
				row = nil
				break
			}
			// Of eight numbers the signs, each the highest bit of its byte, are gathered in one byte by a product.
			signs := ^binary.LittleEndian.Uint64(row) >> 7 & 0x0101010101010101
			word |= signs * 0x0102040810204080 >> 56 << i
			row = row[8:]
		}
		ix.signs = append(ix.signs, word)
	}
}

// insert adds vectors whose ids do not ascend: everything is laid out anew, since what others read of the old layout must stay as it is.
func (ix *Index) insert(vectors []Vector) {
	vectors = slices.Clone(vectors)
	slices.SortStableFunc(vectors, func(a, b Vector) int { return cmp.Compare(a.ID, b.ID) })
	out := New(ix.dims)
	out.grow(len(ix.ids) + len(vectors))
	at := 0
	for _, v := range vectors {
		to := at
		for to < len(ix.ids) && ix.ids[to] <= v.ID {
			to++
		}
		out.take(ix, at, to)
		at = to
		if n := len(out.ids); n == 0 || out.ids[n-1] != v.ID {
			out.append(v)
		}
	}
	out.take(ix, at, len(ix.ids))
	ix.ids, ix.signs, ix.rows, ix.scale = out.ids, out.signs, out.rows, out.scale
}

// take appends rows of another index.
func (ix *Index) take(from *Index, at, to int) {
	ix.ids, ix.scale = append(ix.ids, from.ids[at:to]...), append(ix.scale, from.scale[at:to]...)
	ix.signs = append(ix.signs, from.signs[at*ix.words:to*ix.words]...)
	ix.rows = append(ix.rows, from.rows[at*ix.dims:to*ix.dims]...)
}

// Grow makes room for so many more vectors at once.
func (ix *Index) Grow(n int) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.grow(n)
}

// grow keeps little in reserve, a thirty-second part: doubling would cost more memory than signs do.
func (ix *Index) grow(n int) {
	need := len(ix.ids) + n
	if need <= cap(ix.ids) {
		return
	}
	if len(ix.ids) > 0 {
		need += need/32 + 64
	}
	ix.ids, ix.scale = room(ix.ids, need), room(ix.scale, need)
	ix.signs, ix.rows = room(ix.signs, need*ix.words), room(ix.rows, need*ix.dims)
}

func room[T any](s []T, n int) []T { return append(make([]T, 0, n), s...) }

// Len is how many vectors there are, those of chunks that are gone included.
func (ix *Index) Len() int {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return len(ix.ids)
}

// Dims is how many dimensions the vectors have.
func (ix *Index) Dims() int { return ix.dims }

// Bytes is what the vectors take in memory.
func (ix *Index) Bytes() int {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return cap(ix.ids)*8 + cap(ix.signs)*8 + cap(ix.rows) + cap(ix.scale)*4
}

// Keep returns an index of those vectors alone whose chunks are still there.
func (ix *Index) Keep(there func(id int64) bool) *Index {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	n := 0
	for _, id := range ix.ids {
		if there(id) {
			n++
		}
	}
	out := New(ix.dims)
	out.grow(n)
	for i, id := range ix.ids {
		if there(id) {
			out.take(ix, i, i+1)
		}
	}
	return out
}

// View is an index as it is at one time: what is added later is not in it.
type View struct {
	ix    *Index
	ids   []int64
	signs []uint64
	rows  []byte
	scale []float32
}

// View returns the index as it is now.
func (ix *Index) View() View {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return View{ix, ix.ids, ix.signs, ix.rows, ix.scale}
}

// Dims is how many dimensions the vectors have.
func (v View) Dims() int { return v.ix.dims }

// IDs are those of the chunks of all rows, ascending. They must not be changed.
func (v View) IDs() []int64 { return v.ids }

// row is the inner product of a query with a row.
func (v View) row(query []float32, at int) float32 {
	return dot(query, v.rows[at*v.ix.dims:(at+1)*v.ix.dims]) * v.scale[at]
}

// Similarity is the inner product of a query with the vector of a chunk. It says whether there is one.
func (v View) Similarity(query []float32, id int64) (float32, bool) {
	at, ok := slices.BinarySearch(v.ids, id)
	if !ok || len(query) != v.ix.dims {
		return 0, false
	}
	return v.row(query, at), true
}

// Has says whether there is a vector of a chunk.
func (ix *Index) Has(id int64) bool {
	_, ok := slices.BinarySearch(ix.View().ids, id)
	return ok
}

// Hit is a vector that was found.
type Hit struct {
	ID    int64
	Score float32 // inner product with the query: the cosine, where both have length 1
}

// Search returns the k closest vectors, the closest first, among those that allow lets be found; nil allows all. It finds k where
// there are k. What allow refuses costs a call and nothing more.
func (ix *Index) Search(query []float32, k int, allow func(id int64) bool) ([]Hit, error) {
	v := ix.View()
	if allow == nil {
		return v.Search(query, k, nil)
	}
	return v.Search(query, k, func(row int) bool { return allow(v.ids[row]) })
}

// Search is Index.Search; allow is asked for rows, by their places in IDs.
func (v View) Search(query []float32, k int, allow func(row int) bool) ([]Hit, error) {
	ix := v.ix
	if len(query) != ix.dims {
		return nil, fmt.Errorf("a query of %d dimensions does not fit an index of %d", len(query), ix.dims)
	}
	if len(v.ids) == 0 || k <= 0 {
		return nil, nil
	}
	distances, release := ix.distances(len(v.ids))
	defer release()
	counts := make([]int, ix.dims+1) // of each distance
	ix.measure(query, v.signs, distances, counts)

	// Rows in the order of their distances, as many at a time as are likely to be enough.
	want := max(rescored, 4*k)
	hits := make([]Hit, 0, min(want, len(v.ids)))
	var order []int32
	for from, some := 0, 2*want; from <= ix.dims && len(hits) < want; some *= 8 {
		to, sum := from, 0
		for to <= ix.dims && sum < some {
			sum += counts[to]
			to++
		}
		order = inOrder(distances, counts, from, to, sum, order)
		from = to
		for _, i := range order {
			if allow != nil && !allow(int(i)) {
				continue
			}
			hits = append(hits, Hit{v.ids[i], v.row(query, int(i))})
			if len(hits) == want {
				break
			}
		}
	}
	slices.SortFunc(hits, func(a, b Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
	return hits[:min(k, len(hits))], nil
}

// inOrder are the rows whose distances lie from one to before another, sum of them, the least first. It uses the memory of room.
func inOrder(distances []uint16, counts []int, from, to, sum int, room []int32) []int32 {
	starts := make([]int, to-from)
	for d := 1; d < len(starts); d++ {
		starts[d] = starts[d-1] + counts[from+d-1]
	}
	order := slices.Grow(room[:0], sum)[:sum]
	for i, d := range distances {
		if at := int(d) - from; at >= 0 && at < len(starts) {
			order[starts[at]] = int32(i)
			starts[at]++
		}
	}
	return order
}

// distances is room for a distance of each row.
func (ix *Index) distances(n int) ([]uint16, func()) {
	p, ok := ix.scratch.Get().(*[]uint16)
	if !ok || cap(*p) < n {
		s := make([]uint16, n, n+n/8)
		p = &s
	}
	*p = (*p)[:n]
	return *p, func() { ix.scratch.Put(p) }
}

// measure counts in how many signs each row differs from the query.
func (ix *Index) measure(query []float32, signs []uint64, distances []uint16, counts []int) {
	q := make([]uint64, ix.words)
	for i, x := range query {
		if x >= 0 {
			q[i/64] |= 1 << (i % 64)
		}
	}
	if ix.words == 6 { // 384 dimensions, those of MiniLM: worth a loop without bounds
		q0, q1, q2, q3, q4, q5 := q[0], q[1], q[2], q[3], q[4], q[5]
		for i := range distances {
			r := signs[6*i : 6*i+6 : 6*i+6]
			d := bits.OnesCount64(r[0]^q0) + bits.OnesCount64(r[1]^q1) + bits.OnesCount64(r[2]^q2) + bits.OnesCount64(r[3]^q3) + bits.OnesCount64(r[4]^q4) + bits.OnesCount64(r[5]^q5)
			distances[i] = uint16(d)
			counts[d]++
		}
		return
	}
	for i := range distances {
		d := 0
		for w, x := range signs[i*ix.words : (i+1)*ix.words] {
			d += bits.OnesCount64(x ^ q[w])
		}
		distances[i] = uint16(d)
		counts[d]++
	}
}

// dot is the inner product of a query with the int8 numbers of a row.
func dot(q []float32, row []byte) float32 {
	var a, b, c, d float32
	i := 0
	for ; i+4 <= len(q) && i+4 <= len(row); i += 4 {
		a += q[i] * float32(int8(row[i]))
		b += q[i+1] * float32(int8(row[i+1]))
		c += q[i+2] * float32(int8(row[i+2]))
		d += q[i+3] * float32(int8(row[i+3]))
	}
	for ; i < len(q); i++ {
		a += q[i] * float32(int8(row[i]))
	}
	return a + b + c + d
}
