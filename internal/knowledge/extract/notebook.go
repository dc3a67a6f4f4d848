package extract

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Notebooks of Jupyter (nbformat 4): cells of Markdown and code, with what the code printed.
var notebookFormat = format{name: "notebook", read: (*reading).notebook}

// lines is a text that is written as one string or as a list of lines.
type lines string

func (l *lines) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = lines(one)
		return nil
	}
	var many []string
	if err := json.Unmarshal(data, &many); err != nil {
		return err
	}
	*l = lines(strings.Join(many, ""))
	return nil
}

// maxOutput is what is kept of one printed output.
const maxOutput = 4 << 10

func (r *reading) notebook() error {
	var book struct {
		Cells []struct {
			Type    string `json:"cell_type"`
			Source  lines  `json:"source"`
			Outputs []struct {
				Text lines `json:"text"`
				Data struct {
					Plain lines `json:"text/plain"`
				} `json:"data"`
				Name  string `json:"ename"`
				Value string `json:"evalue"`
			} `json:"outputs"`
		} `json:"cells"`
		Metadata struct {
			Title string `json:"title"`
			Info  struct {
				Name string `json:"name"`
			} `json:"language_info"`
			Kernel struct {
				Language string `json:"language"`
			} `json:"kernelspec"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(r.in.Body, &book); err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	r.out.Title = book.Metadata.Title
	language := book.Metadata.Info.Name
	if language == "" {
		language = book.Metadata.Kernel.Language
	}
	for _, c := range book.Cells {
		text := strings.TrimRight(string(c.Source), "\n")
		if text == "" || r.full() {
			continue
		}
		if c.Type != "code" {
			r.b.WriteString(text + "\n\n")
			continue
		}
		r.b.WriteString("```" + language + "\n" + text + "\n```\n\n")
		for _, o := range c.Outputs {
			said := strings.TrimSpace(string(o.Text) + string(o.Data.Plain))
			if o.Name != "" {
				said = o.Name + ": " + o.Value
			}
			if said != "" {
				r.b.WriteString("```\n" + said[:min(len(said), maxOutput)] + "\n```\n\n")
			}
		}
	}
	return nil
}
