package app

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/conversation"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/route"
)

// builtIn is the assistant that is always there: it answers from the folder that the command runs in.
const builtIn = "code"

// shownDigits is how much of a version people and callers see.
const shownDigits = 12

// define makes of a definition, as it is written, what the pipeline takes. What the format gets is mapped here, a line for each policy.
func (a *App) define(name string, c config.Assistant) (assistant.Definition, error) {
	template, values, err := c.Prompt.Parse()
	if err != nil {
		return assistant.Definition{}, fmt.Errorf("assistant %s: %w", name, err)
	}
	d := assistant.Definition{
		Name:         name,
		Version:      c.Version()[:shownDigits],
		Description:  c.Description,
		Instructions: c.Instructions,
		About:        cmp.Or(c.About, name),
		Knowledge:    slices.Clone(c.Knowledge),
		Search:       search(c.Search),
		Prompt:       assistant.Prompt{Template: template, Values: values},
		Output:       assistant.Output{Format: assistant.Format(c.Output.Format), Disclaimer: c.Output.Disclaimer},
		Handovers:    handovers(c.Handover),
		Route:        cmp.Or(c.Model, c.Route),
		Policy:       a.policy(c.Guard),
		Privacy:      route.Privacy(c.Privacy),
		Tools:        toolPolicy(c.Tools),
		Judge:        judgePolicy(c.Judge),
		Degrade:      assistant.DegradePolicy{Ladder: c.Degrade.Ladder, Wait: c.Degrade.Wait, Stale: c.Degrade.Stale},
		Feature:      c.Feature,
		Conversation: conversationPolicy(c.Conversation),
		Memory: assistant.MemoryPolicy{
			When: assistant.MemoryWhen(c.Memory.When), Shared: c.Memory.Scope == "user", Budget: int(c.Memory.Budget), Expiry: c.Memory.Expiry, Model: c.Memory.Model,
		},
	}
	if c.Output.Schema != "" { // an empty one is no JSON
		d.Output.Schema = []byte(c.Output.Schema)
	}
	if c.Folder != "" {
		d.Knowledge = append(d.Knowledge, config.FolderCollection(name))
	}
	if a.options.Model != "" {
		d.Route = a.options.Model
	}
	if a.options.Collection != "" {
		d.Knowledge = []string{a.options.Collection}
	}
	return d, nil
}

func handovers(list []config.AssistantHandover) []assistant.Handover {
	var out []assistant.Handover
	for _, h := range list {
		out = append(out, assistant.NewHandover(h.Topic, h.When, h.Say, h.Confidential))
	}
	return out
}

func search(c config.AssistantSearch) assistant.Search {
	return assistant.Search{
		Filter: knowledge.Filter{Paths: c.Paths, NotPaths: c.NotPaths, Types: c.Types, Languages: c.Languages, Teams: c.Teams},
		Limit:  c.Limit, Threshold: c.Threshold, Rerank: c.Rerank, Budget: int(c.Budget),
	}
}

func conversationPolicy(c config.AssistantConversation) conversation.Policy {
	p := conversation.DefaultPolicy()
	p.Budget, p.Recent, p.Model = cmp.Or(int(c.Budget), p.Budget), cmp.Or(c.Recent, p.Recent), c.Model
	p.Summary = c.Summary != "off"
	return p
}

// folderAssistant is the definition of the built-in assistant.
func folderAssistant(root string) config.Assistant {
	return config.Assistant{
		Description: "answers questions about a code base or documents, with citations",
		About:       "the folder " + filepath.Base(root),
	}
}

// defineAssistants makes the assistants of the configuration, and the built-in one, which searches a collection.
func (a *App) defineAssistants(collection string) error {
	a.Assistants = map[string]assistant.Definition{}
	if _, other := a.Config.Assistants[builtIn]; !other {
		d, err := a.define(builtIn, folderAssistant(a.Root))
		if err != nil {
			return err
		}
		d.Knowledge = []string{collection}
		a.Assistants[builtIn] = d
	}
	for name, c := range a.Config.Assistants {
		d, err := a.define(name, c)
		if err != nil {
			return err
		}
		a.Assistants[name] = d
	}
	return nil
}

func judgePolicy(c config.AssistantJudge) assistant.JudgePolicy {
	return assistant.JudgePolicy{
		Marks: c.Marks, Encoder: c.Encoder, UnanswerableBelow: c.Unanswerable, Retries: c.Retries, RetryBelow: c.RetryBelow, Validate: c.Validate,
		AbstainBelow: c.Abstain, DisclaimBelow: c.Disclaim, Disclaimer: c.Disclaimer, ConfirmBelow: c.Confirm, MaxWords: c.MaxWords,
		Candidates: assistant.CandidatePolicy{Count: c.Candidates.Count, Models: c.Candidates.Models, Temperatures: c.Candidates.Temperatures, Cost: c.Candidates.Cost},
	}
}
