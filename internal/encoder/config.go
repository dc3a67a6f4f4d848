package encoder

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// config is what config.json says of a model, as transformers writes it.
type config struct {
	Name          string            `json:"_name_or_path"`
	Type          string            `json:"model_type"`
	Architectures []string          `json:"architectures"`
	Hidden        int               `json:"hidden_size"`
	Layers        int               `json:"num_hidden_layers"`
	Heads         int               `json:"num_attention_heads"`
	Intermediate  int               `json:"intermediate_size"`
	Positions     int               `json:"max_position_embeddings"`
	Types         int               `json:"type_vocab_size"`
	Vocabulary    int               `json:"vocab_size"`
	Epsilon       float64           `json:"layer_norm_eps"`
	Activation    string            `json:"hidden_act"`
	PositionType  string            `json:"position_embedding_type"`
	Labels        map[string]string `json:"id2label"`
	NumLabels     int               `json:"num_labels"`
}

// pooling is what 1_Pooling/config.json says, as sentence-transformers writes it.
type pooling struct {
	CLS        bool `json:"pooling_mode_cls_token"`
	Mean       bool `json:"pooling_mode_mean_tokens"`
	Max        bool `json:"pooling_mode_max_tokens"`
	SqrtLength bool `json:"pooling_mode_mean_sqrt_len_tokens"`
	Weighted   bool `json:"pooling_mode_weightedmean_tokens"`
	Last       bool `json:"pooling_mode_lasttoken"`
}

// maxJSON bounds the JSON files of a model, in bytes. The largest in use, a multilingual tokenizer.json, has 17 MB.
const maxJSON = 64 << 20

// readFile reads a file of a model's folder, at most maxJSON bytes.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxJSON+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxJSON {
		return nil, fmt.Errorf("%s is larger than %d bytes", filepath.Base(path), maxJSON)
	}
	return data, nil
}

// readJSON decodes a file. One that is optional may be missing, and then into stays as it is.
func readJSON(path string, optional bool, into any) (found bool, err error) {
	data, err := readFile(path)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return false, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return true, nil
}

func readConfig(folder string) (config, error) {
	var c config
	if _, err := readJSON(filepath.Join(folder, "config.json"), false, &c); err != nil {
		return c, err
	}
	if err := c.check(); err != nil {
		return c, fmt.Errorf("config.json: %w", err)
	}
	return c, nil
}

func (c *config) check() error {
	if c.Type != "bert" {
		return fmt.Errorf("model_type is %q; only models of type \"bert\" can be run (MiniLM, bge and e5 in English; not XLM-R, RoBERTa, MPNet or ModernBERT)", c.Type)
	}
	if c.Activation != "gelu" {
		return fmt.Errorf("hidden_act is %q; only \"gelu\" is supported", c.Activation)
	}
	if c.PositionType != "" && c.PositionType != "absolute" {
		return fmt.Errorf("position_embedding_type is %q; only \"absolute\" is supported", c.PositionType)
	}
	for _, n := range []struct {
		name         string
		value, most  int
		blocksOfCols bool
	}{
		{"hidden_size", c.Hidden, 1 << 12, true},
		{"intermediate_size", c.Intermediate, 1 << 14, true},
		{"num_hidden_layers", c.Layers, 1 << 8, false},
		{"num_attention_heads", c.Heads, 1 << 8, false},
		{"max_position_embeddings", c.Positions, 1 << 13, false},
		{"type_vocab_size", c.Types, 1 << 8, false},
		{"vocab_size", c.Vocabulary, 1 << 21, false},
		{"the number of labels", c.labelCount(), 1 << 12, false},
	} {
		if n.value < 1 || n.value > n.most {
			return fmt.Errorf("%s is %d; it must lie between 1 and %d", n.name, n.value, n.most)
		}
		if n.blocksOfCols && n.value%width != 0 {
			return fmt.Errorf("%s is %d; it must be a multiple of %d", n.name, n.value, width)
		}
	}
	if c.Hidden%c.Heads != 0 || c.Hidden/c.Heads%width != 0 {
		return fmt.Errorf("%d heads do not divide hidden_size %d into multiples of %d", c.Heads, c.Hidden, width)
	}
	if c.Positions < 8 {
		return fmt.Errorf("max_position_embeddings is %d; at least 8 are needed", c.Positions)
	}
	if !(c.Epsilon > 0 && c.Epsilon < 1) {
		return fmt.Errorf("layer_norm_eps is %g; it must lie between 0 and 1", c.Epsilon)
	}
	return nil
}

func (c *config) labelCount() int {
	switch {
	case len(c.Labels) > 0:
		return len(c.Labels)
	case c.NumLabels != 0:
		return c.NumLabels
	}
	return 2 // the default of transformers, which it does not write down
}

// labels returns the names of a classification head's outputs, in order.
func (c *config) labels() []string {
	out := make([]string, c.labelCount())
	for i := range out {
		out[i] = cmp.Or(c.Labels[strconv.Itoa(i)], "LABEL_"+strconv.Itoa(i))
	}
	return out
}

// recipe is how a vector comes of the last layer, and how many tokens are read.
type recipe struct {
	pooling   Pooling
	normalize bool
	maxTokens int
}

// readRecipe reads what sentence-transformers keeps beside a model: modules.json, 1_Pooling/config.json and
// sentence_bert_config.json, each of which may be missing. Then a vector is the mean of the tokens, scaled to length 1.
func readRecipe(folder string, c config) (recipe, error) {
	r := recipe{pooling: MeanPooling, normalize: true, maxTokens: c.Positions}
	var modules []struct {
		Type string `json:"type"`
	}
	found, err := readJSON(filepath.Join(folder, "modules.json"), true, &modules)
	if err != nil {
		return r, err
	}
	if found {
		r.normalize = false
		for _, m := range modules {
			switch kind := filepath.Ext(m.Type); kind {
			case ".Transformer", ".Pooling":
			case ".Normalize":
				r.normalize = true
			default:
				return r, fmt.Errorf("modules.json: a module of type %q is not supported", m.Type)
			}
		}
	}
	var p pooling
	if found, err = readJSON(filepath.Join(folder, "1_Pooling", "config.json"), true, &p); err != nil {
		return r, err
	}
	if found {
		switch p {
		case pooling{CLS: true}:
			r.pooling = CLSPooling
		case pooling{Mean: true}:
		default:
			return r, errors.New("1_Pooling/config.json: only pooling by mean or by the CLS token is supported")
		}
	}
	var limits struct {
		Max int `json:"max_seq_length"`
	}
	if _, err = readJSON(filepath.Join(folder, "sentence_bert_config.json"), true, &limits); err != nil {
		return r, err
	}
	if limits.Max > 0 {
		r.maxTokens = min(r.maxTokens, limits.Max)
	}
	return r, nil
}

// classifies says whether a model has a classification head.
func (c *config) classifies() bool {
	return slices.Contains(c.Architectures, "BertForSequenceClassification")
}
