package server_test

import (
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// TestModelsThatMisbehaveThroughEveryDoor: whatever a model with tools does, its caller gets an answer that is whole, of its form and without
// what was made up, streamed or in one piece, and the books have each request. With a policy that holds the answer back and without.
func TestModelsThatMisbehaveThroughEveryDoor(t *testing.T) {
	const stock = "12 pens are left."
	again := strings.Repeat("There are twelve pens left in the shop today. ", 20)
	whole := func(text string) bool { return text == stock || text == "ok" } // the other model's, where nothing had been said yet
	for name, c := range map[string]struct {
		tools, judge string
		script       []providertest.Answer
		check        func(text string) bool
		requests     int
		told         string // what the model is told before its last answer
	}{
		"loops without end": {"steps: 2", "", []providertest.Answer{
			providertest.Call("shop_stock", `{"n":1}`), providertest.Call("shop_stock", `{"n":2}`), providertest.Reply(stock),
		}, func(text string) bool { return text == stock }, 3, "No more tools can be called"},
		"loops over its bound": {"steps: 1", "", []providertest.Answer{
			providertest.Call("shop_stock", `{"n":1}`), providertest.Call("shop_stock", `{"n":2}`),
		}, func(text string) bool { return strings.HasPrefix(text, "No answer was reached") }, 2, "No more tools can be called"},
		"malformed arguments": {"", "", []providertest.Answer{
			providertest.Call("shop_stock", `{"n":`), providertest.Call("shop_stock", `[]`), providertest.Call("shop_stock", `{}`), providertest.Reply(stock),
		}, func(text string) bool { return text == stock }, 4, "12 pens are left"},
		"cites what is not there": {"", "", []providertest.Answer{
			providertest.Call("shop_stock", `{}`), providertest.Reply("12 pens are left [", "7]. Orders are kept [", "1]."),
		}, func(text string) bool { return text == "12 pens are left . Orders are kept [1]." }, 2, ""},
		"repeats itself": {"", "", []providertest.Answer{
			providertest.Call("shop_stock", `{}`), providertest.Reply(strings.SplitAfter(again, " ")...),
		}, func(text string) bool {
			return strings.Count(text, "twelve pens") <= 3 && strings.Contains(text, "went on to repeat itself")
		}, 2, ""},
		"stops half-way": {"", "", []providertest.Answer{
			providertest.Call("shop_stock", `{}`), providertest.Break("12 pens ", "are "), providertest.Reply("left."),
		}, whole, 0, ""},
		"is wrong at first": {"", "retries: 1", []providertest.Answer{
			providertest.Call("shop_stock", `{}`), providertest.Reply("Penguins are said to migrate in autumn."), providertest.Reply(stock),
		}, func(text string) bool { return text == stock }, 3, "Penguins"},
		"stops half-way while held": {"", "retries: 1", []providertest.Answer{
			providertest.Call("shop_stock", `{}`), providertest.Break("12 pens ", "are "), providertest.Reply("left."),
		}, whole, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			throughDoors(t, func(t *testing.T, wire string, stream bool) {
				if !stream && wire != "chat" {
					return // what comes in one piece differs by its encoding alone
				}
				d, orders := shop(t, c.tools, c.judge)
				d.first.Script(c.script...)
				talk := &talk{d: d, wire: wire, stream: stream}
				if a := talk.say("How long are orders kept, and how many pens are left?"); !c.check(a) {
					t.Errorf("%q", a)
				}
				if n := len(d.first.Requests()); c.requests > 0 && n != c.requests {
					t.Errorf("%d requests", n)
				}
				if last := d.sent(len(d.first.Requests()) - 1); c.told != "" {
					all := ""
					for _, m := range last.Messages {
						s, _ := m.Content.(string)
						all += s
					}
					if !strings.Contains(all, c.told) {
						t.Errorf("it was told %s", all)
					}
				}
				if orders.Load() != 0 {
					t.Error("something was ordered")
				}
				d.books()
			})
		})
	}
}
