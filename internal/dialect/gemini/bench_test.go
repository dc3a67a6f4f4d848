package gemini

import (
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// long is a conversation of about 50 KB.
func long() []byte {
	var b strings.Builder
	b.WriteString(`{"contents":[`)
	for range 60 {
		b.WriteString(`{"role":"user","parts":[{"text":"` + strings.Repeat("lorem ipsum ", 30) + `"}]},{"role":"model","parts":[{"text":"` + strings.Repeat("dolor \\n sit", 30) + `"}]},`)
	}
	b.WriteString(`{"parts":[{"text":"q"}]}],"safetySettings":[],"generationConfig":{"temperature":0.5}}`)
	return []byte(b.String())
}

func BenchmarkDecodeRequest(b *testing.B) {
	body := long()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeRequest("gemini-2.5-flash", true, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	r, err := DecodeRequest("gemini-2.5-flash", true, long())
	if err != nil {
		b.Fatal(err)
	}
	stripped, masked := *r, *r
	stripped.Body = nil
	masked.Messages = append([]chat.Message(nil), r.Messages...)
	masked.Messages[0].Parts = []chat.Part{r.Messages[0].Parts[0]}
	masked.Messages[0].Parts[0].Changed = true
	for _, c := range []struct {
		name string
		r    *chat.Request
	}{{"same", r}, {"masked", &masked}, {"anew", &stripped}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := (Upstream{}).Encode(c.r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

const benchChunk = `{"candidates": [{"content": {"parts": [{"text": "It is a fine day and so on"}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 11,"candidatesTokenCount": 3,"totalTokenCount": 63,"thoughtsTokenCount": 49},"modelVersion": "gemini-2.5-flash","responseId": "pWA-aLzIKoqgz7IP3K2ZoAs"}`

func BenchmarkDecodeChunk(b *testing.B) {
	d := &StreamDecoder{}
	data := []byte(benchChunk)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Decode("", data); err != nil {
			b.Fatal(err)
		}
		d.text = d.text[:0]
	}
}

func BenchmarkEncodeChunk(b *testing.B) {
	ev, err := (&StreamDecoder{}).Decode("", []byte(benchChunk))
	if err != nil {
		b.Fatal(err)
	}
	masked := ev
	masked.Text = "masked"
	for _, c := range []struct {
		name string
		ev   chat.Event
		raw  bool
	}{{"raw", ev, true}, {"unchanged", ev, false}, {"replaced", masked, false}, {"made", chat.Event{Text: ev.Text}, false}} {
		b.Run(c.name, func(b *testing.B) {
			enc := &StreamEncoder{meta: dialect.Meta{ID: "x", Model: "m"}}
			dst := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				dst = enc.Event(dst[:0], c.ev, c.raw)
				enc.said.text = enc.said.text[:0]
			}
		})
	}
}
