import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        int n = in.nextInt();
        PriorityQueue<Integer> smaller = new PriorityQueue<>(Comparator.reverseOrder());
        PriorityQueue<Integer> larger = new PriorityQueue<>();
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < n; i++) {
            smaller.add(in.nextInt());
            larger.add(smaller.poll());
            if (larger.size() > smaller.size()) smaller.add(larger.poll());
            out.append(smaller.peek()).append('\n');
        }
        System.out.print(out);
    }
}
