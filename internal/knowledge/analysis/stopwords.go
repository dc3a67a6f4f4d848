package analysis

import "strings"

// stopwords are English function words. They are dropped from queries and from running text; names keep them, since a
// method may well be called "With".
var stopwords = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`
a about above after again against all also although am an and any are aren as at be because been before being below between both
but by can cannot could couldn did didn do does doesn doing don down during each either else ever every few for from further get
gets getting give given gives go goes got had hadn has hasn have haven having he hence her here hers herself him himself his how
however i if in instead into is isn it its itself just let ll like may me might more most much must my myself need needs neither
no nor not now of off often on once one only onto or other otherwise our ours ourselves out over own per please quite rather re
really same shall she should shouldn since so some still such than that the their theirs them themselves then there these they
this those though through thus to too two under until up upon us use used uses using ve very via want wants was wasn way we well
were weren what whatever when whenever where whether which while who whom whose why will with within without won would wouldn yes
yet you your yours yourself`) {
		m[w] = true
	}
	return m
}()

// IsStopword says whether a lower-case word carries no meaning in a question.
func IsStopword(word string) bool { return stopwords[word] }
