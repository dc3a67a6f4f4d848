package server

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
)

// cacheWish reads what the caller says of the cache: the header Cache-Control (RFC 9111, section 5.2.1), and dragoman.cache,
// which wins. Browsers send no-cache on a reload, so do clients that never saw an answer.
func cacheWish(h http.Header, own *bool) (w assistant.CacheWish) {
	for _, line := range h["Cache-Control"] {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-cache":
				w.NoCache = true
			case "no-store":
				w.NoCache, w.NoStore = true, true
			case "no-semantic": // an extension of ours
				w.Exact = true
			case "only-if-cached":
				w.OnlyIfCached, w.Wanted = true, true
			case "max-age":
				n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
				if err != nil {
					continue // as if it were not there
				}
				w.MaxAge, w.Wanted = time.Duration(n)*time.Second, true
				w.NoCache = w.NoCache || n == 0
			}
		}
	}
	if own != nil {
		w.Wanted = *own
		w.NoCache, w.NoStore = w.NoCache || !*own, w.NoStore || !*own
	}
	return w
}
