package cache

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/facts"
)

// BenchmarkSemanticGet looks for a question among others of one scope, none of which is close enough.
func BenchmarkSemanticGet(b *testing.B) {
	for _, n := range []int{100, 1000, 4000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dice := rand.New(rand.NewPCG(1, 2))
			random := func() []float32 {
				v := make([]float32, 384)
				for i := range v {
					v[i] = float32(dice.NormFloat64()) / 19.6 // of length 1, about
				}
				return v
			}
			c := NewSemantic[string](DefaultThreshold, 1<<30, time.Hour, time.Now)
			scope, said := KeyOf("scope"), facts.Of("how do I round prices")
			for range n {
				c.Put(scope, random(), said, "answer", 1000)
			}
			q := random()
			b.ReportAllocs()
			for b.Loop() {
				if _, ok, _ := c.Get(scope, q, said, 0); ok {
					b.Fatal("a random question is close to another")
				}
			}
		})
	}
}
