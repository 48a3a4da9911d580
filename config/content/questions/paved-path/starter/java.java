// A Very Long Path of Slabs

import java.io.IOException;
import java.util.StringTokenizer;

public class Main {
    static long solve(long n, int k, long[] lengths) {
        // Your code goes here.
        return 0;
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        long n = Long.parseLong(words.nextToken());
        int k = Integer.parseInt(words.nextToken());
        long[] lengths = new long[k];
        for (int i = 0; i < lengths.length; i++) lengths[i] = Long.parseLong(words.nextToken());
        System.out.println(solve(n, k, lengths));
    }
}
