package config

import (
	"strings"
	"testing"
)

func TestNotes(t *testing.T) {
	for doc, want := range map[string]string{
		`a: {judge: {retries: 1, abstain_below: 0.2, marks: true, disclaim_below: 0.5}, tools: {use: [calculator]}}`: "",
		`a: {model: extractive, judge: {retries: 1, abstain_below: 0.2}}`: "assistants.a.judge.retries: has no effect: its answers are passages|" +
			"assistants.a.judge.abstain_below: has no effect: its answers are passages",
		`a: {output: {format: json}, judge: {retries: 1, confirm_below: 0.2}}`:     "assistants.a.judge.confirm_below: has no effect: an answer in JSON",
		`a: {judge: {unanswerable_below: 0.2}, tools: {use: [calculator]}}`:        "assistants.a.judge.unanswerable_below: has no effect: tools may find",
		`a: {tools: {use: [calculator], confirm: true}}`:                           "assistants.a.tools.confirm: has no effect: none of its tools acts",
		`a: {output: {format: json}, tools: {use: [files], confirm: true}}`:        "assistants.a.tools.confirm: an answer in JSON has no room",
		`a: {judge: {retry_below: 0.3, candidates: {temperatures: [1]}}}`:          "assistants.a.judge.retry_below: has no effect without retries|assistants.a.judge.candidates: has no effect",
		`a: {model: extractive, tools: {use: [calculator]}}`:                       "assistants.a.tools: has no effect: no model is asked",
		`a: {tools: {use: [files, "shop/place"], confirm: true, calling: native}}`: "",
	} {
		c, err := Parse("dragoman.yaml", []byte("tools: {mcp: {files: {command: [x]}}, apis: {shop: {file: x.json, operations: [place]}}}\nassistants:\n  "+doc+"\n"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		var wants []string
		if want != "" {
			wants = strings.Split(want, "|")
		}
		notes := c.Notes()
		if len(notes) != len(wants) {
			t.Errorf("%s: %q", doc, notes)
			continue
		}
		for i, w := range wants {
			if !strings.HasPrefix(notes[i], w) {
				t.Errorf("%s: %q", doc, notes[i])
			}
		}
	}
}
