// The Most Different Signals
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, signals []int) int {
	// Your code goes here.
	return 0
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	signals := make([]int, n)
	for i := range signals {
		fmt.Fscan(in, &signals[i])
	}
	fmt.Println(solve(n, signals))
}
