package encoder

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// rewrite changes a file of a model's folder.
func rewrite(t *testing.T, path string, change func(data []byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

// header changes the header of a safetensors file.
func header(change func(h map[string]any)) func([]byte) []byte {
	return func(data []byte) []byte {
		n := binary.LittleEndian.Uint64(data)
		var h map[string]any
		if err := json.Unmarshal(data[8:8+n], &h); err != nil {
			panic(err)
		}
		change(h)
		text, _ := json.Marshal(h)
		return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text, data[8+n:])
	}
}

func entry(name, key string, value any) func([]byte) []byte {
	return header(func(h map[string]any) { h[name].(map[string]any)[key] = value })
}

func replace(old, new string) func([]byte) []byte {
	return func(data []byte) []byte { return bytes.Replace(data, []byte(old), []byte(new), 1) }
}

func TestBrokenFilesAreErrors(t *testing.T) {
	const weights, query = "model.safetensors", "bert.encoder.layer.0.attention.self.query.weight"
	for _, x := range []struct {
		file   string
		change func([]byte) []byte
		say    string // what the error must name
	}{
		{weights, func(d []byte) []byte { return nil }, "too short"},
		{weights, func(d []byte) []byte { return d[:7] }, "too short"},
		{weights, func(d []byte) []byte { return d[:200] }, "cut off"},
		{weights, func(d []byte) []byte { return d[:len(d)-1] }, "cut off"},
		{weights, func(d []byte) []byte { return append(d, 0) }, "appended"},
		{weights, func(d []byte) []byte { return append(bytes.Repeat([]byte{0xff}, 8), d[8:]...) }, "header claims"},
		{weights, func(d []byte) []byte { return append(make([]byte, 8), d[8:]...) }, "not JSON"},
		{weights, func(d []byte) []byte { d[8] = 'x'; return d }, "not JSON"},
		{weights, func(d []byte) []byte { clear(d[len(d)-2:]); d[len(d)-1] = 0x7c; return d }, "infinite"}, // F16 infinity
		{weights, header(func(h map[string]any) { delete(h, query) }), "hole"},
		{weights, entry(query, "dtype", "F32"), "takes 4096 bytes"},
		{weights, entry(query, "dtype", "I16"), "type I16"},
		{weights, entry(query, "dtype", "Q4"), "not known"},
		{weights, entry(query, "shape", []int{16, 64}), "asks for [32 32]"},
		{weights, entry(query, "shape", []int64{1 << 62, 1 << 62}), "not possible"},
		{weights, entry(query, "shape", []int{-32, -32}), "not possible"},
		{weights, entry(query, "shape", "all"), "entry of tensor"},
		{weights, entry(query, "data_offsets", []int{0, 2048}), "overlap"},
		{weights, entry(query, "data_offsets", []int64{-2048, 0}), "offsets"},
		{weights, entry(query, "data_offsets", []int64{1 << 60, 1<<60 + 2048}), "hole"},
		{weights, header(func(h map[string]any) { h["another"] = h[query]; delete(h, query) }), query + `" is missing`},
		{weights, header(func(h map[string]any) {
			h["another"] = h["bert.pooler.dense.weight"]
			delete(h, "bert.pooler.dense.weight")
		}), `bert.pooler.dense.weight" is missing`},
		{"config.json", func(d []byte) []byte { return nil }, "config.json"},
		{"config.json", replace(`"bert"`, `"electra"`), "only models of type"},
		{"config.json", replace(`"bert"`, `"xlm-roberta"`), "only models of type"},
		{"config.json", replace(`"gelu"`, `"relu"`), "hidden_act"},
		{"config.json", replace(`"absolute"`, `"relative_key"`), "position_embedding_type"},
		{"config.json", replace(`"hidden_size":32`, `"hidden_size":-32`), "hidden_size"},
		{"config.json", replace(`"hidden_size":32`, `"hidden_size":64`), "asks for"},
		{"config.json", replace(`"hidden_size":32`, `"hidden_size":40`), "multiple of 16"},
		{"config.json", replace(`"num_hidden_layers":1`, `"num_hidden_layers":2`), "layer.1"},
		{"config.json", replace(`"num_hidden_layers":1`, `"num_hidden_layers":1000000000`), "num_hidden_layers"},
		{"config.json", replace(`"num_attention_heads":2`, `"num_attention_heads":3`), "heads"},
		{"config.json", replace(`"vocab_size":142`, `"vocab_size":2000000`), "asks for"},
		{"config.json", replace(`"vocab_size":142`, `"vocab_size":20`), "different models"},
		{"config.json", replace(`"id2label":{"0":"relevance"}`, `"num_labels":1000000000`), "number of labels"},
		{"config.json", replace(`"id2label":{"0":"relevance"}`, `"num_labels":3`), "classifier.weight"},
		{"config.json", replace(`"layer_norm_eps":1e-12`, `"layer_norm_eps":0`), "layer_norm_eps"},
		{"tokenizer.json", func(d []byte) []byte { return d[:len(d)/2] }, "tokenizer.json"},
		{"tokenizer.json", replace(`"WordPiece","unk`, `"BPE","unk`), "only WordPiece"},
		{"tokenizer.json", replace(`"vocab":{`, `"vocab":[["a",0]],"x":{`), "Unigram"},
		{"tokenizer.json", replace(`"BertNormalizer"`, `"NFC"`), "BertNormalizer"},
		{"tokenizer.json", replace(`"BertPreTokenizer"`, `"Whitespace"`), "BertPreTokenizer"},
		{"tokenizer.json", replace(`"[UNK]":1`, `"[UNK]":-1`), "id -1"},
		{"tokenizer.json", replace(`"[UNK]":1`, `"[UNK]":99999999999`), "id 99999999999"},
		{"tokenizer.json", replace(`"unk_token":"[UNK]"`, `"unk_token":"?!"`), "unknown token"},
		{"tokenizer.json", replace(`"normalized":false`, `"normalized":true`), "normalized"},
		{"tokenizer.json", replace(`"post_processor":{`, `"post_processor":null,"x":{`), "post_processor"},
		{"tokenizer.json", replace(`"ids":[2]`, `"ids":[-2]`), "post_processor"},
		{"tokenizer.json", replace(`"ids":[2]`, `"ids":[]`), "post_processor"},
		{"tokenizer.json", replace(`{"Sequence":{"id":"B","type_id":1}},`, ``), "template"},
		{"modules.json", func([]byte) []byte { return []byte(`[{"type":"sentence_transformers.models.Dense"}]`) }, "Dense"},
		{"1_Pooling/config.json", func([]byte) []byte { return []byte(`{"pooling_mode_max_tokens":true}`) }, "1_Pooling"},
	} {
		folder := copied(t, "ranker")
		path := filepath.Join(folder, filepath.FromSlash(x.file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); err != nil {
			os.WriteFile(path, nil, 0o644)
		}
		before, _ := os.ReadFile(path)
		rewrite(t, path, x.change)
		if after, _ := os.ReadFile(path); bytes.Equal(before, after) {
			t.Errorf("%s, %q: nothing was changed", x.file, x.say)
		}
		for _, p := range []Precision{Int8, Float32} {
			if _, err := Open(folder, Options{Precision: p}); err == nil || !strings.Contains(err.Error(), x.say) || !strings.Contains(err.Error(), folder) {
				t.Errorf("%s broken: %v, which does not say %q", x.file, err, x.say)
			}
		}
	}
	for _, name := range []string{"config.json", "tokenizer.json", "model.safetensors"} {
		folder := copied(t, "ranker")
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(folder, Options{}); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "fetch it again") {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestTheInt8FileIsACache(t *testing.T) {
	folder := copied(t, "embedder")
	small, whole := filepath.Join(folder, smallFile), filepath.Join(folder, weightsFile)
	vector := func() ([]float32, string) {
		t.Helper()
		e, err := Open(folder, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return encode(t, e, []string{"the error of reading"})[0], e.Version()
	}
	same := func(when string, want []float32, version string) {
		t.Helper()
		if got, v := vector(); !slices.Equal(got, want) || v != version {
			t.Errorf("%s the vectors are others", when)
		}
	}
	first, version := vector() // of the published file
	kept, err := os.ReadFile(small)
	if err != nil {
		t.Fatal("there is no int8 file:", err)
	}
	same("of the int8 file", first, version)
	if after, _ := os.ReadFile(small); !bytes.Equal(after, kept) {
		t.Error("it was made again without need")
	}

	for _, breakIt := range []func([]byte) []byte{
		func(d []byte) []byte { return nil },
		func(d []byte) []byte { return d[:len(d)/2] },
		func(d []byte) []byte { d[len(d)-100] ^= 1; return d },
		replace(smallFormat, "dragoman-int8-rows-0"),
	} {
		rewrite(t, small, breakIt)
		same("after the int8 file broke", first, version)
		if after, _ := os.ReadFile(small); !bytes.Equal(after, kept) {
			t.Error("a broken file was not made again")
		}
	}

	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(whole, later, later); err != nil {
		t.Fatal(err)
	}
	same("of a source that was touched", first, version)
	rewrite(t, whole, func(d []byte) []byte { d[len(d)-1] ^= 0x80; return d }) // the sign of a weight
	if _, v := vector(); v == version {
		t.Error("another source has the same version")
	}
	if after, _ := os.ReadFile(small); bytes.Equal(after, kept) {
		t.Error("the int8 file is that of another source")
	}

	want, version := vector()
	if err := os.Remove(whole); err != nil {
		t.Fatal(err)
	}
	same("without the published file", want, version)
	if _, err := Open(folder, Options{Precision: Float32}); err == nil {
		t.Error("float32 is computed without the published file")
	}
	left, _ := filepath.Glob(filepath.Join(folder, "*.part"))
	if len(left) > 0 {
		t.Errorf("%v was left behind", left)
	}
}

func TestVersionsTellModelsApart(t *testing.T) {
	folder := copied(t, "embedder")
	seen := map[string]Options{}
	for _, o := range []Options{{}, {Precision: Float32}, {Pooling: CLSPooling}, {KeepLength: true}, {MaxTokens: 20}, {QueryPrefix: "query: "}, {PassagePrefix: "query: "}} {
		e, err := Open(folder, o)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[e.Version()]; ok {
			t.Errorf("%+v and %+v have the same version", o, other)
		}
		seen[e.Version()] = o
		if again, err := Open(folder, o); err != nil || again.Version() != e.Version() {
			t.Errorf("the version of %+v changes: %v", o, err)
		}
	}
	if e, err := Open(folder, Options{Name: "minilm", Workers: 5}); err != nil || e.Name() != "minilm" || seen[e.Version()].Precision != Int8 {
		t.Errorf("what does not change vectors changes the version: %v", err)
	}
	if _, err := Open(folder, Options{MaxTokens: 1000}); err == nil {
		t.Error("more tokens than there are positions")
	}
}

func TestInt8IsNear(t *testing.T) {
	list := texts(readExpected(t, "embedder"))
	full, small := mustOpen(t, "embedder", Options{Precision: Float32}, &scalar), mustOpen(t, "embedder", Options{}, &scalar)
	a, b := encode(t, full, list), encode(t, small, list)
	for i := range list {
		var cosine float32
		for j := range a[i] {
			cosine += a[i][j] * b[i][j]
		}
		if !(cosine > 0.99 && cosine < 1.00001) || slices.Equal(a[i], b[i]) {
			t.Errorf("%q: the cosine of int8 and float32 is %g", list[i], cosine)
		}
	}
}
