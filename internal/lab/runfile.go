package lab

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge"
)

// A run file is TREC's: "query Q0 document rank score tag" on each line, which trec_eval and its kin read.

// WriteRun writes a run, queries in the order of the set.
func (s *RetrievalSet) WriteRun(w io.Writer, run *Run) error {
	b := bufio.NewWriter(w)
	for _, q := range s.Queries {
		for i, r := range run.Rankings[q.ID] {
			fmt.Fprintf(b, "%s Q0 %s %d %s dragoman\n", q.ID, r.ID, i+1, strconv.FormatFloat(r.Score, 'g', 9, 64))
		}
	}
	return b.Flush()
}

// ReadRun reads a run file. Documents of a query are ordered by score, as trec_eval does, ties by their rank.
func ReadRun(path string) (*Run, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	run := &Run{Set: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), Rankings: map[string][]knowledge.Ranked{}}
	sc := bufio.NewScanner(file)
	for n := 1; sc.Scan(); n++ {
		fields := strings.Fields(sc.Text())
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 6 {
			return nil, fmt.Errorf("%s, line %d: %d columns; a TREC run has six: query Q0 document rank score tag", path, n, len(fields))
		}
		score, err := strconv.ParseFloat(fields[4], 64)
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: the score %q is no number", path, n, fields[4])
		}
		run.Rankings[fields[0]] = append(run.Rankings[fields[0]], knowledge.Ranked{ID: fields[2], Score: score})
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	for _, r := range run.Rankings {
		slices.SortStableFunc(r, func(a, b knowledge.Ranked) int { return cmp.Compare(b.Score, a.Score) })
	}
	return run, nil
}
