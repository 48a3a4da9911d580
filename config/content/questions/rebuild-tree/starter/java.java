// Two Lists, One Tree

import java.io.IOException;
import java.util.Arrays;
import java.util.StringTokenizer;
import java.util.stream.Collectors;

public class Main {
    static long[] solve(int n, long[] first, long[] second) {
        // Your code goes here.
        return new long[0];
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        long[] first = new long[n];
        for (int i = 0; i < first.length; i++) first[i] = Long.parseLong(words.nextToken());
        long[] second = new long[n];
        for (int i = 0; i < second.length; i++) second[i] = Long.parseLong(words.nextToken());
        System.out.println(Arrays.stream(solve(n, first, second)).mapToObj(Long::toString).collect(Collectors.joining(" ")));
    }
}
