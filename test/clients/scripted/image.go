package scripted

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// image says of an image what a script can see of it: its type and its size.
func (v *violations) image(where, mime, data string) string {
	raw, err := base64.StdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(data))
	if err != nil || len(raw) == 0 || !strings.HasPrefix(mime, "image/") {
		v.add("%s: no image: type %q, data %.20q, %v", where, mime, data, err)
	}
	return fmt.Sprintf("%s of %d bytes", mime, len(raw))
}

// dataURL reads an image from an address. Others than of the scheme data are not followed.
func (v *violations) dataURL(where, address string) string {
	kind, data, ok := strings.Cut(strings.TrimPrefix(address, "data:"), ";base64,")
	if !strings.HasPrefix(address, "data:") || !ok {
		v.add("%s: Error while downloading %.60q", where, address)
		return ""
	}
	return v.image(where, kind, data)
}

// source reads the source of one of Anthropic's images.
func (v *violations) source(where string, data json.RawMessage) string {
	var s struct {
		Type      string `json:"type"`
		MediaType string `json:"media_type"`
		Data      string `json:"data"`
		URL       string `json:"url"`
	}
	v.decode(where, data, &s)
	if s.Type != "base64" {
		v.add("%s: Unable to download %q", where, s.URL)
		return ""
	}
	return v.image(where, s.MediaType, s.Data)
}
