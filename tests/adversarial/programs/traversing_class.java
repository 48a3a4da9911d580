package META_INF.services;

/** Unicode escapes are read before anything else: this must not name a path outside the jar. */
public class \u002e\u002e\u002fMain {
    public static void main(String[] args) {
        System.out.println("ALLOWED");
    }
}
