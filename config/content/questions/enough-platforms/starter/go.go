// Enough Platforms for Everyone
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, stays []int) int {
	// stays: two numbers arrival, departure for each train
	// Your code goes here.
	return 0
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	stays := make([]int, 2*n)
	for i := range stays {
		fmt.Fscan(in, &stays[i])
	}
	fmt.Println(solve(n, stays))
}
