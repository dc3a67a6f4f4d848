package guard

import "strings"

// Bounds of what the scanner holds back.
const (
	maxToken   = 16 << 10 // a longer run of characters is searched in pieces
	maxContext = 96       // of a line, before a run
	maxHeader  = 80       // "-----BEGIN ... PRIVATE KEY-----"
	maxPEM     = 64 << 10 // a private key that does not end
)

const (
	pemBegin = "-----BEGIN "
	pemKey   = "PRIVATE KEY-----"
	pemEnd   = "-----END "
)

// scanner searches a text that comes in pieces. Where the pieces end makes no difference to what it finds.
type scanner struct {
	found func(Finding)     // positions in the whole text
	pass  func(text string) // what is certainly no secret; nil where nobody wants it
	text  string            // what is searched now
	buf   string            // the end of text that is not decided yet
	at    int               // position of buf in the whole text
	line  []byte            // the end of the line before text
	end   []byte            // the end of the line before buf, made where it is needed
	key   bool              // buf begins with a private key
}

// feed takes the next piece; final says that it is the last.
func (s *scanner) feed(text string, final bool) {
	s.buf += text
	s.text = s.buf
	s.search(final)
	s.line = append(s.line[:0], s.before()...)
	s.text = s.buf
}

func (s *scanner) search(final bool) {
	for s.buf != "" {
		if s.key {
			if !s.privateKey(final) {
				return
			}
			continue
		}
		if n := harmless(s.buf, final); n > 0 {
			s.emit(n)
			continue
		}
		end := tokenEnd(s.buf)
		whole := end < len(s.buf) || final || end >= maxToken
		end = min(end, maxToken)
		if i := strings.Index(s.buf[:end], pemBegin[:len(pemBegin)-1]); i >= 0 {
			switch state := pemHeader(s.buf[i:], final); {
			case state == undecided:
				return
			case state == yes:
				s.token(i)
				s.key = true
				continue
			}
		}
		if !whole {
			return
		}
		s.token(end)
	}
}

// longEnough is from how many characters on a run is looked at whatever it is made of.
const longEnough = 16

// harmless is the length of what s begins with that no secret has part in: blanks, characters beyond ASCII, and runs between them that
// are too short, or short and without a digit, a capital or the mark of a setting. Of a text in prose that is nearly all.
func harmless(s string, final bool) int {
	for i := 0; ; {
		for i < len(s) && (s[i] <= ' ' || s[i] >= 0x7f) {
			i++
		}
		end, plain := i, true
		for end < len(s) && end-i < longEnough && s[end] > ' ' && s[end] < 0x7f {
			c := s[end]
			plain = plain && (c < '0' || c > ':') && c != '=' && (c < 'A' || c > 'Z')
			end++
		}
		n := end - i
		if n == 0 || n == longEnough || n >= minSecret && !plain || end == len(s) && !final {
			return i
		}
		i = end
	}
}

// tokenEnd is the length of the run of printable ASCII that s begins with.
func tokenEnd(s string) int {
	i := 0
	for i < len(s) && s[i] > ' ' && s[i] < 0x7f {
		i++
	}
	return i
}

type decision int

const (
	no decision = iota
	yes
	undecided
)

// pemHeader says whether s begins with the header of a private key.
func pemHeader(s string, final bool) decision {
	head := s[:min(len(s), maxHeader)]
	if nl := strings.IndexByte(head, '\n'); nl >= 0 {
		head = head[:nl]
		final = true
	}
	if i := strings.Index(head, pemKey); i >= 0 && strings.HasPrefix(head, pemBegin) {
		return yes
	}
	if final || len(head) == maxHeader || len(head) >= len(pemBegin) && !strings.HasPrefix(head, pemBegin) {
		return no
	}
	return undecided
}

// privateKey looks for the end of a key. It says whether there was one.
func (s *scanner) privateKey(final bool) bool {
	end := -1
	if i := strings.Index(s.buf, pemEnd); i >= 0 {
		if j := strings.Index(s.buf[i:], pemKey); j >= 0 {
			end = i + j + len(pemKey)
		}
	}
	switch {
	case end >= 0 && end <= maxPEM:
	case len(s.buf) >= maxPEM:
		end = maxPEM
	case final:
		end = len(s.buf)
	default:
		return false
	}
	s.secret("private key", end)
	s.key = false
	return true
}

// token searches the first n bytes of buf and passes them on.
func (s *scanner) token(n int) {
	token, done := s.buf[:n], 0
	if len(token) >= minSecret {
		inToken(s.before(), token, func(rule string, start, end int) {
			if start < done {
				return
			}
			s.emit(start - done)
			s.secret(rule, end-start)
			done = end
		})
	}
	s.emit(n - done)
}

// emit passes the first n bytes of buf on.
func (s *scanner) emit(n int) {
	if n > 0 && s.pass != nil {
		s.pass(s.buf[:n])
	}
	s.advance(n)
}

// secret reports the first n bytes of buf.
func (s *scanner) secret(rule string, n int) {
	s.found(Finding{rule, s.at, s.at + n})
	s.advance(n)
}

func (s *scanner) advance(n int) { s.buf, s.at = s.buf[n:], s.at+n }

// before is the end of the line before buf; it is valid until the next call.
func (s *scanner) before() []byte {
	seen := s.text[:len(s.text)-len(s.buf)]
	seen = seen[max(0, len(seen)-maxContext):]
	s.end = s.end[:0]
	if nl := strings.LastIndexByte(seen, '\n'); nl >= 0 {
		seen = seen[nl+1:]
	} else if rest := maxContext - len(seen); rest > 0 {
		s.end = append(s.end, s.line[max(0, len(s.line)-rest):]...)
	}
	s.end = append(s.end, seen...)
	return s.end
}
