// Cables That Must Not Break

import java.io.IOException;
import java.util.StringTokenizer;

public class Main {
    static String[] solve(int n, int m, long[] cables) {
        // cables: two numbers a, b for each cable
        // Your code goes here.
        return new String[0];
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        int m = Integer.parseInt(words.nextToken());
        long[] cables = new long[2 * m];
        for (int i = 0; i < cables.length; i++) cables[i] = Long.parseLong(words.nextToken());
        System.out.println(String.join("\n", solve(n, m, cables)));
    }
}
