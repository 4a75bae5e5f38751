// The classic workloads in Go. What they are is in src/workloads; the numbers come as arguments.
package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var checksum uint64 = 0xCBF29CE484222325

func mix(value uint64) {
	product := (checksum ^ value) * 0x9E3779B97F4A7C15
	checksum = product ^ product>>32
}

type random uint64

func (r *random) bits() uint64 {
	*r += 0x9E3779B97F4A7C15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

func (r *random) below(bound uint64) uint64 {
	return r.bits() >> 32 * bound >> 32
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
		source, target := bits&0xFFFFFFFF*count>>32, bits>>32*count>>32
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
		"binary_trees": binaryTrees,
		"gcbench":      gcbench,
		"list_churn":   listChurn,
		"rings":        rings,
		"graph_mutate": graphMutate,
		"deep_list":    deepList,
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
}
