package encoder

import (
	"fmt"
	"strings"
)

// head is a classification head: logits = weights x + bias, over the pooler's output.
type head struct {
	labels  []string
	weights []float32 // labels x hidden
	bias    []float32
}

// load makes a model of its tensors. Matrices that the file has as float become int8 when that is asked for.
func load(t *tensors, c config, p Precision, k *kernels) (*model, error) {
	l := loader{tensors: t, precision: p}
	if t.has("bert.embeddings.word_embeddings.weight") {
		l.prefix = "bert."
	}
	m := &model{config: c, kernels: k}
	h := c.Hidden
	m.words = l.table("embeddings.word_embeddings.weight", c.Vocabulary, h)
	m.positions = l.rows("embeddings.position_embeddings.weight", c.Positions, h)
	m.types = l.rows("embeddings.token_type_embeddings.weight", c.Types, h)
	m.embedding = l.norm("embeddings.LayerNorm", h)
	for i := range c.Layers {
		if l.err != nil {
			break
		}
		name := fmt.Sprintf("encoder.layer.%d.", i)
		m.layers = append(m.layers, layer{
			qkv:       l.matrix(h, h, name+"attention.self.query", name+"attention.self.key", name+"attention.self.value"),
			attention: l.matrix(h, h, name+"attention.output.dense"),
			norm1:     l.norm(name+"attention.output.LayerNorm", h),
			up:        l.matrix(h, c.Intermediate, name+"intermediate.dense"),
			down:      l.matrix(c.Intermediate, h, name+"output.dense"),
			norm2:     l.norm(name+"output.LayerNorm", h),
		})
	}
	if c.classifies() {
		m.pooler = l.matrix(h, h, "pooler.dense")
		m.head = &head{labels: c.labels()}
		l.prefix = ""
		m.head.weights = l.rows("classifier.weight", len(m.head.labels), h)
		m.head.bias = l.vector("classifier.bias", len(m.head.labels))
	}
	return m, l.err
}

// loader reads what a model needs and keeps the first error. Nothing is allocated for a tensor before it was found to be in the
// file in the shape that is asked for, so a wrong config.json cannot ask for more memory than the file has.
type loader struct {
	tensors   *tensors
	prefix    string
	precision Precision
	err       error
}

// name is a tensor's name in the file; old files call the parameters of a normalisation gamma and beta.
func (l *loader) name(name string) string {
	name = l.prefix + name
	if !l.tensors.has(name) {
		old := strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta").Replace(name)
		if l.tensors.has(old) {
			return old
		}
	}
	return name
}

func (l *loader) vector(name string, n int) []float32 {
	if l.err != nil {
		return nil
	}
	var out []float32
	out, l.err = l.tensors.floats(l.name(name), n)
	return out
}

func (l *loader) norm(name string, n int) layerNorm {
	return layerNorm{gamma: l.vector(name+".weight", n), beta: l.vector(name+".bias", n)}
}

// rows reads a matrix that is kept as it is.
func (l *loader) rows(name string, rows, columns int) []float32 {
	name = l.name(name)
	if !l.found(name, rows, columns) {
		return nil
	}
	out := make([]float32, 0, rows*columns)
	l.err = l.tensors.eachRow(name, rows, columns, func(_ int, row []float32) { out = append(out, row...) })
	return out
}

func (l *loader) found(name string, rows, columns int) bool {
	if l.err == nil {
		_, l.err = l.tensors.find(name, rows, columns)
	}
	return l.err == nil
}

func (l *loader) table(name string, rows, columns int) *table {
	name = l.name(name)
	if !l.found(name, rows, columns) {
		return nil
	}
	t := newTable(rows, columns, l.precision)
	switch {
	case l.precision == Float32:
		l.err = l.tensors.eachRow(name, rows, columns, func(i int, row []float32) { copy(t.full[i*columns:], row) })
	case l.tensors.quantized(name):
		if t.scale, l.err = l.tensors.floats(name+scaleSuffix, rows); l.err == nil {
			t.small, l.err = l.tensors.bytes(name, rows, columns)
		}
	default:
		l.err = l.tensors.eachRow(name, rows, columns, func(i int, row []float32) {
			t.scale[i] = quantize(t.small[i*columns:(i+1)*columns], row)
		})
	}
	return t
}

// matrix reads linear layers with the same input as one.
func (l *loader) matrix(in, out int, names ...string) *matrix {
	for _, name := range names {
		if !l.found(l.name(name+".weight"), out, in) {
			return nil
		}
	}
	m := newMatrix(in, out*len(names), l.precision)
	for i, name := range names {
		copy(m.bias[i*out:], l.vector(name+".bias", out))
		if l.err == nil {
			l.err = l.weights(m, i*out, l.name(name+".weight"), out)
		}
	}
	return m
}

func (l *loader) weights(m *matrix, at int, name string, rows int) error {
	if l.precision == Float32 {
		return l.tensors.eachRow(name, rows, m.in, func(j int, row []float32) { m.setRow(at+j, row) })
	}
	if !l.tensors.quantized(name) {
		small := make([]int8, m.in)
		return l.tensors.eachRow(name, rows, m.in, func(j int, row []float32) {
			factor := quantize(small, row)
			m.setSmallRow(at+j, small, factor)
		})
	}
	scale, err := l.tensors.floats(name+scaleSuffix, rows)
	if err != nil {
		return err
	}
	all, err := l.tensors.bytes(name, rows, m.in)
	if err != nil {
		return err
	}
	for j, factor := range scale {
		m.setSmallRow(at+j, all[j*m.in:(j+1)*m.in], factor)
	}
	return nil
}
