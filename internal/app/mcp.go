package app

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/mcp"
)

// MCP is what a server of the Model Context Protocol needs. within names the only collections that are shown; nil: all of which a
// principal may see something.
func (a *App) MCP(version string, within []string, log *slog.Logger) *mcp.Options {
	library, engine, definitions, standard := a.Library(), a.Engine, a.Definitions(), a.Default
	return &mcp.Options{
		Version: version, Library: library, Memory: a.Memories, Log: log,
		Collections: func(ctx context.Context, p identity.Principal) ([]string, error) {
			if within != nil {
				return within, nil
			}
			return library.Visible(ctx, p)
		},
		Ask: func(ctx context.Context, p identity.Principal, q mcp.Question, tell func(string)) (mcp.Answer, error) {
			def, err := definitions.Find(ctx, cmp.Or(q.Assistant, standard))
			if err != nil {
				return mcp.Answer{}, err
			}
			turn := &assistant.Turn{
				Definition: &def, Request: &chat.Request{Messages: []chat.Message{chat.NewText(chat.User, q.Question)}}, Principal: p,
				Session: q.Session, Class: "chat", Door: "mcp", Out: teller{tell},
			}
			ans, err := engine.Run(ctx, turn)
			if err != nil {
				return mcp.Answer{}, err
			}
			out := mcp.Answer{Text: ans.Message.Text(), Trace: ans.Trace.ID}
			for _, s := range turn.Sources() {
				line := fmt.Sprintf("[%d] %s", s.Number, s.Place())
				if s.Symbol != "" {
					line += " " + s.Symbol
				}
				out.Sources = append(out.Sources, line)
			}
			return out, nil
		},
	}
}

// teller is a sink that says which tools run; the answer is taken as a whole.
type teller struct{ tell func(string) }

var _ assistant.Teller = teller{}

func (teller) Begin(*assistant.Turn) error { return nil }

func (teller) Event(*chat.Event, bool) error { return nil }

func (teller) Flush() error { return nil }

func (t teller) Tell(p assistant.Progress) error {
	t.tell(p.Tool + " " + p.State)
	return nil
}
