package gemini

import "github.com/dragoman/dragoman/internal/chat"

// openCall is a call to which the result has to be found: ids are optional on this wire.
type openCall struct {
	id, name string
	answered bool
}

// openCalls are a conversation's calls, in order, by id and by name. The first of a list may have been answered by way of
// the other.
type openCalls struct{ byID, byName map[string][]*openCall }

func (o *openCalls) add(id, name string) {
	if o.byID == nil {
		o.byID, o.byName = map[string][]*openCall{}, map[string][]*openCall{}
	}
	c := &openCall{id: id, name: name}
	o.byID[id] = append(o.byID[id], c)
	o.byName[name] = append(o.byName[name], c)
}

// answerFirst takes the first open call of a list.
func answerFirst(of map[string][]*openCall, key string) *openCall {
	list := of[key]
	for len(list) > 0 && list[0].answered {
		list = list[1:]
	}
	if len(list) == 0 {
		delete(of, key)
		return nil
	}
	of[key] = list[1:]
	list[0].answered = true
	return list[0]
}

// answer finds the call that a result belongs to: by its id, else the first of its name that has no result yet.
func (d *decoder) answer(w where, res *chat.ToolResult) {
	var c *openCall
	if res.CallID != "" {
		c = answerFirst(d.calls.byID, res.CallID)
	} else {
		c = answerFirst(d.calls.byName, res.Name)
	}
	switch {
	case c == nil && res.CallID == "":
		res.CallID = w.callID()
	case c != nil:
		if res.CallID = c.id; res.Name == "" {
			res.Name = c.name
		}
	}
}
