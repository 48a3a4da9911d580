// Who Departs First?
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, m int, rules []int) []string {
	// rules: two numbers a, b for each rule, a departs before b
	// Your code goes here.
	return nil
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	var m int
	fmt.Fscan(in, &m)
	rules := make([]int, 2*m)
	for i := range rules {
		fmt.Fscan(in, &rules[i])
	}
	for _, line := range solve(n, m, rules) {
		fmt.Println(line)
	}
}
