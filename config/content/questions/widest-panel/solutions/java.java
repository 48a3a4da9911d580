import java.util.ArrayDeque;
import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        int n = in.nextInt();
        long[] heights = new long[n + 1];
        for (int i = 0; i < n; i++) heights[i] = in.nextLong();
        ArrayDeque<Integer> rising = new ArrayDeque<>();
        long best = 0;
        for (int place = 0; place <= n; place++) {
            while (!rising.isEmpty() && heights[rising.peek()] >= heights[place]) {
                long height = heights[rising.pop()];
                int left = rising.isEmpty() ? -1 : rising.peek();
                best = Math.max(best, height * (place - left - 1));
            }
            rising.push(place);
        }
        System.out.println(best);
    }
}
