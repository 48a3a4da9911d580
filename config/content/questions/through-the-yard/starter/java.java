// On Foot Through the Yard

import java.io.IOException;
import java.util.StringTokenizer;

public class Main {
    static long solve(int height, int width, String[] rows) {
        // Your code goes here.
        return 0;
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int height = Integer.parseInt(words.nextToken());
        int width = Integer.parseInt(words.nextToken());
        String[] rows = new String[height];
        for (int i = 0; i < rows.length; i++) rows[i] = words.nextToken();
        System.out.println(solve(height, width, rows));
    }
}
