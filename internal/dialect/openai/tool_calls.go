package openai

// maxToolCalls bounds the calls of one answer.
const maxToolCalls = 128

// toolCalls tells the calls of one answer apart. OpenAI numbers the pieces of a call with its index; Gemini sends no index,
// and some versions of Ollama send 0 for each call.
type toolCalls struct {
	ids   []string    // by our index; "" where the provider sends none
	slots map[int]int // the provider's index -> ours
}

// index is our index of the call that a piece belongs to; false for one call too many.
func (c *toolCalls) index(slot *int, id, name string) (int, bool) {
	if slot == nil {
		return c.unnumbered(id, name)
	}
	if i, ok := c.slots[*slot]; ok && (id == "" || c.ids[i] == "" || c.ids[i] == id) {
		if c.ids[i] == "" {
			c.ids[i] = id
		}
		return i, true
	}
	i, ok := c.begin(id)
	if ok {
		if c.slots == nil {
			c.slots = map[int]int{}
		}
		c.slots[*slot] = i
	}
	return i, ok
}

func (c *toolCalls) unnumbered(id, name string) (int, bool) {
	for i, known := range c.ids {
		if id != "" && known == id {
			return i, true
		}
	}
	if id == "" && name == "" && len(c.ids) > 0 {
		return len(c.ids) - 1, true // more of the last call's arguments
	}
	return c.begin(id)
}

func (c *toolCalls) begin(id string) (int, bool) {
	if len(c.ids) == maxToolCalls {
		return 0, false
	}
	c.ids = append(c.ids, id)
	return len(c.ids) - 1, true
}
