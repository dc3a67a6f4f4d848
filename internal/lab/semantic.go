package lab

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/facts"
)

// Pair is a text, and another that means the same.
type Pair struct {
	Origin  string `json:"origin"`
	Similar string `json:"similar"`
}

// ReadPairs reads JSON lines: origin with similar, which means the same, or with different, which means something else however alike it
// is written, and its kind, "other" where none is given.
func ReadPairs(in io.Reader) (pairs []Pair, misses []NearMiss, err error) {
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 1<<20)
	for n := 1; sc.Scan(); n++ {
		if strings.TrimSpace(sc.Text()) == "" {
			continue
		}
		var p struct {
			Pair
			Different string `json:"different"`
			Kind      string `json:"kind"`
		}
		if err := json.Unmarshal(sc.Bytes(), &p); err != nil || p.Origin == "" || (p.Similar == "") == (p.Different == "") {
			return nil, nil, fmt.Errorf("line %d is no pair: it needs origin, and similar or different", n)
		}
		if p.Similar != "" {
			pairs = append(pairs, p.Pair)
		} else {
			misses = append(misses, NearMiss{Pair{p.Origin, p.Different}, cmp.Or(p.Kind, "other"), true})
		}
	}
	return pairs, misses, sc.Err()
}

// NearMiss is a text that differs from another by one fact, so that it must not have the same answer.
type NearMiss struct {
	Pair        // whose Similar is only alike
	Kind string // "number", "name", "negation", or what a file says
	// Alone says that it is known to differ from its own original alone: another that is held may well mean the same.
	Alone bool
}

var (
	digits    = regexp.MustCompile(`\b\d+\b`)
	names     = regexp.MustCompile("`[^`\\s]+`|\\b[A-Za-z]+(?:_[A-Za-z]+)+\\b|\\b(?:[A-Z][a-z]+){2,}\\b|\\b[A-Z]{2,}\\b")
	auxiliary = regexp.MustCompile(`\b(is|are|was|were|can|could|will|would|should|must|may|does|do|did|has|have)\b( not\b|n't\b)?`)
)

// NearMisses makes near misses of the texts of pairs: of each original and of each paraphrase, for every kind that it has something
// to change of.
func NearMisses(pairs []Pair, r *rand.Rand) []NearMiss {
	var all []string
	for _, p := range pairs {
		all = append(all, names.FindAllString(p.Origin, -1)...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	var out []NearMiss
	for _, p := range pairs {
		for _, text := range []string{p.Origin, p.Similar} {
			add := func(kind, changed string) {
				if changed != text && changed != "" {
					out = append(out, NearMiss{Pair{p.Origin, changed}, kind, false})
				}
			}
			if at := digits.FindStringIndex(text); at != nil {
				n := text[at[0]:at[1]]
				last := (n[len(n)-1]-'0'+1+byte(r.IntN(8)))%10 + '0'
				add("number", text[:at[1]-1]+string(last)+text[at[1]:])
			}
			if found := names.FindAllString(text, -1); len(found) > 0 {
				old := found[r.IntN(len(found))]
				quoted := strings.HasPrefix(old, "`")
				for range 20 {
					other := all[r.IntN(len(all))]
					if strings.HasPrefix(other, "`") == quoted && !strings.Contains(strings.ToLower(text), strings.ToLower(strings.Trim(other, "`"))) {
						add("name", strings.ReplaceAll(text, old, other))
						break
					}
				}
			}
			if at := auxiliary.FindStringSubmatchIndex(text); at != nil {
				if at[4] >= 0 {
					add("negation", text[:at[3]]+text[at[1]:])
				} else {
					add("negation", text[:at[3]]+" not"+text[at[3]:])
				}
			}
		}
	}
	return out
}

// SemanticPoint is how a semantic cache does at one threshold.
type SemanticPoint struct {
	Threshold float64 `json:"threshold"`
	// Hits is the share of paraphrases that find the answer to their original.
	Hits Share `json:"hits"`
	// Wrong is the share of paraphrases that find the answer to another original before their own.
	Wrong Share `json:"wrong"`
	// False is the share of near misses that find an answer; by kind in Kinds.
	False Share            `json:"false_hits"`
	Kinds map[string]Share `json:"kinds"`
	// Unguarded is False where likeness alone decides, without the veto of facts.
	Unguarded float64 `json:"false_hits_without_veto"`
}

// Share is a share with its 95 % interval (Wilson, 1927).
type Share struct {
	Value float64 `json:"share"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	N     int     `json:"n"`
}

func share(hits, n int) Share {
	if n == 0 {
		return Share{High: 1}
	}
	const z = 1.96
	p, m := float64(hits)/float64(n), float64(n)
	middle := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return Share{p, max(middle-half, 0), min(middle+half, 1), n}
}

// Encode makes vectors of length 1.
type Encode func(ctx context.Context, texts []string) ([][]float32, error)

// SemanticCache measures a semantic cache that holds the answers to all originals, those of near misses included, at each of the thresholds.
// Texts that are not comparable are neither kept nor answered.
func SemanticCache(ctx context.Context, pairs []Pair, misses []NearMiss, thresholds []float64, encode Encode, comparable func(string) bool) ([]SemanticPoint, error) {
	type question struct {
		vector []float32
		facts  *facts.Facts
		out    bool // it is not comparable
	}
	questions := func(texts []string) ([]question, error) {
		vectors, err := encode(ctx, texts)
		if err != nil {
			return nil, err
		}
		out := make([]question, len(texts))
		for i := range texts {
			out[i] = question{vectors[i], facts.Of(texts[i]), !comparable(texts[i])}
		}
		return out, nil
	}
	var origins, similar, changed []string
	for _, p := range pairs {
		origins, similar = append(origins, p.Origin), append(similar, p.Similar)
	}
	known := map[string]bool{}
	for _, o := range origins {
		known[o] = true
	}
	for _, m := range misses {
		changed = append(changed, m.Similar)
		if !known[m.Origin] {
			known[m.Origin] = true
			origins = append(origins, m.Origin)
		}
	}
	held, err := questions(origins)
	if err != nil {
		return nil, err
	}
	asked, err := questions(similar)
	if err != nil {
		return nil, err
	}
	near, err := questions(changed)
	if err != nil {
		return nil, err
	}
	at := map[string][]int{} // some originals stand there twice
	for i, o := range origins {
		at[o] = append(at[o], i)
	}
	// best is the closest original at all, and the closest that no fact tells apart.
	type best struct {
		free, guarded     float32
		freeAt, guardedAt int
	}
	find := func(q question, among func(origin string) bool) best {
		b := best{freeAt: -1, guardedAt: -1}
		if q.out {
			return b
		}
		for i, h := range held {
			if h.out || !among(origins[i]) {
				continue
			}
			s := cosine(q.vector, h.vector)
			if s > b.free {
				b.free, b.freeAt = s, i
			}
			if s > b.guarded && q.facts.Differ(h.facts) == "" {
				b.guarded, b.guardedAt = s, i
			}
		}
		return b
	}
	bestAsked, bestNear := make([]best, len(asked)), make([]best, len(near))
	for i, q := range asked {
		bestAsked[i] = find(q, func(string) bool { return true })
	}
	for i, q := range near {
		m := misses[i]
		bestNear[i] = find(q, func(origin string) bool {
			return origin != m.Similar && (!m.Alone || origin == m.Origin) // the answer to the very question is no false one
		})
	}
	var out []SemanticPoint
	for _, threshold := range thresholds {
		hits, wrong, falseHits, unguarded := 0, 0, 0, 0
		kinds, totals := map[string]int{}, map[string]int{}
		for i, b := range bestAsked {
			switch {
			case b.guardedAt < 0 || float64(b.guarded) < threshold:
			case slices.Contains(at[origins[i]], b.guardedAt):
				hits++
			default:
				wrong++
			}
		}
		for i, b := range bestNear {
			totals[misses[i].Kind]++
			if b.freeAt >= 0 && float64(b.free) >= threshold {
				unguarded++
			}
			if b.guardedAt >= 0 && float64(b.guarded) >= threshold {
				falseHits++
				kinds[misses[i].Kind]++
			}
		}
		p := SemanticPoint{
			Threshold: threshold, Hits: share(hits, len(asked)), Wrong: share(wrong, len(asked)), False: share(falseHits, len(near)),
			Kinds: map[string]Share{}, Unguarded: float64(unguarded) / float64(max(len(near), 1)),
		}
		for kind, n := range totals {
			p.Kinds[kind] = share(kinds[kind], n)
		}
		out = append(out, p)
	}
	return out, nil
}

func cosine(a, b []float32) float32 {
	var s float32
	for i := range min(len(a), len(b)) {
		s += a[i] * b[i]
	}
	return s
}
