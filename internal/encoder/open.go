package encoder

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"
)

// Open reads a model's folder. A file that is missing, broken, or of a kind that is not supported is an error that names it.
func Open(folder string, o Options) (*Encoder, error) {
	e, err := open(folder, o, available()[0])
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errBroken) {
		return nil, fmt.Errorf("the model in %s: %w; fetch it again", folder, err)
	}
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
	now := o.Now
	if now == nil {
		now = time.Now
	}
	tokens := sha256.Sum256(data)
	version := sha256.Sum256(fmt.Appendf(nil, "%s %x %d %+v %q %q", sum, tokens, o.Precision, r, o.QueryPrefix, o.PassagePrefix))
	return &Encoder{
		model: m, tokenizer: t, recipe: r, name: cmp.Or(o.Name, filepath.Base(folder)), version: hex.EncodeToString(version[:6]),
		query: o.QueryPrefix, passage: o.PassagePrefix,
		workers: workers, gate: gate{places: workers, free: workers, now: now}, memory: make(chan *scratch, workers),
	}, nil
}

var errBroken = errors.New("the file is broken")

// weightsFile is where the weights are, as published.
const weightsFile = "model.safetensors"

// readWeights loads the model, and returns the SHA-256 of the file that was published. For Int8 it keeps the int8 file beside that; where
// the folder cannot be written to it does without, and without the published file the int8 file is enough.
func readWeights(folder string, c config, p Precision, k *kernels) (*model, string, error) {
	source, err := os.Open(filepath.Join(folder, weightsFile))
	if errors.Is(err, fs.ErrNotExist) && p == Int8 {
		if small, t, err := openSmall(filepath.Join(folder, smallFile)); err == nil {
			defer small.Close()
			return loadNamed(smallFile, t, c, p, k, t.metadata[keySum])
		}
	}
	if err != nil {
		return nil, "", err
	}
	defer source.Close()
	st, err := source.Stat()
	if err != nil {
		return nil, "", err
	}
	if p == Int8 {
		m, sum, err := loadSmall(filepath.Join(folder, smallFile), source, st, c, k)
		if m != nil || err != nil {
			return m, sum, err
		}
	}
	t, err := readTensors(source, st.Size())
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w: %w", weightsFile, errBroken, err)
	}
	sum, err := hashFrom(source, 0, st.Size())
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", weightsFile, err)
	}
	m, sum, err := loadNamed(weightsFile, t, c, p, k, sum)
	if err == nil && p == Int8 {
		// Not being able to keep the file costs time at the next start, and nothing else.
		_ = writeSmall(filepath.Join(folder, smallFile), t, map[string]string{
			keySum: sum, keySize: strconv.FormatInt(st.Size(), 10), keyModified: strconv.FormatInt(st.ModTime().UnixNano(), 10),
		})
	}
	return m, sum, err
}

// loadSmall loads the int8 file when it is whole and was made of this source; otherwise the model is nil.
func loadSmall(path string, source *os.File, st os.FileInfo, c config, k *kernels) (*model, string, error) {
	file, t, err := openSmall(path)
	if err != nil {
		return nil, "", nil // it is made again
	}
	defer file.Close()
	if is, err := t.isOf(source, st); err != nil || !is {
		return nil, "", err
	}
	return loadNamed(smallFile, t, c, Int8, k, t.metadata[keySum])
}

func loadNamed(file string, t *tensors, c config, p Precision, k *kernels, sum string) (*model, string, error) {
	m, err := load(t, c, p, k)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w: %w", file, errBroken, err)
	}
	return m, sum, nil
}
