package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/chat"
)

func drawRow(t *rapid.T, id string) Row {
	text := rapid.StringN(0, 20, 60)
	number := rapid.Int64Range(0, math.MaxInt64)
	return Row{
		ID: id, TraceID: text.Draw(t, "trace"), Principal: text.Draw(t, "principal"), KeyID: text.Draw(t, "key"), Org: text.Draw(t, "org"),
		Team: text.Draw(t, "team"), User: text.Draw(t, "user"), Tier: text.Draw(t, "tier"), Assistant: text.Draw(t, "assistant"),
		Feature: text.Draw(t, "feature"), Class: text.Draw(t, "class"), Door: text.Draw(t, "door"), Stream: rapid.Bool().Draw(t, "stream"),
		Provider: text.Draw(t, "provider"), Region: text.Draw(t, "region"), Model: text.Draw(t, "model"), Try: rapid.IntRange(1, 9).Draw(t, "try"),
		Cache: text.Draw(t, "cache"), Images: number.Draw(t, "images"), Version: text.Draw(t, "version"), Template: text.Draw(t, "template"), Started: time.Unix(0, number.Draw(t, "started")).UTC(),
		Reserved: Money(number.Draw(t, "reserved")), ReservedKnown: rapid.Bool().Draw(t, "known"),
		ReservedInput: number.Draw(t, "input"), ReservedOutput: number.Draw(t, "output"), State: Dispatched,
	}
}

func drawOutcome(t *rapid.T) Outcome {
	number := rapid.Int64Range(0, math.MaxInt64)
	text := rapid.StringN(0, 10, 20)
	return Outcome{
		Usage: chat.Usage{
			Input: number.Draw(t, "input"), CachedInput: number.Draw(t, "cached"), CacheWrite: number.Draw(t, "written"), CacheHour: number.Draw(t, "hour"),
			Output: number.Draw(t, "output"), Reasoning: number.Draw(t, "reasoning"), Estimated: rapid.Bool().Draw(t, "estimated"),
		},
		Cost: Money(number.Draw(t, "cost")), CostKnown: rapid.Bool().Draw(t, "known"), Finish: chat.FinishReason(text.Draw(t, "finish")),
		ErrorCode: chat.Code(text.Draw(t, "code")), Status: rapid.IntRange(0, 599).Draw(t, "status"),
		First: time.Duration(number.Draw(t, "first")), Duration: time.Duration(number.Draw(t, "duration")),
	}
}

func TestRecordsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRow(t, "id")
		b := appendDispatch(nil, &r)
		got, err := readDispatch(b[1:])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&r, got); diff != "" {
			t.Fatal(diff)
		}
		r.State, r.Outcome = Failed, drawOutcome(t)
		b = appendSettle(nil, &r)
		if len(b) > settleRecord {
			t.Fatalf("a settlement takes %d bytes", len(b))
		}
		id, state, o, err := readSettle(b[1:])
		if err != nil || id != r.ID || state != Failed {
			t.Fatal(id, state, err)
		}
		if diff := cmp.Diff(r.Outcome, o); diff != "" {
			t.Fatal(diff)
		}
	})
}

// A journal that an earlier version left is read.
func TestRecordsOfBefore(t *testing.T) {
	r := Row{ID: "id", Provider: "rack", Model: "m", Try: 2, Started: time.Unix(5, 0).UTC(), Reserved: 7, ReservedKnown: true, ReservedInput: 8, ReservedOutput: 9, State: Dispatched}
	b := appendDispatch(nil, &r)
	if got, err := readDispatch(b[1 : len(b)-2]); err != nil || cmp.Diff(&r, got) != "" {
		t.Errorf("%+v, %v", got, err)
	}
	r.State, r.Outcome = Settled, Outcome{Usage: chat.Usage{Input: 5}, Cost: 6, CostKnown: true, Duration: 3}
	b = appendSettle(nil, &r)
	if _, _, o, err := readSettle(b[1 : len(b)-1]); err != nil || o != r.Outcome {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := readDispatch(b[:3]); err == nil {
		t.Error("half a record is no error")
	}
}

// taken is a store that only takes rows over.
type taken struct {
	Store
	rows []Row
}

func (s *taken) AddUsage(_ context.Context, rows []Row) error {
	s.rows = append(s.rows, rows...)
	return nil
}

// frame is a record as it stands in a segment: see package journal.
func frame(b []byte) []byte {
	out := binary.LittleEndian.AppendUint32(nil, uint32(len(b)))
	out = binary.LittleEndian.AppendUint32(out, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return append(out, b...)
}

// TestReplay: wherever a crash cuts a journal off, each request whose record was written whole has one row: settled as far as
// that was written, else charged with what was set aside.
func TestReplay(t *testing.T) {
	folder := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		var segment []byte
		rows := map[string]*Row{}
		var open []string
		type record struct {
			ends  int // the first byte behind it that a crash may lose
			row   string
			state State // Dispatched for a dispatch
		}
		var log []record
		for i := range rapid.IntRange(1, 12).Draw(t, "records") {
			var b []byte
			w := record{state: Dispatched}
			if len(open) > 0 && rapid.Bool().Draw(t, "settles") {
				k := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				r := rows[open[k]]
				open = append(open[:k], open[k+1:]...)
				r.State, r.Outcome = Settled, drawOutcome(t)
				b, w.row, w.state = appendSettle(nil, r), r.ID, Settled
			} else {
				r := drawRow(t, string(rune('a'+i)))
				rows[r.ID] = &r
				open = append(open, r.ID)
				b, w.row = appendDispatch(nil, &r), r.ID
			}
			segment = append(segment, frame(b)...)
			w.ends = len(bytes.TrimRight(segment, "\x00")) // zeros that are lost are zeros all the same
			log = append(log, w)
		}
		cut := rapid.IntRange(0, len(segment)).Draw(t, "cut")
		want := map[string]State{}
		for _, w := range log {
			if w.ends <= cut {
				want[w.row] = w.state
			}
		}
		clear(segment[cut:])
		if err := os.WriteFile(filepath.Join(folder, "00000000.journal"), append(segment, make([]byte, 100)...), 0o600); err != nil {
			t.Fatal(err)
		}
		s := &taken{}
		count, err := Replay(t.Context(), folder, s)
		if err != nil || count != len(want) || len(s.rows) != len(want) {
			t.Fatalf("%d rows, %d taken, want %d: %v", count, len(s.rows), len(want), err)
		}
		for _, got := range s.rows {
			expected := *rows[got.ID]
			if want[got.ID] == Dispatched {
				expected.abandon()
			}
			if diff := cmp.Diff(expected, got); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}
