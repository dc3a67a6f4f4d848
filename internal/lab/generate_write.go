package lab

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Write writes the set into a folder, in BEIR's layout.
func (g *Generated) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, part := range []struct {
		name  string
		write func(*bufio.Writer) error
	}{
		{"corpus.jsonl", func(w *bufio.Writer) error { return writeRecords(w, g.Passages) }},
		{"queries.jsonl", func(w *bufio.Writer) error { return writeRecords(w, g.Queries) }},
		{"qrels.tsv", g.writeJudgements},
	} {
		f, err := os.Create(filepath.Join(dir, part.name))
		if err != nil {
			return err
		}
		w := bufio.NewWriter(f)
		if err := part.write(w); err != nil {
			f.Close()
			return fmt.Errorf("write %s: %w", part.name, err)
		}
		if err := w.Flush(); err != nil {
			f.Close()
			return fmt.Errorf("write %s: %w", part.name, err)
		}
		if err := f.Close(); err != nil {
			return fmt.Errorf("write %s: %w", part.name, err)
		}
	}
	return nil
}

func writeRecords[T any](w *bufio.Writer, records []T) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, r := range records {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

func (g *Generated) writeJudgements(w *bufio.Writer) error {
	if _, err := fmt.Fprintln(w, "query-id\tcorpus-id\tscore"); err != nil {
		return err
	}
	for _, q := range g.Queries {
		for _, id := range q.Answers {
			if _, err := fmt.Fprintf(w, "%s\t%s\t1\n", q.ID, id); err != nil {
				return err
			}
		}
	}
	return nil
}
