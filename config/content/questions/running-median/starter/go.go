// The Median So Far
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, delays []int) []int {
	// Your code goes here.
	return nil
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	delays := make([]int, n)
	for i := range delays {
		fmt.Fscan(in, &delays[i])
	}
	for _, number := range solve(n, delays) {
		fmt.Print(number, " ")
	}
	fmt.Println()
}
