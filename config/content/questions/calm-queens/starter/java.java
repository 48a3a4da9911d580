// Lamps That Do Not Dazzle

import java.io.IOException;
import java.util.StringTokenizer;

public class Main {
    static long solve(int n, String[] rows) {
        // Your code goes here.
        return 0;
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        String[] rows = new String[n];
        for (int i = 0; i < rows.length; i++) rows[i] = words.nextToken();
        System.out.println(solve(n, rows));
    }
}
