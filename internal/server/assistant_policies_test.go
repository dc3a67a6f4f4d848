package server_test

import (
	"strings"
	"testing"
)

// TestAssistantPolicies: what a definition says of prompts, answers and people holds on the way through the server.
func TestAssistantPolicies(t *testing.T) {
	d := open(t, options{extra: `
collections: {shop: {path: .}}
assistants:
  desk:
    instructions: Be brief.
    knowledge: [shop]
    model: big
    feature: helpdesk
    search: {not_paths: ["retry/**"]}
    output: {disclaimer: No legal advice.}
    memory: {when: auto}
    handover: [{topic: conduct, when: ["harass*"], say: Call the ombudsperson., confidential: true}]
  form: {knowledge: [shop], model: big, output: {format: json, schema: '{"type":"object","properties":{"years":{"type":"integer"}}}', disclaimer: Never here.}}
  strict: {knowledge: [shop], model: extractive, search: {threshold: 1}}
`})
	// For people: no model is asked.
	a := d.chat(ask("assistant/desk", "Remember that I am Zaphod. Somebody harasses me", map[string]any{"dragoman": map[string]any{"session": "s1"}}))
	if a.status != 200 || strings.TrimSpace(a.text) != "Call the ombudsperson." || len(d.first.Requests()) != 0 {
		t.Errorf("%d %q, %d requests", a.status, a.text, len(d.first.Requests()))
	}
	// Nor is it, where the client sends it again.
	again := d.chat(ask("assistant/desk", "", map[string]any{"dragoman": map[string]any{"session": "s1"}, "messages": []map[string]any{
		{"role": "user", "content": "Remember that I am Zaphod. Somebody harasses me"}, {"role": "assistant", "content": "Call the ombudsperson."},
		{"role": "user", "content": "How long are orders kept?"},
	}}))
	if again.status != 200 || len(d.first.Requests()) != 1 || strings.Contains(string(d.first.Requests()[0].Body), "Zaphod") {
		t.Errorf("%d %d", again.status, len(d.first.Requests()))
	}
	for path, has := range map[string]string{"/api/traces/" + a.header.Get("X-Dragoman-Trace"): `"handover":"conduct"`, "/api/sessions/s1": "ombudsperson", "/api/memory": "memor"} {
		if _, body := d.call("GET", path, d.key, ""); strings.Contains(body, "Zaphod") || strings.Contains(body, "harass") || !strings.Contains(body, has) {
			t.Errorf("what is confidential was kept: %s: %s", path, body)
		}
	}
	for question, stream := range map[string]bool{"How long are orders kept?": false, "Who wants orders to be kept?": true} {
		a = d.chat(ask("assistant/desk", question, map[string]any{"stream": stream}))
		if a.status != 200 || !strings.HasSuffix(a.text, "\n\nNo legal advice.") || strings.Count(a.text, "No legal advice.") != 1 {
			t.Errorf("%s: %d %q", question, a.status, a.text)
		}
	}
	body := string(d.first.Requests()[1].Body)
	if !strings.Contains(body, "Source: README.md:1-3 | Updated: ") || strings.Contains(body, "backoff.go") || strings.Contains(body, "cache_control") {
		t.Errorf("the prompt: %s", body)
	}
	booked := a.header
	// JSON is asked for in the provider's own way, and gets no disclaimer.
	a = d.chat(ask("assistant/form", "How long are orders kept?", nil))
	body = string(d.first.Requests()[3].Body)
	if a.status != 200 || !strings.Contains(body, `"json_schema"`) || !strings.Contains(body, `"years"`) || strings.Contains(a.text, "Never here.") {
		t.Errorf("%d %q: %s", a.status, a.text, body)
	}
	// A threshold that nothing reaches: nothing is offered.
	a = d.chat(ask("assistant/strict", "How long are orders kept in Peru?", nil))
	if a.status != 200 || !strings.Contains(a.text, "Nothing here answers that") {
		t.Errorf("%d %q", a.status, a.text)
	}
	d.books()
	rows, err := d.app.Store.UsageOfTrace(t.Context(), booked.Get("X-Dragoman-Trace"))
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if r := rows[0]; r.Assistant+"@"+r.Version != booked.Get("X-Dragoman-Assistant") || !strings.HasPrefix(r.Template, "answer@") || r.Feature != "helpdesk" {
		t.Errorf("the row: %+v; the header says %s", r, booked.Get("X-Dragoman-Assistant"))
	}
}

// TestCacheMark: where whoever may answer speaks Anthropic's wire, what stays the same is marked as worth caching; the question and what was
// found come after the mark.
func TestCacheMark(t *testing.T) {
	d := open(t, options{})
	if err := d.reload(`
providers: {claude: {dialect: anthropic, base_url: "` + d.first.URL() + `"}}
collections: {shop: {path: .}}
assistants: {desk: {instructions: Be brief., knowledge: [shop], model: claude/test-70b}}
`); err != nil {
		t.Fatal(err)
	}
	a := d.chat(ask("assistant/desk", "How long are orders kept?", nil))
	if a.status != 200 {
		t.Fatalf("%d %+v", a.status, a.failure)
	}
	body := string(d.first.Requests()[0].Body)
	system, messages, ok := strings.Cut(body, `"messages":`)
	if !ok {
		t.Fatal(body)
	}
	if strings.Index(body, `"system":`) > strings.Index(body, `"messages":`) {
		system, messages = messages, system
	}
	if strings.Count(body, `"cache_control"`) != 1 || !strings.Contains(system, `"cache_control"`) || !strings.Contains(system, "Be brief.") || strings.Contains(system, "orders are kept") && strings.Contains(system, "tax office") {
		t.Errorf("%s", body)
	}
	if !strings.Contains(messages, "tax office") {
		t.Errorf("what was found is not in the message: %s", body)
	}
}
