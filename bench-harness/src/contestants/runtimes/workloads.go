// Workloads in Go. What they are is in src/workloads; the numbers come as arguments.
package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const golden = 0x9E3779B97F4A7C15

var checksum uint64 = 0xCBF29CE484222325

func mix(value uint64) {
	product := (checksum ^ value) * golden
	checksum = product ^ product>>32
}

type random uint64

func (r *random) bits() uint64 {
	*r += golden
	return scramble(uint64(*r))
}

func scramble(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

func (r *random) below(bound uint64) uint64 {
	return scale(r.bits()>>32, bound)
}

func scale(bits, bound uint64) uint64 {
	return bits * bound >> 32
}

type tree struct {
	left, right *tree
}

func newTree(depth uint64) *tree {
	if depth == 0 {
		return &tree{}
	}
	return &tree{newTree(depth - 1), newTree(depth - 1)}
}

func (t *tree) nodes() uint64 {
	if t.left == nil {
		return 1
	}
	return 1 + t.left.nodes() + t.right.nodes()
}

func binaryTrees(n []uint64) {
	depth := n[0]
	mix(newTree(depth + 1).nodes())
	kept := newTree(depth)
	for at := uint64(4); at <= depth; at += 2 {
		trees, found := uint64(1)<<(depth-at+4), uint64(0)
		for number := uint64(0); number < trees; number++ {
			found += newTree(at).nodes()
		}
		mix(at)
		mix(trees)
		mix(found)
	}
	mix(kept.nodes())
}

type node struct {
	left, right *node
	i, j        int32
}

func (parent *node) populate(depth, number int32) {
	if depth == 0 {
		return
	}
	parent.left = &node{i: depth - 1, j: number}
	parent.right = &node{i: depth - 1, j: number}
	parent.left.populate(depth-1, number)
	parent.right.populate(depth-1, number)
}

func topDown(depth, number int32) *node {
	root := &node{i: depth, j: number}
	root.populate(depth, number)
	return root
}

func bottomUp(depth, number int32) *node {
	if depth == 0 {
		return &node{j: number}
	}
	left := bottomUp(depth-1, number)
	return &node{left, bottomUp(depth-1, number), depth, number}
}

func path(at *node, number int32) uint64 {
	digest := uint64(0)
	for at != nil {
		digest = digest*31 + uint64(at.i) + uint64(at.j)<<8
		if at.i > 0 && number>>(at.i-1)&1 == 1 {
			at = at.right
		} else {
			at = at.left
		}
	}
	return digest
}

func (t *node) heights() uint64 {
	if t.left == nil {
		return uint64(t.i) + 1
	}
	return uint64(t.i) + 1 + t.left.heights() + t.right.heights()
}

func gcbench(n []uint64) {
	stretch, longLived, length, deepest := n[0], int32(n[1]), int(n[2]), n[3]
	mix(path(bottomUp(int32(stretch), 0), 0))
	kept := topDown(longLived, 0)
	numbers := make([]float64, length)
	for k := 0; k < length/2; k++ {
		numbers[k] = 1 / float64(k)
	}
	for depth := uint64(4); depth <= deepest; depth += 2 {
		trees := int32(2 * (2<<stretch - 1) / (2<<depth - 1))
		found := uint64(0)
		for number := int32(0); number < trees; number++ {
			found += path(topDown(int32(depth), number), number)
		}
		mix(found)
		found = 0
		for number := int32(0); number < trees; number++ {
			found += path(bottomUp(int32(depth), number), number)
		}
		mix(found)
	}
	mix(kept.heights())
	bits := uint64(0)
	for _, number := range numbers {
		bits += math.Float64bits(number)
	}
	mix(bits)
}

type link struct {
	value uint64
	next  *link
}

func linked(first, length uint64) *link {
	var head *link
	for value := first; value < first+length; value++ {
		head = &link{value, head}
	}
	return head
}

func (head *link) total(most uint64) uint64 {
	found := uint64(0)
	for ; head != nil && most != 0; most-- {
		found += head.value
		head = head.next
	}
	return found
}

func listChurn(n []uint64) {
	lists, length, replacements := n[0], n[1], n[2]
	heads := make([]*link, lists)
	draws := random(3)
	for number := uint64(0); number < lists+replacements; number++ {
		slot := number
		if number >= lists {
			slot = draws.below(lists)
		}
		full, old := heads[slot] != nil, uint64(0)
		if full {
			old = heads[slot].value
		}
		heads[slot] = linked(number*length, length)
		if full {
			mix(old)
		}
	}
	for _, head := range heads {
		mix(head.total(math.MaxUint64))
	}
}

type member struct {
	value      uint64
	next, prev *member
}

func ring(number uint64) *member {
	first := &member{value: number * 10}
	last := first
	for value := number*10 + 1; value < number*10+10; value++ {
		last.next = &member{value: value, prev: last}
		last = last.next
	}
	last.next = first
	first.prev = last
	return first
}

func rings(n []uint64) {
	var kept []*member
	for begin := uint64(0); begin < n[0]; begin += 100 {
		found := uint64(0)
		for number := begin; number < begin+100; number++ {
			first := ring(number)
			found += first.prev.value
			if number%100 == 0 {
				kept = append(kept, first)
			}
		}
		mix(found)
	}
	for _, first := range kept {
		digest := first.value
		for at := first.next; at != first; at = at.next {
			digest = digest*31 + at.value
		}
		mix(digest)
		digest = first.value
		for at := first.prev; at != first; at = at.prev {
			digest = digest*31 + at.value
		}
		mix(digest)
	}
}

type vertex struct {
	id    uint64
	edges [4]*vertex
}

func graphMutate(n []uint64) {
	count, rewrites := n[0], n[1]
	draws := random(5)
	vertices := make([]*vertex, count)
	for id := range vertices {
		vertices[id] = &vertex{id: uint64(id)}
	}
	for _, at := range vertices {
		for edge := range at.edges {
			at.edges[edge] = vertices[draws.below(count)]
		}
	}
	fresh := count
	for rewrite := uint64(0); rewrite < rewrites; rewrite++ {
		bits := draws.bits()
		source, target := scale(bits&0xFFFFFFFF, count), scale(bits>>32, count)
		if bits>>2&3 == 0 {
			old := vertices[target]
			vertices[target] = &vertex{fresh, old.edges}
			old.edges = [4]*vertex{}
			fresh++
		}
		vertices[source].edges[bits&3] = vertices[target]
	}
	for _, at := range vertices {
		mix(at.id)
		for _, edge := range at.edges {
			mix(edge.id)
		}
	}
}

func deepList(n []uint64) {
	head := linked(0, n[0])
	mix(head.total(math.MaxUint64))
	runtime.GC()
	mix(head.total(1000))
	head = nil
	runtime.GC()
}

type message struct {
	number  uint64
	payload *[8]uint64
}

func queue(n []uint64) {
	capacity, messages := n[0], n[1]
	ring := make([]*message, capacity)
	for first := uint64(0); first < messages; first += 1000 {
		found := uint64(0)
		for number := first; number < first+1000; number++ {
			payload := new([8]uint64)
			for word := range payload {
				payload[word] = number * uint64(word+1)
			}
			fresh, place := &message{number, payload}, number%capacity
			if old := ring[place]; old != nil {
				found += old.number
				for _, word := range old.payload {
					found += word
				}
			}
			ring[place] = fresh
		}
		mix(found)
	}
}

func logUniform(bits, least, octaves uint64) uint64 {
	base := least << (bits & 0xFF * octaves >> 8)
	return base + scale(bits>>8&0xFFFFFFFF, base)
}

func slice(length, value uint64) []byte {
	return bytes.Repeat([]byte{byte(value)}, int(length))
}

func digest(slice []byte) uint64 {
	return uint64(len(slice)) + uint64(slice[0])<<16 + uint64(slice[len(slice)-1])<<24
}

func sizeMix(n []uint64) {
	table, replacements := make([][]byte, n[0]), n[1]
	draws := random(11)
	for first := uint64(0); first < replacements; first += 100 {
		found := uint64(0)
		for number := first; number < first+100; number++ {
			slot, bits := draws.below(n[0]), draws.bits()
			fresh := slice(logUniform(bits, 16, 8), bits>>56)
			if table[slot] != nil {
				found += digest(table[slot])
			}
			table[slot] = fresh
		}
		mix(found)
	}
	for _, slice := range table {
		if slice == nil {
			mix(0)
		} else {
			mix(digest(slice))
		}
	}
}

type quad struct {
	kids [4]*quad
}

func newQuad(depth uint64) *quad {
	var kids [4]*quad
	if depth > 0 {
		for kid := range kids {
			kids[kid] = newQuad(depth - 1)
		}
	}
	return &quad{kids}
}

func (q *quad) count() uint64 {
	if q.kids[0] == nil {
		return 1
	}
	found := uint64(1)
	for _, kid := range q.kids {
		found += kid.count()
	}
	return found
}

func quads(n []uint64) {
	kept := newQuad(n[0])
	for round := 0; round < 20; round++ {
		for tree := uint64(0); tree < n[1]; tree++ {
			runtime.KeepAlive(newQuad(3))
		}
		mix(kept.count())
	}
}

type entry struct {
	key                 uint64
	value               []byte
	chain, newer, older *entry
}

type cache struct {
	table          []*entry
	newest, oldest *entry
}

func (c *cache) bucket(key uint64) uint64 {
	return key * golden >> 40 & uint64(len(c.table)-1)
}

func (c *cache) find(key uint64) *entry {
	found := c.table[c.bucket(key)]
	for found != nil && found.key != key {
		found = found.chain
	}
	return found
}

func (c *cache) insert(key uint64) *entry {
	value := slice(logUniform(scramble(key+golden), 16, 10), key>>3)
	bucket := c.bucket(key)
	fresh := &entry{key: key, value: value, chain: c.table[bucket]}
	c.table[bucket] = fresh
	c.push(fresh)
	return fresh
}

func (c *cache) push(fresh *entry) {
	fresh.newer, fresh.older = nil, c.newest
	if c.newest == nil {
		c.oldest = fresh
	} else {
		c.newest.newer = fresh
	}
	c.newest = fresh
}

func (c *cache) unlink(old *entry) {
	if old.newer == nil {
		c.newest = old.older
	} else {
		old.newer.older = old.older
	}
	if old.older == nil {
		c.oldest = old.newer
	} else {
		old.older.newer = old.newer
	}
}

func (c *cache) evict() {
	old := c.oldest
	c.unlink(old)
	link := &c.table[c.bucket(old.key)]
	for *link != old {
		link = &(*link).chain
	}
	*link = old.chain
}

func lruCache(n []uint64) {
	capacity, accesses := n[0], n[1]
	lru := &cache{table: make([]*entry, n[2])}
	draws := random(17)
	entries := uint64(0)
	for first := uint64(0); first < accesses; first += 10 {
		found, misses := uint64(0), uint64(0)
		for access := first; access < first+10; access++ {
			key := draws.below(draws.below(draws.below(capacity*8)+1) + 1)
			asked := lru.find(key)
			if asked == nil {
				asked = lru.insert(key)
				misses++
				entries++
				if entries > capacity {
					lru.evict()
					entries--
				}
			} else if asked.newer != nil {
				lru.unlink(asked)
				lru.push(asked)
			}
			found += digest(asked.value)
		}
		mix(found)
		mix(misses)
	}
	for at := lru.newest; at != nil; at = at.older {
		mix(at.key)
	}
}

type record struct {
	id   uint64
	body *[12]uint64
}

func newRecord(id uint64) *record {
	body := new([12]uint64)
	for word := range body {
		body[word] = id + uint64(word)
	}
	return &record{id, body}
}

// When each request ended, in nanoseconds, where there are any.
var ends []int64

func eventLoop(n []uint64) {
	table, requests := make([]*record, n[0]), n[1]
	for id := range table {
		table[id] = newRecord(uint64(id))
	}
	ends = make([]int64, requests)
	begun := time.Now()
	for request := uint64(0); request < requests; request++ {
		draws := random(request)
		var list *link
		for read := 0; read < 8; read++ {
			from := table[draws.below(n[0])]
			for note := 0; note < 8; note++ {
				list = &link{from.id + from.body[note], list}
			}
		}
		table[draws.below(n[0])] = newRecord(n[0] + request)
		mix(list.total(math.MaxUint64))
		ends[request] = time.Since(begun).Nanoseconds()
	}
}

type trie struct {
	left, right *trie
	value       uint64
}

func newTrie(depth uint64) *trie {
	if depth == 0 {
		return &trie{}
	}
	return &trie{left: newTrie(depth - 1), right: newTrie(depth - 1)}
}

// The node with one leaf below it replaced, and the value of the leaf before.
func (t *trie) updated(depth, key, value uint64) (*trie, uint64) {
	if depth == 0 {
		return &trie{value: value}, t.value
	}
	if key&1 == 0 {
		left, old := t.left.updated(depth-1, key>>1, value)
		return &trie{left: left, right: t.right}, old
	}
	right, old := t.right.updated(depth-1, key>>1, value)
	return &trie{left: t.left, right: right}, old
}

// Value times position, from left to right, summed up behind so many leaves; and how many there are then.
func (t *trie) sum(before uint64) (uint64, uint64) {
	if t.left == nil {
		return t.value * (before + 1), before + 1
	}
	left, middle := t.left.sum(before)
	right, after := t.right.sum(middle)
	return left + right, after
}

func functionalMap(n []uint64) {
	depth, updates := n[0], n[1]
	ring := make([]*trie, 8)
	ring[0] = newTrie(depth)
	draws := random(31)
	place := 0
	for first := uint64(0); first < updates; first += 10 {
		version, replaced := ring[place], uint64(0)
		for value := first; value < first+10; value++ {
			fresh, old := version.updated(depth, draws.below(1<<depth), value)
			version = fresh
			replaced += old
		}
		place = (place + 1) % 8
		ring[place] = version
		mix(replaced)
	}
	total, _ := ring[place].sum(0)
	mix(total)
}

func cpu() int64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func peak() string {
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmHWM:" {
			kilobytes, _ := strconv.ParseUint(fields[1], 10, 64)
			return fmt.Sprintf(", \"peak_rss_bytes\": %d", kilobytes*1024)
		}
	}
	return ""
}

func main() {
	workload := map[string]func([]uint64){
		"binary_trees":   binaryTrees,
		"gcbench":        gcbench,
		"list_churn":     listChurn,
		"rings":          rings,
		"graph_mutate":   graphMutate,
		"deep_list":      deepList,
		"queue":          queue,
		"size_mix":       sizeMix,
		"quads":          quads,
		"lru_cache":      lruCache,
		"event_loop":     eventLoop,
		"functional_map": functionalMap,
	}[os.Args[1]]
	var numbers []uint64
	for _, text := range os.Args[2:] {
		number, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			panic(err)
		}
		numbers = append(numbers, number)
	}
	begun, used := time.Now(), cpu()
	workload(numbers)
	wall, used := time.Since(begun), cpu()-used
	fmt.Printf("{\"status\": \"ok\", \"checksum\": \"%016x\", \"wall_ns\": %d, \"cpu_ns\": %d%s}\n", checksum, wall.Nanoseconds(), used, peak())
	if len(ends) > 0 {
		var text strings.Builder
		for _, end := range ends {
			fmt.Fprintln(&text, end)
		}
		if err := os.WriteFile("ends", []byte(text.String()), 0o600); err != nil {
			panic(err)
		}
	}
}
