// Cables That Must Not Break
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, m int, cables []int) []string {
	// cables: two numbers a, b for each cable
	// Your code goes here.
	return nil
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	var m int
	fmt.Fscan(in, &m)
	cables := make([]int, 2*m)
	for i := range cables {
		fmt.Fscan(in, &cables[i])
	}
	for _, line := range solve(n, m, cables) {
		fmt.Println(line)
	}
}
