// Two Lists, One Tree
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, first []int, second []int) []int {
	// Your code goes here.
	return nil
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	first := make([]int, n)
	for i := range first {
		fmt.Fscan(in, &first[i])
	}
	second := make([]int, n)
	for i := range second {
		fmt.Fscan(in, &second[i])
	}
	for _, number := range solve(n, first, second) {
		fmt.Print(number, " ")
	}
	fmt.Println()
}
