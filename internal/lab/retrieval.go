package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge"
)

// RetrievalSet is a public retrieval set in BEIR's layout: corpus.jsonl, queries.jsonl and qrels.tsv.
type RetrievalSet struct {
	Docs    []knowledge.Text
	Queries []struct{ ID, Text string }
	Rels    map[string]map[string]float64 // query -> document -> relevance
}

// LoadRetrievalSet reads the three files of a folder.
func LoadRetrievalSet(dir string) (*RetrievalSet, error) {
	s := &RetrievalSet{Rels: map[string]map[string]float64{}}
	err := eachJSONL(filepath.Join(dir, "corpus.jsonl"), func(id, title, text string) {
		if title != "" && !strings.HasPrefix(text, title) {
			text = title + "\n" + text
		}
		s.Docs = append(s.Docs, knowledge.Text{ID: id, Text: text})
	})
	if err != nil {
		return nil, err
	}
	err = eachJSONL(filepath.Join(dir, "queries.jsonl"), func(id, _, text string) {
		s.Queries = append(s.Queries, struct{ ID, Text string }{id, text})
	})
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(dir, "qrels.tsv"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		var q, d string
		var v float64
		fields := strings.Split(sc.Text(), "\t")
		if len(fields) != 3 || fields[0] == "query-id" {
			continue
		}
		q, d = fields[0], fields[1]
		if _, err := fmt.Sscan(fields[2], &v); err != nil || v <= 0 {
			continue
		}
		if s.Rels[q] == nil {
			s.Rels[q] = map[string]float64{}
		}
		s.Rels[q][d] = v
	}
	return s, sc.Err()
}

func eachJSONL(path string, f func(id, title, text string)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	dec := json.NewDecoder(file)
	for n := 1; ; n++ {
		var rec struct {
			ID    string `json:"_id"`
			Title string `json:"title"`
			Text  string `json:"text"`
		}
		err := dec.Decode(&rec)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s, record %d: %w", path, n, err)
		}
		f(rec.ID, rec.Title, rec.Text)
	}
}

// RetrievalReport holds the usual figures, each the mean over all queries with relevant documents.
type RetrievalReport struct {
	Docs     int     `json:"docs"`
	Queries  int     `json:"queries"`
	Recall5  float64 `json:"recall_5"` // share of the relevant documents in the first 5 ("P@5" of the anthropic-code set's authors)
	Recall10 float64 `json:"recall_10"`
	Recall20 float64 `json:"recall_20"`
	NDCG10   float64 `json:"ndcg_10"`
	MRR10    float64 `json:"mrr_10"`
}

// Run searches for every query.
func (s *RetrievalSet) Run(ctx context.Context, c *knowledge.Collection) (*RetrievalReport, error) {
	if err := c.Add(ctx, s.Docs); err != nil {
		return nil, err
	}
	rep := &RetrievalReport{Docs: len(s.Docs)}
	for _, q := range s.Queries {
		rels := s.Rels[q.ID]
		if len(rels) == 0 {
			continue
		}
		ranked, err := c.Rank(ctx, q.Text)
		if err != nil {
			return nil, err
		}
		rep.Queries++
		dcg, ideal, first := 0.0, 0.0, 0
		one := 1 / float64(len(rels))
		for i, id := range ranked {
			if rels[id] <= 0 {
				continue
			}
			if first == 0 {
				first = i + 1
			}
			if i < 5 {
				rep.Recall5 += one
			}
			if i < 10 {
				rep.Recall10 += one
				dcg += 1 / math.Log2(float64(i)+2)
			}
			if i < 20 {
				rep.Recall20 += one
			}
		}
		for i := range min(10, len(rels)) {
			ideal += 1 / math.Log2(float64(i)+2)
		}
		rep.NDCG10 += dcg / ideal
		if first > 0 && first <= 10 {
			rep.MRR10 += 1 / float64(first)
		}
	}
	if n := float64(rep.Queries); n > 0 {
		rep.Recall5, rep.Recall10, rep.Recall20 = rep.Recall5/n, rep.Recall10/n, rep.Recall20/n
		rep.NDCG10, rep.MRR10 = rep.NDCG10/n, rep.MRR10/n
	}
	return rep, nil
}
