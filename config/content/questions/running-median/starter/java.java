// The Median So Far

import java.io.IOException;
import java.util.Arrays;
import java.util.StringTokenizer;
import java.util.stream.Collectors;

public class Main {
    static long[] solve(int n, long[] delays) {
        // Your code goes here.
        return new long[0];
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        long[] delays = new long[n];
        for (int i = 0; i < delays.length; i++) delays[i] = Long.parseLong(words.nextToken());
        System.out.println(Arrays.stream(solve(n, delays)).mapToObj(Long::toString).collect(Collectors.joining(" ")));
    }
}
