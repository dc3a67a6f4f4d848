package knowledge

import "strings"

// related holds, for a lower-cased word or its stem, other words by which code and documents call the same thing:
// abbreviations that programmers write, and synonyms that hold in nearly every program. Both directions are derived from
// one list of groups. Groups are small on purpose: a wider net finds more of what nobody asked for.
var related = func() map[string][]string {
	m := map[string][]string{}
	for line := range strings.Lines(relatedGroups) {
		group := strings.Fields(line)
		for i, w := range group {
			for j, r := range group {
				if i != j && len(m[w]) < 6 {
					m[w] = append(m[w], r)
				}
			}
		}
	}
	return m
}()

const relatedGroups = `
abort cancel stop
add append insert
allow permit
alter modify change mutate
argument arg param parameter
array slice list
asynchronous async background
attribute attr property field
authentication auth login
authorization auth permission
backward reverse
begin start
blank empty
boolean bool
buffer buf
build compile
cache memoize
calculate compute
callback hook handler
capitalization uppercase lowercase case
certificate cert tls
characters runes chars
check verify validate
clone copy duplicate
close shutdown
collision conflict
color colour ansi
combine merge join
command cmd
compare equal
concatenate join
concurrent goroutine thread parallel
concurrency mutex lock race
configuration config settings options
connect dial
context ctx
convert cast transform
create new make
customize custom override
database db
deadline timeout
decode unmarshal parse
default fallback
delay wait sleep
delete remove unset
deprecated obsolete
descend recurse walk
destination dest target
dictionary map
directory dir folder
disable off
discard drop ignore
document doc
drop discard lose
duplicate repeated same
duration timeout interval
emit write output
enable on
encode marshal serialize
environment env
equal same
error err failure
escape quote
event hook
executable binary
execute run
exit quit terminate
extension ext suffix
fail error
fatal panic exit
fetch get
file path
filter exclude
find search lookup
finish end done
flush sync
forbid deny disallow
format layout
freeze lock
function func
generate gen
global singleton
goroutine concurrent
graceful shutdown
greatest max
header headers
hidden hide
hierarchy parent tree
ignore skip
implement implementation
increase increment
indentation indent
inherit parent
initialize init setup
instance object
integer int
interpolate expand substitute
interrupt signal
invalid bad malformed
invoke call
iterate loop range
javascript js
key name
language lang
last final
latency duration
length len size
level severity
library package
limit max maximum
link symlink
listen bind
load read
locate find
lowercase lower
machine host
mandatory required
manual docs
maximum max limit
memory alloc
message msg
middleware handler
minimum min
misspelled typo suggestion
mistyped suggestion typo
monitor watch
name label
nested sub
notify callback
null nil none
number num
omit skip
optional option
order sort
organization org
original source
output write print
override replace
parent ancestor
parse decode
password secret credential
pattern glob regexp regex
permission mode
plugin extension
pool reuse
position offset
precedence priority order
prefix prepend
prevent avoid
previous prev
print output write
priority precedence
private internal unexported
process pid
query search
queue backlog
random rand
rate sampling
read load
receive recv
record entry
recursive recurse
redirect redirection
reference ref
register add
regular regexp
reload watch refresh
remote server
rename alias
render template
repeat duplicate
replace substitute
repository repo
request req
required mandatory
reset clear
response resp reply
restore undo
retrieve get
return yield
return-code exit
rotate rotation
route path
sampling sample sampler
save write store
schema definition
send write
separator delimiter
sequence seq
serialize marshal encode
service server
shell bash zsh
shutdown close
signal interrupt
similar suggestion
skip ignore
snapshot copy
stack trace
stacktrace caller
statistics stats
status code
store save
stream streaming
string str
structured fields
suffix extension
suggest suggestion
switch toggle
synchronize sync
table map
temporary tmp temp
terminate exit
text string
thread goroutine
throw raise panic
time timestamp
timestamp time
token tok
trailing suffix
traverse walk
trim strip
truncate cut
tweak option
type kind
undefined missing
unicode utf8
unknown unrecognized
unlimited infinity
update modify
uppercase upper
url uri
usage help
user account
utility helper
value val
variable var
verbose debug
visible hidden
wait block
warning warn
watch monitor
website http
whitespace space blank
wildcard glob
wrap wrapper
write output
zero empty
`

// questionWords are words that questions are made of rather than what they ask for. They may be rare in code and would
// then outweigh the words that matter.
var questionWords = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(questionWordList) {
		m[w] = true
	}
	return m
}()

// IsQuestionWord says whether a lower-case word belongs to how people ask rather than to what they ask for.
func IsQuestionWord(word string) bool { return questionWords[word] }

const questionWordList = `
able about above accomplish achieve across actual actually afterwards again against ahead allow allowed almost along already also although always among
another answer answers anybody anyone anything anywhere appear appears apparently ask asks author available avoid aware away back based basically
because become becomes before behave behaves behavior behaviour behind being believe best better between big bit both break breaks bring but came can
cannot care case cases cause caused causes certain certainly chance choose chooses chosen clear clearly code come comes coming complain complains
concretely consider contain contains correct correctly could couple curious currently deal decide decided decides deciding decision depend depending depends
describe described detail details determine determined determines determining did difference different do does doing done dont during each easily easy either
else end ends enough ensure even eventually ever every everybody everyone everything everywhere exact exactly except expect expected expects explain
explained explanation fact far few figure find first fix follow following for found from full fully further generally get gets getting give given gives
giving go goes going good got great guarantee guaranteed guarantees had half happen happened happening happens has have having help helps her here hold
how however i idea if important in indeed inside instead intend intended into involved is isn it its itself just keep keeps kept kind know known knows lack
large last later least leave leaves left less let lets lie lies life like likely little live lives ll long longer look looking looks lot made main make makes
making many matter matters may maybe me mean meaning means meant merely might mind mine more most much must my myself near necessary need needed needs neither
never nevertheless new next no nobody none nor normal normally not nothing notice noticed now nowhere of off often open ok okay on once one ones only onto
or other others otherwise our out over own part particular particularly people perhaps person piece place places please point possible possibly practice
practically precisely prefer presumably pretty probably problem problems project properly provide provided provides purpose put puts question quite rather
re really reason reasons recommended regarding relate related remain remains responsible result results right rule rules said same saw say saying says see seem
seems seen sense several shall she should show showing shown shows side similar simple simply since single situation small so some somebody somehow someone
something sometimes somewhere soon sort specific specifically stand stay stays still stuff such suddenly suppose supposed sure take taken takes taking talk
tell tells than thank thanks that the their them themselves then there therefore these they thing things think this those though three through thus till
time times to together told too took toward towards tried tries true truly try trying turn turns two type understand unless unlike until up upon us
use used useful user users uses using usual usually various very via ve want wanted wants was way ways we well went were what whatever when whenever where
whereas wherever whether which whichever while who whoever whole whom whose why will wish with within without wonder won word words work worked working
works would write written wrong yes yet you your yours yourself
`
