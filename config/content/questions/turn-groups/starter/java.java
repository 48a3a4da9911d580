// Turning the Train in Groups

import java.io.IOException;
import java.util.Arrays;
import java.util.StringTokenizer;
import java.util.stream.Collectors;

public class Main {
    static long[] solve(int n, int k, int head, long[] behind) {
        // Your code goes here.
        return new long[0];
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        int k = Integer.parseInt(words.nextToken());
        int head = Integer.parseInt(words.nextToken());
        long[] behind = new long[n];
        for (int i = 0; i < behind.length; i++) behind[i] = Long.parseLong(words.nextToken());
        System.out.println(Arrays.stream(solve(n, k, head, behind)).mapToObj(Long::toString).collect(Collectors.joining(" ")));
    }
}
