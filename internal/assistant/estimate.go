package assistant

import (
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/prompt"
	"github.com/dragoman/dragoman/internal/provider"
)

// EstimateInput estimates the tokens of a request: of its texts, media and tools.
func EstimateInput(r *chat.Request) int {
	n := 0
	for i := range r.Messages {
		n += 4 + estimateParts(r.Messages[i].Parts) // the marks around a message
	}
	for _, t := range r.Tools {
		n += prompt.Tokens(t.Description) + (len(t.Parameters)+len(t.Raw))/4 + 8
	}
	if r.Format != nil {
		n += len(r.Format.Schema) / 4
	}
	return n
}

func estimateParts(parts []chat.Part) (n int) {
	for i := range parts {
		p := &parts[i]
		switch {
		case p.Call != nil:
			n += prompt.Tokens(p.Call.Arguments) + 8
		case p.Result != nil:
			n += estimateParts(p.Result.Parts)
		case p.Media != nil:
			n += estimateMedia(p)
		case p.Kind == chat.OpaquePart:
			n += len(p.Raw) / 4
		default:
			n += prompt.Tokens(p.Text)
		}
	}
	return n
}

const (
	// imageTokens is what an image costs, about, at the sizes to which providers scale it.
	imageTokens = 1500
	// Documents and audio: a page of a PDF is a text of about 700 tokens and an image of it, in 20 KB and more; a second of
	// compressed audio is 10 to 32 tokens in 4 KB and more.
	bytesPerToken = 20
)

// estimateMedia goes by the size; of what stays elsewhere that is not known.
func estimateMedia(p *chat.Part) int {
	if p.Kind == chat.ImagePart {
		return imageTokens
	}
	return max(imageTokens, len(p.Media.Data)/4*3/bytesPerToken)
}

// countImages counts the images of a request.
func countImages(r *chat.Request) (n int64) {
	var walk func(parts []chat.Part)
	walk = func(parts []chat.Part) {
		for i := range parts {
			if parts[i].Kind == chat.ImagePart {
				n++
			}
			if res := parts[i].Result; res != nil {
				walk(res.Parts)
			}
		}
	}
	for i := range r.Messages {
		walk(r.Messages[i].Parts)
	}
	return n
}

// used is what a request has used: what its provider reported, and what it left out counted by us, marked as an estimate. An
// Input of 0 in an estimate is for the ledger to fill in.
func used(o provider.Outcome) chat.Usage {
	u := o.Usage
	switch e := o.Err; {
	case e == nil, o.Finish != "" && u.Output > 0: // all is said and counted, though its end may not have come
		if u.Total() == 0 || u.Output == 0 && o.Said > 0 {
			u.Output, u.Estimated = max(u.Output, o.Said), true
		}
	case o.FirstToken > 0: // what is reported in the middle of an answer is not all of it
		u.Output, u.Estimated = max(u.Output, o.Said), true
	case e.Status == 0 && (e.Code == chat.CodeCancelled || e.Code == chat.CodeTimeout):
		u.Estimated = true // it was at work on the prompt when it was left, and charges for that
	}
	return u
}
