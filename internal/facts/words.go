package facts

import (
	"maps"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/analysis"
)

// member is a word's place in a family of words that exclude each other.
type member struct{ family, member string }

// membersOf are the places of a word, in lower case, by itself or without an ending.
func membersOf(w string) []member {
	if m := families[w]; m != nil {
		return m
	}
	for _, end := range [][2]string{{"er", ""}, {"est", ""}, {"r", ""}, {"st", ""}, {"ier", "y"}, {"iest", "y"}, {"ed", ""}, {"d", ""}, {"s", ""}, {"es", ""}, {"ing", ""}, {"ing", "e"}} {
		if base, ok := strings.CutSuffix(w, end[0]); ok && len(base) > 2 {
			if m := families[base+end[1]]; m != nil {
				return m
			}
		}
	}
	return nil
}

var (
	// asking words make a question one that is not for yes or no.
	asking = set("how what which where when who whom whose why what's where's how's")
	// periods are what "this" and "every" are said of when they are said of time.
	periods = set("morning afternoon evening night day week weekend month quarter term season year decade century")
	// roles are prepositions whose words cannot change places.
	roles = set("from to into onto before after than")
	// unordered words stand between what may change places.
	unordered = set("and or nor with plus & vs versus to a an the")
	// empty words come and go when a question is put in another way.
	empty = stems(set(`a an the this that these those there here it its i me my mine you your yours we us our ours they them their one ones oneself
am is are was were be been being do does did done doing have has had having will would shall should can could may might must ought need needed
how what which who whom whose where when why that if whether then so as and or but also too just please tell know want like yes
get got make made way step process procedure mean meant by with for in on at to of about up out any well provide offer employ utilize utilise
possible able allow permit require necessary exist order use via through all every each some such case while there's thing given
not no don't doesn't can't cannot isn't aren't find see look explain explanation describe mention given giving`))
	// derivations are endings of words of one stem.
	derivations = set("s es e ed d ing ion ions ation ations ition itions ment ments al als y ies ied ly ally ance ence ability ings t ity ive abl i iti r")

	families = read(familyList)
	synonyms = groups(synonymList)
)

// stems adds the stems of words to them.
func stems(words map[string]bool) map[string]bool {
	for _, w := range slices.Collect(maps.Keys(words)) {
		words[analysis.Stem(w)] = true
	}
	return words
}

// read reads families: a name, and members between bars; forms of one member are beside each other.
func read(list string) map[string][]member {
	out := map[string][]member{}
	for line := range strings.SplitSeq(strings.TrimSpace(list), "\n") {
		name, of, _ := strings.Cut(line, ": ")
		for group := range strings.SplitSeq(of, "|") {
			forms := strings.Fields(group)
			for _, form := range forms {
				out[form] = append(out[form], member{name + " " + of, forms[0]})
			}
		}
	}
	return out
}

// groups reads groups of words of one meaning, one a line; the first stands for all.
func groups(list string) map[string]string {
	out := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(list), "\n") {
		words := strings.Fields(line)
		for _, w := range words {
			out[w] = words[0]
		}
	}
	return out
}

const familyList = `
asked for: who whom whose|where|when|why
modality: must have-to need-to required obliged mandatory compulsory|should ought|may can could allowed permitted|forbidden prohibited banned
modality: will|might may|would
quantity: all every each everyone everybody everything entire whole|some someone somebody something several few|most majority|few fewest|none nobody nothing|many|half|both|either|neither|only solely exclusively
frequency: once|twice|thrice
frequency: always|often frequently|sometimes occasionally|seldom rarely|never
frequency: hourly|daily nightly|weekly|fortnightly|monthly|quarterly|yearly annually annual
period: second|minute|hour|day|night|week|weekend|month|quarter|year|decade|century
day: monday mon|tuesday tue|wednesday wed|thursday thu|friday fri|saturday|sunday
month: january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|september sep sept|october oct|november nov|december dec
time: morning|noon midday|afternoon|evening|night|midnight
time: am a.m|pm p.m
time: spring|summer|autumn fall|winter
time: today|tomorrow|yesterday|tonight
time: next following coming|last previous past|this-time current
time: before prior|after afterwards|during while whilst
time: until till|since
time: now immediately|later
tense: did was were|will shall
rank: first 1st|second 2nd|third 3rd|fourth 4th|fifth 5th|sixth 6th|seventh 7th|eighth 8th|ninth 9th|tenth 10th|eleventh 11th|twelfth 12th|last final
place: north northern|south southern|east eastern|west western
place: front|back rear
place: left|right
place: top|bottom
place: inner inside|outer outside
place: home domestic|abroad foreign
person: man men male|woman women female
person: boy|girl
person: mother mum mom|father dad
person: son|daughter
person: brother|sister
person: husband|wife
person: grandmother|grandfather
person: he him his|she her hers
person: full-time full-timer|part-time part-timer
amount: more over above beyond exceeding|less fewer under below beneath|exactly
amount: most|least fewest
amount: largest highest maximum max biggest longest greatest latest|smallest lowest minimum min shortest earliest
quality: good better best|bad worse worst
quality: cheap inexpensive|expensive dear costly
quality: fast quick rapid|slow
quality: easy simple|hard difficult
quality: large big|small little
quality: high|low
quality: old|new|young
quality: safe secure|dangerous unsafe insecure
quality: strong|weak
quality: wise|foolish unwise
quality: hot warm|cold cool
quality: long|short
quality: early|late
quality: rich|poor
quality: heavy|light
quality: thick|thin
quality: wide|narrow
quality: clean|dirty
quality: empty|full
quality: near close|far
quality: wet|dry
quality: loud|quiet
quality: alive|dead
quality: sick ill|healthy
quality: true|false
quality: odd|even
quality: absolute|relative
quality: upper|lower
rule: allowed legal lawful permitted|forbidden illegal unlawful prohibited banned
rule: required mandatory compulsory obligatory|optional voluntary
stance: support favour favor|oppose
stance: accept approve|refuse reject decline deny
change: rise increase grow raise|fall decrease drop shrink decline lower reduce
change: join enter arrive|leave left exit quit depart
change: tighten|loosen
change: open|close shut
change: appear|disappear vanish
change: win won|lose lost
change: lend lent|borrow
change: gain|lose lost
change: sell sold|buy bought purchase
change: ask|answer
change: hire employ|fire dismiss
change: promote|demote
change: born|die
change: import|export
change: deposit|withdraw
change: credit|debit
`

const synonymList = `
pay paid
undo undone
buy bought purchase
sell sold
send sent
begin begun began start commence
end finish complete
stop cease halt kill terminate
reduce lower decrease
regular conventional ordinary
consult refer
achieve accomplish reach
goal aim purpose objective
try attempt
share distribute disseminate
set configure
keep kept hold held
lose lost
write written wrote
break broken broke
take taken took
give gave grant
choose chosen chose select pick
go went gone
come came
put place
build built
teach taught train
create generate produce
specify indicate determine state define designate
obtain acquire receive retrieve fetch load
replace substitute
convert transform
change modify alter update
save store
show display
remove delete
repair fix mend
help assist support
cover include contain comprise
contact call
request ask
answer reply respond
avoid prevent
combine merge join
append add insert
check verify
allow enable permit activate
switch turn
connect link associate attach
return yield
run execute
remain stay
require need
handle treat deal
own belong
happen occur
document paper
location directory place folder
type kind sort
error fault failure
method function technique
part section portion
detail information info
mistake error
holiday vacation
colleague coworker co-worker teammate
boss supervisor
company firm business
phone telephone
mail email e-mail
film movie
car automobile
picture image photo
price cost fee charge
big large huge
small little tiny
quick fast rapid speed
often frequent
maximum maximal largest most
minimum minimal smallest least
inside within
initial start
recommend suggest advise
amount number quantity
segment chunk piece
important essential crucial
path route
entire whole full
different various distinct
particular specific
appropriate suitable proper correct right
simple easy
further more additional extra
main primary
usual normal typical
start-up startup
`
