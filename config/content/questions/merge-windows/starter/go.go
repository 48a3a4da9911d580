// When Is the Track Closed?
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, windows []int) []string {
	// windows: two numbers from, to for each window
	// Your code goes here.
	return nil
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	windows := make([]int, 2*n)
	for i := range windows {
		fmt.Fscan(in, &windows[i])
	}
	for _, line := range solve(n, windows) {
		fmt.Println(line)
	}
}
