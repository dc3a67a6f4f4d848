package encoder

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// Open reads a model's folder. A file that is missing, broken, or of a kind that is not supported is an error that names it.
func Open(folder string, o Options) (*Encoder, error) {
	e, err := open(folder, o, available()[0])
	if err != nil {
		return nil, fmt.Errorf("the model in %s: %w", folder, err)
	}
	return e, nil
}

func open(folder string, o Options, k *kernels) (*Encoder, error) {
	c, err := readConfig(folder)
	if err != nil {
		return nil, err
	}
	r, err := readRecipe(folder, c)
	if err != nil {
		return nil, err
	}
	if o.Pooling != AutoPooling {
		r.pooling = o.Pooling
	}
	r.normalize = r.normalize && !o.KeepLength
	if o.MaxTokens != 0 {
		r.maxTokens = o.MaxTokens
	}
	if r.maxTokens < 8 || r.maxTokens > c.Positions {
		return nil, fmt.Errorf("at most %d tokens of a text can be read, and at least 8, but %d are asked for", c.Positions, r.maxTokens)
	}
	data, err := readFile(filepath.Join(folder, "tokenizer.json"))
	if err != nil {
		return nil, err
	}
	t, err := readTokenizer(data)
	if err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	if int(t.ids) > c.Vocabulary {
		return nil, fmt.Errorf("tokenizer.json has ids up to %d, but config.json a vocab_size of %d: they are of different models", t.ids-1, c.Vocabulary)
	}
	m, sum, err := readWeights(folder, c, o.Precision, k)
	if err != nil {
		return nil, err
	}
	workers := o.Workers
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}
	tokens := sha256.Sum256(data)
	version := sha256.Sum256(fmt.Appendf(nil, "%s %x %d %+v %q %q", sum, tokens, o.Precision, r, o.QueryPrefix, o.PassagePrefix))
	return &Encoder{
		model: m, tokenizer: t, recipe: r, name: cmp.Or(o.Name, filepath.Base(folder)), version: hex.EncodeToString(version[:6]),
		query: o.QueryPrefix, passage: o.PassagePrefix,
		workers: workers, gate: gate{free: workers}, memory: make(chan *scratch, workers),
	}, nil
}

// weightsFile is where the weights are, as published.
const weightsFile = "model.safetensors"

// readWeights loads the model, and returns the SHA-256 of the file that was published.
func readWeights(folder string, c config, p Precision, k *kernels) (*model, string, error) {
	path := filepath.Join(folder, weightsFile)
	file, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return nil, "", err
	}
	t, err := readTensors(file, st.Size())
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", weightsFile, err)
	}
	m, err := load(t, c, p, k)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", weightsFile, err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(file, 0, st.Size())); err != nil {
		return nil, "", fmt.Errorf("%s: %w", weightsFile, err)
	}
	return m, hex.EncodeToString(sum.Sum(nil)), nil
}
