package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	in := bufio.NewReader(os.Stdin)
	var height, width int
	fmt.Fscan(in, &height, &width)
	rows := make([]string, height)
	distance := make([]int, height*width)
	queue := []int{}
	for y := range rows {
		fmt.Fscan(in, &rows[y])
		for x := range rows[y] {
			distance[y*width+x] = -1
			if rows[y][x] == 'S' {
				distance[y*width+x] = 0
				queue = append(queue, y*width+x)
			}
		}
	}
	for head := 0; head < len(queue); head++ {
		y, x := queue[head]/width, queue[head]%width
		if rows[y][x] == 'G' {
			fmt.Println(distance[queue[head]])
			return
		}
		for _, step := range [][2]int{{-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
			ny, nx := y+step[0], x+step[1]
			if ny < 0 || ny >= height || nx < 0 || nx >= width || rows[ny][nx] == '#' || distance[ny*width+nx] >= 0 {
				continue
			}
			distance[ny*width+nx] = distance[queue[head]] + 1
			queue = append(queue, ny*width+nx)
		}
	}
	fmt.Println(-1)
}
