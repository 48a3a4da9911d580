import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        int n = in.nextInt(), m = in.nextInt();
        List<List<Integer>> followers = new ArrayList<>();
        for (int train = 0; train <= n; train++) followers.add(new ArrayList<>());
        int[] waitsFor = new int[n + 1];
        for (int rule = 0; rule < m; rule++) {
            int before = in.nextInt(), after = in.nextInt();
            followers.get(before).add(after);
            waitsFor[after]++;
        }
        PriorityQueue<Integer> ready = new PriorityQueue<>();
        for (int train = 1; train <= n; train++) if (waitsFor[train] == 0) ready.add(train);
        StringBuilder order = new StringBuilder();
        int departed = 0;
        while (!ready.isEmpty()) {
            int train = ready.poll();
            departed++;
            order.append(train).append(' ');
            for (int follower : followers.get(train)) if (--waitsFor[follower] == 0) ready.add(follower);
        }
        System.out.println(departed == n ? order.toString().trim() : "impossible");
    }
}
