package encoder

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// smallest is a model of one layer with a safetensors file of a few KB, so that a fuzzer can change it.
var smallest = config{
	Type: "bert", Activation: "gelu", Hidden: 16, Layers: 1, Heads: 1, Intermediate: 16, Positions: 8, Types: 2, Vocabulary: 4,
	Epsilon: 1e-12, Architectures: []string{"BertForSequenceClassification"}, NumLabels: 1,
}

func smallestTensors() []byte {
	shapes := map[string][]int64{
		"bert.embeddings.word_embeddings.weight": {4, 16}, "bert.embeddings.position_embeddings.weight": {8, 16},
		"bert.embeddings.token_type_embeddings.weight": {2, 16}, "classifier.weight": {1, 16}, "classifier.bias": {1},
	}
	for _, name := range []string{"embeddings.LayerNorm", "encoder.layer.0.attention.output.LayerNorm", "encoder.layer.0.output.LayerNorm"} {
		shapes["bert."+name+".weight"], shapes["bert."+name+".bias"] = []int64{16}, []int64{16}
	}
	for _, name := range []string{"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "intermediate.dense", "output.dense"} {
		shapes["bert.encoder.layer.0."+name+".weight"], shapes["bert.encoder.layer.0."+name+".bias"] = []int64{16, 16}, []int64{16}
	}
	shapes["bert.pooler.dense.weight"], shapes["bert.pooler.dense.bias"] = []int64{16, 16}, []int64{16}
	header, at := map[string]tensor{}, int64(0)
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		n := int64(2)
		for _, x := range shapes[name] {
			n *= x
		}
		header[name] = tensor{Dtype: "F16", Shape: shapes[name], Offsets: [2]int64{at, at + n}}
		at += n
	}
	text, _ := json.Marshal(header)
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	return append(append(out, text...), make([]byte, at)...)
}

// loads reads a file as Open does, in both precisions.
func loads(data []byte, c config) error {
	t, err := readTensors(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	for _, p := range []Precision{Int8, Float32} {
		m, err := load(t, c, p, &scalar)
		if err != nil {
			return err
		}
		s := m.newScratch(16, 8)
		s.batch.ids = append(s.batch.ids, 1, 2, 3)
		s.batch.end(2, 1)
		if err := m.forward(context.Background(), s, true, func(context.Context) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

func FuzzTensors(f *testing.F) {
	whole := smallestTensors()
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(whole[:100])
	f.Fuzz(func(t *testing.T, data []byte) {
		loads(data, smallest)
	})
}

func FuzzConfig(f *testing.F) {
	for _, folder := range []string{"embedder", "ranker"} {
		data, err := os.ReadFile(filepath.Join("testdata", folder, "config.json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	whole := smallestTensors()
	f.Fuzz(func(t *testing.T, data []byte) {
		var c config
		if json.Unmarshal(data, &c) == nil && c.check() == nil {
			loads(whole, c)
		}
	})
}

func FuzzTokenizerFile(f *testing.F) {
	for _, folder := range []string{"embedder", "ranker"} {
		data, err := os.ReadFile(filepath.Join("testdata", folder, "tokenizer.json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := readTokenizer(data)
		if err != nil {
			return
		}
		var w words
		for _, id := range k.appendIDs(nil, "The unreadable [MASK] files中\u0301\xff", 30, &w) {
			if id < 0 || id >= k.ids {
				t.Fatalf("id %d is not below %d", id, k.ids)
			}
		}
	})
}

func FuzzText(f *testing.F) {
	data, err := os.ReadFile("testdata/embedder/tokenizer.json")
	if err != nil {
		f.Fatal(err)
	}
	k, err := readTokenizer(data)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("the error\u0301 中国 [MASK]\xff", 5)
	f.Add(strings.Repeat("Éa ", 200), 300)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit &= 1<<10 - 1
		var w words
		ids := k.appendIDs(nil, text, limit, &w)
		all := k.appendIDs(nil, text, 1<<30, &w)
		if len(ids) != min(limit, len(all)) || !slices.Equal(ids, all[:len(ids)]) {
			t.Fatalf("the first %d of %v are %v", limit, all, ids)
		}
	})
}
