package encoder

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// tokenizer turns text into the ids of word pieces, as the Hugging Face library tokenizers does with the same tokenizer.json:
// normalise (normalize.go), split at spaces and punctuation, and cut each word into the longest pieces that the vocabulary
// has, from the left (WordPiece, Wu et al. 2016, arXiv:1609.08144). It is safe for concurrent use.
type tokenizer struct {
	words      map[string]int32 // pieces that begin a word
	pieces     map[string]int32 // pieces that continue one, without their prefix
	longest    int              // bytes of the longest piece
	maxRunes   int              // a longer word is unknown as a whole
	unknown    int32
	normalizer normalizer
	special    []specialToken
	begins     [256]bool // bytes that special tokens begin with
	cls, sep   int32
	ids        int32 // all ids are below
}

// specialToken is a token that is recognised in the text itself, before it is normalised.
type specialToken struct {
	content        string
	id             int32
	lstrip, rstrip bool // takes the space before, after it
}

// tokenizerJSON is what is read of tokenizer.json.
type tokenizerJSON struct {
	Added []struct {
		ID         int64  `json:"id"`
		Content    string `json:"content"`
		SingleWord bool   `json:"single_word"`
		LStrip     bool   `json:"lstrip"`
		RStrip     bool   `json:"rstrip"`
		Normalized bool   `json:"normalized"`
	} `json:"added_tokens"`
	Normalizer *struct {
		Type         string `json:"type"`
		Clean        bool   `json:"clean_text"`
		Chinese      bool   `json:"handle_chinese_chars"`
		StripAccents *bool  `json:"strip_accents"`
		Lowercase    bool   `json:"lowercase"`
	} `json:"normalizer"`
	PreTokenizer *struct {
		Type string `json:"type"`
	} `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Model         struct {
		Type     string           `json:"type"`
		Unknown  string           `json:"unk_token"`
		Prefix   string           `json:"continuing_subword_prefix"`
		MaxRunes int              `json:"max_input_chars_per_word"`
		Vocab    map[string]int64 `json:"vocab"`
	} `json:"model"`
}

// readTokenizer reads tokenizer.json. What it cannot do exactly as the file says, it refuses.
func readTokenizer(data []byte) (*tokenizer, error) {
	var file tokenizerJSON
	if err := json.Unmarshal(data, &file); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && strings.HasPrefix(wrong.Field, "model.vocab") {
			return nil, errors.New("the vocabulary is not a map of pieces to ids: only WordPiece is supported, not Unigram (XLM-R, multilingual e5)")
		}
		return nil, err
	}
	m := file.Model
	switch {
	case m.Type != "WordPiece" && m.Type != "": // older files leave it out
		return nil, fmt.Errorf("the model is of type %q; only WordPiece is supported (MiniLM, bge and e5 in English)", m.Type)
	case file.Normalizer == nil || file.Normalizer.Type != "BertNormalizer":
		return nil, errors.New("the normalizer is not BertNormalizer, the only one supported")
	case file.PreTokenizer == nil || file.PreTokenizer.Type != "BertPreTokenizer":
		return nil, errors.New("the pre_tokenizer is not BertPreTokenizer, the only one supported")
	case m.Prefix == "":
		return nil, errors.New("the model has no continuing_subword_prefix")
	case m.MaxRunes < 1:
		return nil, errors.New("the model has no max_input_chars_per_word")
	}
	n := file.Normalizer
	t := &tokenizer{
		words: make(map[string]int32, len(m.Vocab)), pieces: make(map[string]int32),
		maxRunes:   m.MaxRunes,
		normalizer: normalizer{clean: n.Clean, chinese: n.Chinese, lower: n.Lowercase, strip: n.Lowercase},
	}
	if n.StripAccents != nil {
		t.normalizer.strip = *n.StripAccents
	}
	for piece, id := range m.Vocab {
		if id < 0 || id >= math.MaxInt32 {
			return nil, fmt.Errorf("piece %q has the id %d", piece, id)
		}
		t.words[piece] = int32(id)
		t.longest = max(t.longest, len(piece))
		if rest, ok := strings.CutPrefix(piece, m.Prefix); ok {
			t.pieces[rest] = int32(id)
		}
		t.ids = max(t.ids, int32(id)+1)
	}
	var ok bool
	if t.unknown, ok = t.words[m.Unknown]; !ok {
		return nil, fmt.Errorf("the unknown token %q is not in the vocabulary", m.Unknown)
	}
	for _, a := range file.Added {
		if a.SingleWord || a.Normalized {
			return nil, fmt.Errorf("the added token %q has single_word or normalized set, which is not supported", a.Content)
		}
		if a.Content == "" || a.ID < 0 || a.ID >= math.MaxInt32 {
			return nil, fmt.Errorf("the added token %q has the id %d", a.Content, a.ID)
		}
		t.special = append(t.special, specialToken{content: a.Content, id: int32(a.ID), lstrip: a.LStrip, rstrip: a.RStrip})
		t.begins[a.Content[0]] = true
		t.ids = max(t.ids, int32(a.ID)+1)
	}
	return t, t.readFrame(file.PostProcessor)
}

// readFrame finds the tokens that are put around texts. All BERT models frame as [CLS] A [SEP] and [CLS] A [SEP] B [SEP], with
// the token type 1 for B and the [SEP] after it; a file that says otherwise is refused.
func (t *tokenizer) readFrame(data json.RawMessage) error {
	type piece struct {
		Special *struct {
			ID   string `json:"id"`
			Type int    `json:"type_id"`
		} `json:"SpecialToken"`
		Sequence *struct {
			ID   string `json:"id"`
			Type int    `json:"type_id"`
		} `json:"Sequence"`
	}
	var p struct {
		Type string `json:"type"`
		// TemplateProcessing
		Single []piece `json:"single"`
		Pair   []piece `json:"pair"`
		Tokens map[string]struct {
			IDs []int64 `json:"ids"`
		} `json:"special_tokens"`
		// BertProcessing
		CLS json.RawMessage `json:"cls"`
		SEP json.RawMessage `json:"sep"`
	}
	if len(data) == 0 {
		return errors.New("there is no post_processor")
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return fmt.Errorf("the post_processor: %w", err)
	}
	id := func(v int64) (int32, error) {
		if v < 0 || v >= int64(t.ids) {
			return 0, fmt.Errorf("the post_processor has the id %d, which is not in the vocabulary", v)
		}
		return int32(v), nil
	}
	var cls, sep int64
	switch p.Type {
	case "BertProcessing":
		read := func(raw json.RawMessage, into *int64) error { return json.Unmarshal(raw, &[]any{new(string), into}) }
		if err := errors.Join(read(p.CLS, &cls), read(p.SEP, &sep)); err != nil {
			return fmt.Errorf("the post_processor: %w", err)
		}
	case "TemplateProcessing":
		say := func(list []piece) (text string, first, last string) {
			for _, x := range list {
				switch {
				case x.Special != nil:
					text += fmt.Sprintf("T%d ", x.Special.Type)
					if first == "" {
						first = x.Special.ID
					}
					last = x.Special.ID
				case x.Sequence != nil:
					text += fmt.Sprintf("%s%d ", x.Sequence.ID, x.Sequence.Type)
				}
			}
			return text, first, last
		}
		single, first, last := say(p.Single)
		pair, first2, last2 := say(p.Pair)
		if single != "T0 A0 T0 " || pair != "T0 A0 T0 B1 T1 " || first2 != first || last2 != last {
			return errors.New("the post_processor's template is not [CLS] A [SEP] and [CLS] A [SEP] B [SEP]")
		}
		if len(p.Tokens[first].IDs) != 1 || len(p.Tokens[last].IDs) != 1 {
			return errors.New("the post_processor's template lacks its tokens")
		}
		cls, sep = p.Tokens[first].IDs[0], p.Tokens[last].IDs[0]
	default:
		return fmt.Errorf("the post_processor is of type %q; TemplateProcessing and BertProcessing are supported", p.Type)
	}
	var err1, err2 error
	t.cls, err1 = id(cls)
	t.sep, err2 = id(sep)
	return errors.Join(err1, err2)
}

// appendIDs appends the ids of a text, at most limit, without the frame. A text is read no further than that takes. Bytes that
// are not UTF-8 are read as U+FFFD, which cleaning removes.
func (t *tokenizer) appendIDs(ids []int32, text string, limit int, w *words) []int32 {
	limit += len(ids)
	for text != "" && len(ids) < limit {
		at, end, token := t.nextSpecial(text)
		ids = t.appendPlain(ids, text[:at], limit, w)
		if token >= 0 && len(ids) < limit {
			ids = append(ids, token)
		}
		text = text[end:]
	}
	return ids
}

// nextSpecial finds the first special token: where what it takes begins and ends, and its id; len(text) twice and -1 if
// there is none.
func (t *tokenizer) nextSpecial(text string) (begin, end int, id int32) {
	var found specialToken
	for begin, id = 0, -1; begin < len(text); begin++ {
		if !t.begins[text[begin]] {
			continue
		}
		for _, s := range t.special {
			if len(s.content) > len(found.content) && strings.HasPrefix(text[begin:], s.content) {
				found, id = s, s.id
			}
		}
		if id >= 0 {
			break
		}
	}
	end = begin + len(found.content)
	if found.lstrip {
		begin = len(strings.TrimRightFunc(text[:begin], isSpace))
	}
	if found.rstrip {
		end = len(text) - len(strings.TrimLeftFunc(text[end:], isSpace))
	}
	return begin, end, id
}

func (t *tokenizer) appendPlain(ids []int32, text string, limit int, w *words) []int32 {
	w.reset(&t.normalizer, text)
	for len(ids) < limit {
		word := w.next()
		if len(word) == 0 {
			break
		}
		ids = t.appendWord(ids, word)
	}
	return ids[:min(len(ids), limit)]
}

// appendWord appends the pieces of a word: each the longest that fits; all of it is unknown when one doesn't.
func (t *tokenizer) appendWord(ids []int32, word []byte) []int32 {
	if len(word) > t.maxRunes && utf8.RuneCount(word) > t.maxRunes {
		return append(ids, t.unknown)
	}
	if id, ok := t.words[string(word)]; ok {
		return append(ids, id)
	}
	begun, vocabulary := len(ids), t.words
	for len(word) > 0 {
		end := min(len(word), t.longest)
		for ; end > 0; end-- {
			if end < len(word) && !utf8.RuneStart(word[end]) {
				continue
			}
			if id, ok := vocabulary[string(word[:end])]; ok {
				ids = append(ids, id)
				break
			}
		}
		if end == 0 {
			return append(ids[:begun], t.unknown)
		}
		word, vocabulary = word[end:], t.pieces
	}
	return ids
}
