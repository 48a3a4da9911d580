// Two Gloves Without a Partner

import java.io.IOException;
import java.util.Arrays;
import java.util.StringTokenizer;
import java.util.stream.Collectors;

public class Main {
    static long[] solve(int n, long[] numbers) {
        // Your code goes here.
        return new long[0];
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        long[] numbers = new long[n];
        for (int i = 0; i < numbers.length; i++) numbers[i] = Long.parseLong(words.nextToken());
        System.out.println(Arrays.stream(solve(n, numbers)).mapToObj(Long::toString).collect(Collectors.joining(" ")));
    }
}
