package gemini

import (
	"strconv"

	"github.com/dragoman/dragoman/internal/dialect"
)

func (c *config) raw(name, json string) {
	c.key(name)
	c.dst = append(c.dst, json...)
}

func (c *config) string(name, s string) {
	c.key(name)
	c.dst = dialect.AppendString(c.dst, s)
}

func (c *config) int(name string, n int64) {
	c.key(name)
	c.dst = strconv.AppendInt(c.dst, n, 10)
}

func (c *config) float(name string, f *float64) {
	if f != nil {
		c.key(name)
		c.dst = appendNumber(c.dst, *f)
	}
}

func appendString(dst []byte, s string) []byte { return dialect.AppendString(dst, s) }
