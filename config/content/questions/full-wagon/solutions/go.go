package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	in := bufio.NewReader(os.Stdin)
	var n, capacity int
	fmt.Fscan(in, &n, &capacity)
	best := make([]int, capacity+1)
	for ; n > 0; n-- {
		var weight, fee int
		fmt.Fscan(in, &weight, &fee)
		for room := capacity; room >= weight; room-- {
			best[room] = max(best[room], best[room-weight]+fee)
		}
	}
	fmt.Println(best[capacity])
}
