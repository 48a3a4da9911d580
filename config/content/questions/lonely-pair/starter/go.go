// Two Gloves Without a Partner
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, numbers []int) []int {
	// Your code goes here.
	return nil
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	numbers := make([]int, n)
	for i := range numbers {
		fmt.Fscan(in, &numbers[i])
	}
	for _, number := range solve(n, numbers) {
		fmt.Print(number, " ")
	}
	fmt.Println()
}
