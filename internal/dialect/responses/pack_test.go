package responses

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
)

// What was wrapped here goes to OpenAI as OpenAI wrote it, and of other providers' proofs nothing does, wherever they stand.
func TestProofsGoToWhoGaveThem(t *testing.T) {
	own := `{"type":"reasoning","id":"rs_ours","summary":[],"encrypted_content":"` + pack("t", chat.Signature{Of: chat.OpenAI, Value: "rs_1:gAAA"}, "") + `"}`
	foreign := `{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"` + pack("hm", chat.Signature{Of: chat.Anthropic, Value: "s"}, "") + `"}`
	user := `{"role":"user","content":"x"}`
	for _, c := range []struct {
		input []string
		want  string
	}{
		{[]string{foreign}, ``},
		{[]string{foreign, foreign}, ``},
		{[]string{foreign, foreign, user}, `user`},
		{[]string{user, foreign}, `user`},
		{[]string{foreign, user, foreign, foreign, own, user}, `user rs_1=gAAA=t user`},
	} {
		body := `{"model":"m","input":[ `
		for i, item := range c.input {
			if i > 0 {
				body += " , "
			}
			body += item
		}
		r := decode(t, body+" ]}")
		// A guard has changed every text, also of what is taken out.
		for i := range r.Messages {
			for j := range r.Messages[i].Parts {
				r.Messages[i].Parts[j].Changed = true
			}
		}
		out, dropped, err := Upstream{}.Encode(r.Request)
		if err != nil || !json.Valid(out) || len(dropped) != 1 {
			t.Errorf("%s became %s: %v %v", r.Body, out, dropped, err)
		}
		got := ""
		for i, item := range gjson.GetBytes(out, "input").Array() {
			if i > 0 {
				got += " "
			}
			if item.Get("role").Exists() {
				got += item.Get("role").String()
			} else {
				got += fmt.Sprintf("%s=%s=%s", item.Get("id"), item.Get("encrypted_content"), item.Get("summary.0.text"))
			}
		}
		if got != c.want {
			t.Errorf("%s became %s", r.Body, out)
		}
	}
	for _, bad := range []string{"", "gAAA", packMark, packMark + "!", packMark + "e30x", packMark + "eyJvZiI6IngiLCJzaWciOiJ5In0"} {
		if p, ok := unpack(bad); ok {
			t.Errorf("%s: %+v", bad, p)
		}
	}
}
