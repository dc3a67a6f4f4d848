package lab

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge"
)

// RetrievalSet is a retrieval set in BEIR's layout: corpus.jsonl ({_id, title, text}), queries.jsonl ({_id, text}) and
// qrels.tsv or qrels/test.tsv (query-id, corpus-id, score, with or without a line of names).
type RetrievalSet struct {
	Name      string
	Documents []knowledge.Text
	Queries   []RetrievalQuery              // those with relevant documents, in the order of the file
	Relevance map[string]map[string]float64 // query -> document -> relevance, greater than 0
}

// RetrievalQuery is one query of a set.
type RetrievalQuery struct{ ID, Text string }

// qrelsFiles are where judgements may be, the first that is there counts: the sets of BEIR have several parts.
var qrelsFiles = []string{"qrels.tsv", "qrels/test.tsv", "qrels/dev.tsv"}

// LoadRetrievalSet reads the files of a folder.
func LoadRetrievalSet(dir string) (*RetrievalSet, error) {
	s := &RetrievalSet{Name: filepath.Base(filepath.Clean(dir))}
	err := eachRecord(filepath.Join(dir, "corpus.jsonl"), func(r record) error {
		s.Documents = append(s.Documents, r.document())
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range qrelsFiles {
		s.Relevance, err = readJudgements(filepath.Join(dir, filepath.FromSlash(name)))
		if !errors.Is(err, os.ErrNotExist) {
			break
		}
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s has no judgements; BEIR's layout has them in %s", dir, strings.Join(qrelsFiles, " or "))
	}
	if err != nil {
		return nil, err
	}
	err = eachRecord(filepath.Join(dir, "queries.jsonl"), func(r record) error {
		if len(s.Relevance[r.ID]) > 0 {
			s.Queries = append(s.Queries, RetrievalQuery{r.ID, r.Text})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(s.Queries) == 0 {
		return nil, fmt.Errorf("%s: no query has a relevant document", dir)
	}
	return s, nil
}

// record is a line of corpus.jsonl or queries.jsonl.
type record struct {
	ID    string `json:"_id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// document is the record as a text. "DOCUMENT#N" names passage N of a document.
func (r record) document() knowledge.Text {
	t := knowledge.Text{ID: r.ID, Title: r.Title, Text: r.Text}
	if name, number, ok := cutLast(r.ID, "#"); ok && name != "" && number != "" && strings.Trim(number, "0123456789") == "" {
		t.Document = name
	}
	return t
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// byteOrderMark begins what some editors save.
const byteOrderMark = "\ufeff"

func eachRecord(path string, f func(record) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	in, known := bufio.NewReaderSize(file, 1<<16), map[string]record{}
	if mark, _ := in.Peek(3); string(mark) == byteOrderMark {
		_, _ = in.Discard(3)
	}
	dec := json.NewDecoder(in)
	for n := 1; ; n++ {
		var r record
		err := dec.Decode(&r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && r.ID == "" {
			err = errors.New("there is no _id")
		}
		was, twice := known[r.ID]
		switch {
		case err != nil:
		case !twice:
			known[r.ID] = r
			err = f(r)
		case was != r: // the very same one counts once
			err = fmt.Errorf("the _id %q is that of another record, too", r.ID)
		}
		if err != nil {
			return fmt.Errorf("%s, record %d: %w", path, n, err)
		}
	}
}

func readJudgements(path string) (map[string]map[string]float64, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	out := map[string]map[string]float64{}
	sc := bufio.NewScanner(file)
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimPrefix(strings.TrimRight(sc.Text(), "\r"), byteOrderMark)
		fields := strings.Split(line, "\t")
		if line == "" || n == 1 && fields[0] == "query-id" {
			continue
		}
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s, line %d: %d columns; query, document and relevance are wanted, with tabs between", path, n, len(fields))
		}
		v, err := strconv.ParseFloat(fields[2], 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%s, line %d: the relevance %q is no number", path, n, fields[2])
		}
		if v <= 0 {
			continue
		}
		if out[fields[0]] == nil {
			out[fields[0]] = map[string]float64{}
		}
		out[fields[0]][fields[1]] = v
	}
	return out, sc.Err()
}
